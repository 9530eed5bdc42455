package io.holdfast.core;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** How long to rest before the next try: twice as long each time, up to a bound, and never the same as others do. */
final class Pace {
  private final long firstNanos;
  private final long mostNanos;
  private int rests;

  Pace(Duration first, Duration most) {
    this.firstNanos = first.toNanos();
    this.mostNanos = most.toNanos();
  }

  /** Between half of what is due and all of it. */
  long next(RandomGenerator chance) {
    long due = firstNanos << Math.min(rests, 20);
    rests++;
    long rest = Math.min(due, mostNanos);
    return rest - (long) (chance.nextDouble() * rest / 2);
  }

  void startAnew() {
    rests = 0;
  }
}
