package io.holdfast.gcs;

/** What others wrote, as it may stand in a message of ours. */
final class ErrorText {
  /** Long enough for the name of a permission and of who lacks it. */
  private static final int SHOWN_CHARACTERS = 240;

  private ErrorText() {}

  /** One line without control characters, cut. */
  static String shown(String text) {
    String line = text.replaceAll("[\\p{Cntrl}\\p{Cf}\\u0080-\\u009f\\u2028\\u2029]+", " ").strip();
    return line.length() <= SHOWN_CHARACTERS ? line : line.substring(0, SHOWN_CHARACTERS) + "…";
  }
}
