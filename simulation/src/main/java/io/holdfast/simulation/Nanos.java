package io.holdfast.simulation;

/** Spans of time in nanoseconds. */
final class Nanos {
  static final long MILLI = 1_000_000;
  static final long SECOND = 1_000 * MILLI;

  private Nanos() {}
}
