package io.holdfast.server.core;

/**
 * So many a second on average, and as many at one go: the generic cell rate algorithm (ITU-T I.371). Guarded by who uses it.
 */
final class Rate {
  private static final long SECOND = 1_000_000_000;

  private final long nanosEach;
  private long nextNanos;
  private boolean begun;

  Rate(int mostPerSecond) {
    this.nanosEach = SECOND / mostPerSecond;
  }

  /** Whether there may be one more now; then it counts. */
  boolean allows(long nowNanos) {
    if (!begun || nextNanos - nowNanos < 0) {
      begun = true;
      nextNanos = nowNanos;
    }
    if (nextNanos - nowNanos > SECOND - nanosEach) {
      return false;
    }
    nextNanos += nanosEach;
    return true;
  }
}
