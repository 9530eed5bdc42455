package io.holdfast.postgres;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waiting with a bound. */
final class Patience {
  static final Duration PROMPTLY = Duration.ofSeconds(10);

  private Patience() {}

  static void until(String what, BooleanSupplier isSo) {
    long deadline = Ticker.system().nanosIn(PROMPTLY);
    while (!isSo.getAsBoolean()) {
      if (Ticker.system().nanos() - deadline > 0) {
        throw new AssertionError("not so within " + PROMPTLY + ": " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  static <T> T promptly(CompletionStage<T> answer) throws Exception {
    return answer.toCompletableFuture().get(PROMPTLY.toSeconds(), TimeUnit.SECONDS);
  }

  /** How long this takes. */
  static Duration timed(Step step) throws Exception {
    long from = Ticker.system().nanos();
    step.run();
    return Duration.ofNanos(Ticker.system().nanos() - from);
  }

  interface Step {
    void run() throws Exception;
  }
}
