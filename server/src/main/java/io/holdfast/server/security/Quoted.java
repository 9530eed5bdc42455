package io.holdfast.server.security;

/** Text from outside, fit to be shown in one line: quoted, cut, and without anything that moves a cursor. */
final class Quoted {
  private static final int LIMIT = 64;

  private Quoted() {}

  static String of(String text) {
    StringBuilder shown = new StringBuilder(LIMIT + 8).append('"');
    int end = Math.min(text.length(), LIMIT);
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      int type = Character.getType(c);
      if (c == '"' || c == '\\') {
        shown.append('\\').append(c);
      } else if (type == Character.CONTROL
          || type == Character.FORMAT
          || type == Character.SURROGATE
          || type == Character.LINE_SEPARATOR
          || type == Character.PARAGRAPH_SEPARATOR) {
        shown.append(String.format("\\u%04x", (int) c));
      } else {
        shown.append(c);
      }
    }
    return shown.append(end < text.length() ? "…\"" : "\"").toString();
  }
}
