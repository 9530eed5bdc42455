package io.holdfast;

/**
 * The caller's mistake, found before anything was asked of a store: nothing has changed anywhere.
 *
 * <p>The message is one line: a reason that programs can compare, then the field, its value (escaped, cut to 64
 * characters) and the limit, as in {@code NAME_TOO_LONG: name "aaaa…" has 513 bytes, at most 512}.
 */
public final class InvalidRequestException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private static final int SHOWN_CHARACTERS = 64;

  private final String reason;

  /**
   * For stores and adapters; applications catch it.
   *
   * @param reason a stable word in capitals, such as {@code NAME_EMPTY}
   * @param detail the rest of the line: field, value (see {@link #show}) and limit
   */
  public InvalidRequestException(String reason, String detail) {
    super(reason + ": " + detail);
    this.reason = reason;
  }

  /** The stable word the message starts with, such as {@code NAME_TOO_LONG}. */
  public String reason() {
    return reason;
  }

  /**
   * A value as it may stand in a message or a log: in quotes, control characters and stray surrogates escaped, cut to
   * 64 characters.
   */
  public static String show(String value) {
    StringBuilder shown = new StringBuilder("\"");
    int end = Math.min(value.length(), SHOWN_CHARACTERS);
    for (int i = 0; i < end; i++) {
      char c = value.charAt(i);
      switch (c) {
        case '\n' -> shown.append("\\n");
        case '\r' -> shown.append("\\r");
        case '\t' -> shown.append("\\t");
        case '"' -> shown.append("\\\"");
        case '\\' -> shown.append("\\\\");
        default -> {
          if (isPrintable(value, i)) {
            shown.append(c);
          } else {
            shown.append(String.format("\\u%04X", (int) c));
          }
        }
      }
    }
    return shown.append(end < value.length() ? "…\"" : "\"").toString();
  }

  private static boolean isPrintable(String value, int i) {
    char c = value.charAt(i);
    if (Character.isHighSurrogate(c)) {
      return i + 1 < Math.min(value.length(), SHOWN_CHARACTERS)
          && Character.isLowSurrogate(value.charAt(i + 1));
    }
    if (Character.isLowSurrogate(c)) {
      return i > 0 && Character.isHighSurrogate(value.charAt(i - 1));
    }
    return !Character.isISOControl(c)
        && Character.getType(c) != Character.FORMAT
        && c != '\u2028'
        && c != '\u2029';
  }
}
