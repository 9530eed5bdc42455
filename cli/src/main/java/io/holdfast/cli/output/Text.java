package io.holdfast.cli.output;

import java.nio.charset.Charset;
import java.nio.charset.CharsetEncoder;

/** Other people's text, made safe to stand in a line on a terminal or in a log. */
public final class Text {
  private Text() {}

  /**
   * The text with all escaped that would not show as itself: control characters (a terminal obeys them), marks that turn the
   * direction of writing, line ends, and what the locale has no character for. One text, one spelling: backslashes are
   * doubled.
   */
  public static String shown(String text) {
    return shown(text, Charset.defaultCharset());
  }

  static String shown(String text, Charset charset) {
    CharsetEncoder encoder = charset.newEncoder();
    StringBuilder shown = new StringBuilder(text.length());
    int next;
    for (int i = 0; i < text.length(); i = next) {
      int character = text.codePointAt(i);
      next = i + Character.charCount(character);
      String itself = text.substring(i, next);
      if (character == '\\') {
        shown.append("\\\\");
      } else if (isPlain(character) && encoder.canEncode(itself)) {
        shown.append(itself);
      } else {
        itself.chars().forEach(c -> shown.append(escaped((char) c)));
      }
    }
    return shown.toString();
  }

  private static String escaped(char c) {
    return switch (c) {
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      default -> String.format("\\u%04X", (int) c);
    };
  }

  private static boolean isPlain(int character) {
    return switch (Character.getType(character)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
