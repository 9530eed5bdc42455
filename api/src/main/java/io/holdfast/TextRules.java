package io.holdfast;

import java.util.Locale;

/** What names and path segments may look like. Every check throws {@link InvalidRequestException}. */
final class TextRules {
  private TextRules() {}

  /**
   * Checks that text is well-formed, free of control characters and at most so many UTF-8 bytes long.
   *
   * @param field the field's name in messages and, in capitals, in the reason: {@code name}, {@code segment}
   */
  static void check(String field, String text, int maxBytes) {
    int bytes = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x80) {
        if (c < 0x20 || c == 0x7F) {
          throw badCharacter(field, text, c, bytes);
        }
        bytes++;
      } else if (c < 0x800) {
        if (c < 0xA0) {
          throw badCharacter(field, text, c, bytes);
        }
        bytes += 2;
      } else if (!Character.isSurrogate(c)) {
        bytes += 3;
      } else if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        bytes += 4;
        i++;
      } else {
        throw invalid(field, "NOT_UTF8", text, "has half a surrogate pair at byte " + bytes);
      }
    }
    if (bytes == 0) {
      throw new InvalidRequestException(
          reason(field, "EMPTY"), field + " is empty, at least 1 byte");
    }
    if (bytes > maxBytes) {
      throw invalid(field, "TOO_LONG", text, "has " + bytes + " bytes, at most " + maxBytes);
    }
  }

  static InvalidRequestException invalid(String field, String problem, String text, String detail) {
    return new InvalidRequestException(
        reason(field, problem), field + " " + InvalidRequestException.show(text) + " " + detail);
  }

  private static InvalidRequestException badCharacter(
      String field, String text, char c, int atByte) {
    return invalid(
        field,
        "BAD_CHAR",
        text,
        String.format("has the control character U+%04X at byte %d", (int) c, atByte));
  }

  private static String reason(String field, String problem) {
    return field.toUpperCase(Locale.ROOT).replace(' ', '_') + "_" + problem;
  }
}
