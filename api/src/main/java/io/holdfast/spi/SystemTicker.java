package io.holdfast.spi;

import java.time.Instant;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The machine's clocks. Its thread starts with the first timer. */
final class SystemTicker implements Ticker {
  static final SystemTicker INSTANCE = new SystemTicker();

  private final ScheduledThreadPoolExecutor timers;

  private SystemTicker() {
    timers =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "holdfast-timers");
              thread.setDaemon(true);
              return thread;
            });
    timers.setRemoveOnCancelPolicy(true);
  }

  @Override
  public long nanos() {
    return System.nanoTime();
  }

  @Override
  public Instant instant() {
    return Instant.now();
  }

  @Override
  public Alarm schedule(long deadlineNanos, Runnable task) {
    ScheduledFuture<?> timer = timers.schedule(task, deadlineNanos - nanos(), TimeUnit.NANOSECONDS);
    return () -> timer.cancel(false);
  }
}
