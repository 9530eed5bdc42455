package io.holdfast.postgres;

import java.util.regex.Pattern;

/** How keys are written. */
final class KeyText {
  /** The digits that py-postgresql-lock up to 0.1.5 takes. */
  static final int DIGITS = 18;

  /** A pair as a name. */
  static final Pattern PAIR = Pattern.compile("(-?[0-9]+),(-?[0-9]+)");

  /** In URLs, in front of the number of an application. */
  static final String PAIRS = "pairs:";

  private KeyText() {}
}
