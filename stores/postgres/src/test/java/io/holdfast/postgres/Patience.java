package io.holdfast.postgres;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waiting with a bound. */
public final class Patience {
  public static final Duration PROMPTLY = Duration.ofSeconds(10);

  private Patience() {}

  public static void until(String what, BooleanSupplier isSo) {
    long deadline = Ticker.system().nanosIn(PROMPTLY);
    while (!isSo.getAsBoolean()) {
      if (Ticker.system().nanos() - deadline > 0) {
        throw new AssertionError("not so within " + PROMPTLY + ": " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  public static <T> T promptly(CompletionStage<T> answer) throws Exception {
    return answer.toCompletableFuture().get(PROMPTLY.toSeconds(), TimeUnit.SECONDS);
  }

  /** The same, and throws what it failed with itself. */
  public static <T> T answer(CompletionStage<T> answer) throws Exception {
    try {
      return promptly(answer);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception failure) {
        throw failure;
      }
      throw (Error) e.getCause();
    }
  }

  /** How long this takes. */
  public static Duration timed(Step step) throws Exception {
    long from = Ticker.system().nanos();
    step.run();
    return Duration.ofNanos(Ticker.system().nanos() - from);
  }

  public interface Step {
    void run() throws Exception;
  }
}
