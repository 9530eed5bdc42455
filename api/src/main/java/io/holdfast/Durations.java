package io.holdfast;

import java.time.Duration;
import java.time.temporal.ChronoUnit;

/** Bounds of durations, checked at the door so that no sum of nanoseconds overflows behind it. */
final class Durations {
  /** Longer than anybody means; short enough to add to a clock. */
  static final Duration LONGEST = Duration.ofDays(365);

  /** Shown in milliseconds up to here. */
  private static final Duration FEW_DIGITS = Duration.ofDays(100_000);

  private Durations() {}

  static void requireBetween(
      String code, String field, Duration value, Duration least, Duration most) {
    if (value.compareTo(least) < 0) {
      throw new InvalidRequestException(
          code + "_TOO_SHORT", field + " " + show(value) + " < " + show(least));
    }
    if (value.compareTo(most) > 0) {
      throw new InvalidRequestException(
          code + "_TOO_LONG", field + " " + show(value) + " > " + show(most));
    }
  }

  /** A wait in nanoseconds; one longer than {@link #LONGEST} is cut to just below it, which means without bound. */
  static long waitNanos(Duration maxWait) {
    if (maxWait.isNegative()) {
      throw new InvalidRequestException("WAIT_NEGATIVE", "maxWait " + show(maxWait) + " < 0 ms");
    }
    return maxWait.compareTo(LONGEST) < 0 ? maxWait.toNanos() : LONGEST.toNanos() - 1;
  }

  private static String show(Duration value) {
    Duration millis = value.truncatedTo(ChronoUnit.MILLIS);
    // Not by abs(): the most negative duration has none.
    boolean shortEnough =
        value.compareTo(FEW_DIGITS) < 0 && value.compareTo(FEW_DIGITS.negated()) > 0;
    return shortEnough && millis.equals(value) ? value.toMillis() + " ms" : value.toString();
  }
}
