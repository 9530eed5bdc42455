package io.holdfast.server.security;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Does a piece of work that may block again and again, on a daemon thread of its own, never twice at a time. Thread-safe.
 */
final class Repeater implements AutoCloseable {
  private final Ticker ticker;
  private final Supplier<Duration> work;
  private final ExecutorService thread;

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex. Either an alarm is set, or the work is due or running.
  private Ticker.@Nullable Alarm alarm;
  private boolean due;
  private boolean closed;

  /**
   * @param work tells how long to wait until the next time; does not throw
   */
  Repeater(Ticker ticker, String name, Supplier<Duration> work) {
    this.ticker = ticker;
    this.work = work;
    this.thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread made = new Thread(task, name);
              made.setDaemon(true);
              return made;
            });
  }

  /** The first time is in so long. */
  void start(Duration first) {
    mutex.lock();
    try {
      schedule(first);
    } finally {
      mutex.unlock();
    }
  }

  /** Now rather than at its time, or once more after it has run if it runs. What is due already is not due twice. */
  void now() {
    mutex.lock();
    try {
      if (closed || due) {
        return;
      }
      due = true;
      if (alarm != null) {
        alarm.cancel();
        alarm = null;
      }
      // Hands over only; nothing runs here.
      thread.execute(this::run);
    } finally {
      mutex.unlock();
    }
  }

  private void run() {
    mutex.lock();
    try {
      due = false;
    } finally {
      mutex.unlock();
    }
    Duration next = work.get();
    mutex.lock();
    try {
      if (!due) {
        schedule(next);
      }
    } finally {
      mutex.unlock();
    }
  }

  private void schedule(Duration in) {
    assert mutex.isHeldByCurrentThread();
    if (!closed) {
      alarm = ticker.schedule(ticker.nanosIn(in), this::now);
    }
  }

  /** Does not wait for work that runs. */
  @Override
  public void close() {
    mutex.lock();
    try {
      closed = true;
      if (alarm != null) {
        alarm.cancel();
        alarm = null;
      }
    } finally {
      mutex.unlock();
    }
    thread.shutdownNow();
  }
}
