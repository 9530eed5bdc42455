package io.holdfast.faults;

import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Interrupts the thread that made it, after a while, unless it is closed before. Nothing of the interrupt is left when
 * it is closed.
 */
final class Interrupter implements AutoCloseable {
  private final ReentrantLock mutex = new ReentrantLock();
  private final Thread thread = Thread.currentThread();
  private final Runnable before;
  private final ScheduledFuture<?> alarm;
  private boolean over;

  /**
   * Starts.
   *
   * @param before runs just before the interrupt
   */
  Interrupter(ScheduledExecutorService timer, Duration after, Runnable before) {
    this.before = before;
    this.alarm = timer.schedule(this::interrupt, after.toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public void close() {
    alarm.cancel(false);
    mutex.lock();
    try {
      over = true;
      Thread.interrupted();
    } finally {
      mutex.unlock();
    }
  }

  private void interrupt() {
    mutex.lock(); // so that close() either comes first or sees the interrupt
    try {
      if (!over) {
        before.run();
        thread.interrupt();
      }
    } finally {
      mutex.unlock();
    }
  }
}
