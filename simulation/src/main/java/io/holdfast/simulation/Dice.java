package io.holdfast.simulation;

import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** All chance in a simulated world: the same seed gives the same throws. */
final class Dice {
  private final SplittableRandom random;

  Dice(long seed) {
    // Neighbouring seeds shall give worlds that have nothing in common.
    this.random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L);
  }

  boolean chance(double probability) {
    return random.nextDouble() < probability;
  }

  /** 0 to {@code bound - 1}. */
  int below(int bound) {
    return random.nextInt(bound);
  }

  /** Both ends included. */
  long between(long least, long most) {
    return random.nextLong(least, most + 1);
  }

  double between(double least, double most) {
    return random.nextDouble(least, most);
  }

  /** For somebody who throws for himself. */
  RandomGenerator another() {
    return random.split();
  }

  <T> T oneOf(List<T> some) {
    return some.get(random.nextInt(some.size()));
  }
}
