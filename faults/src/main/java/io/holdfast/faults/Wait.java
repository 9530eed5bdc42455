package io.holdfast.faults;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Letting time pass. The rig lives in real time, as what it watches does. */
final class Wait {
  private static final long LOOK_EVERY_MILLIS = 20;

  private Wait() {}

  static void pass(Duration duration) throws InterruptedException {
    Thread.sleep(duration.toMillis());
  }

  /** Looks again and again; whether it came true in time. */
  static boolean until(Duration patience, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        return false;
      }
      Thread.sleep(LOOK_EVERY_MILLIS);
    }
    return true;
  }

  /**
   * The same for what must come true.
   *
   * @throws NotRecoveredException if it does not
   */
  static void mustBe(String what, Duration patience, BooleanSupplier condition)
      throws InterruptedException {
    if (!until(patience, condition)) {
      throw new NotRecoveredException("waited " + patience.toSeconds() + " s in vain: " + what);
    }
  }
}
