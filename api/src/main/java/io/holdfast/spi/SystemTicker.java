package io.holdfast.spi;

import java.time.Instant;
import java.util.Objects;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** The machine's clocks. Its thread starts with the first timer. */
final class SystemTicker implements Ticker {
  /*
   * Suspend. The monotonic clock stands still while the machine is suspended, the wall clock does not. So whenever the wall
   * clock has moved ahead of the monotonic one, a holder's reading moves with it, for good; whenever it was set back, only
   * the distance between the two is noted anew. A wall clock that is set forward looks like a suspend: holders then believe
   * less than they could, which is the safe side.
   *
   * Timers. Most are taken back long before they are due, and each that is due before all others wakes the thread. So while
   * there are any, there is one more, which does nothing and comes soon: it is the one that is due first.
   */

  /** What is due later than this wakes nobody when it is set. */
  private static final long SOON_NANOS = 500_000_000;

  /** Less is the noise of clocks that are read one after the other, and adds up until it is more. */
  private static final long NOTICEABLE_NANOS = 20_000_000;

  static final SystemTicker INSTANCE = new SystemTicker();

  private final ScheduledThreadPoolExecutor timers;
  private final AtomicBoolean isFirstSet = new AtomicBoolean();
  private final AtomicReference<Clocks> clocks =
      new AtomicReference<>(new Clocks(wallNanos() - System.nanoTime(), 0));

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
  public long holderNanos() {
    while (true) {
      Clocks last = Objects.requireNonNull(clocks.get());
      long before = System.nanoTime();
      long wall = wallNanos();
      long nanos = System.nanoTime();
      // Whatever happened between the three readings, the truth lies between these two.
      long atLeast = wall - nanos - last.wallBeforeMonotonic;
      long atMost = wall - before - last.wallBeforeMonotonic;
      if (atLeast < NOTICEABLE_NANOS && atMost > -NOTICEABLE_NANOS) {
        return nanos + last.suspendedNanos;
      }
      clocks.compareAndSet(
          last, new Clocks(wall - nanos, last.suspendedNanos + Math.max(0, atLeast)));
    }
  }

  @Override
  public Instant instant() {
    return Instant.now();
  }

  @Override
  public Alarm schedule(long deadlineNanos, Runnable task) {
    ScheduledFuture<?> timer =
        timers.schedule(() -> run(task), deadlineNanos - nanos(), TimeUnit.NANOSECONDS);
    setFirst();
    return () -> timer.cancel(false);
  }

  /** The executor would keep what a task throws to itself. */
  private static void run(Runnable task) {
    try {
      task.run();
    } catch (Throwable e) {
      Thread self = Thread.currentThread();
      self.getUncaughtExceptionHandler().uncaughtException(self, e);
    }
  }

  private void setFirst() {
    if (!isFirstSet.get() && isFirstSet.compareAndSet(false, true)) {
      ScheduledFuture<?> unused = timers.schedule(this::first, SOON_NANOS, TimeUnit.NANOSECONDS);
    }
  }

  private void first() {
    isFirstSet.set(false);
    if (!timers.getQueue().isEmpty()) {
      setFirst();
    }
  }

  private static long wallNanos() {
    return TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
  }

  /** How far the wall clock was before the monotonic one at the last look, and how much of that was suspend. */
  private record Clocks(long wallBeforeMonotonic, long suspendedNanos) {}
}
