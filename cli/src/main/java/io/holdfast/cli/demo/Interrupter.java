package io.holdfast.cli.demo;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;

/** Interrupts the thread that made it, after a while, and surely not once it is closed. */
final class Interrupter implements AutoCloseable {
  private final ReentrantLock mutex = new ReentrantLock();
  private final Thread thread = Thread.currentThread();
  private final Runnable before;
  private final Ticker.Alarm alarm;
  private boolean closed;
  private boolean interrupted;

  /**
   * Sets the alarm.
   *
   * @param before runs just before the interrupt, if there is one
   */
  Interrupter(Ticker ticker, Duration after, Runnable before) {
    this.before = before;
    this.alarm = ticker.schedule(ticker.nanosIn(after), this::interrupt);
  }

  /** Takes the interrupt back, even if it was sent and not noticed. */
  @Override
  public void close() {
    alarm.cancel();
    mutex.lock();
    try {
      closed = true;
      if (interrupted) {
        Thread.interrupted();
      }
    } finally {
      mutex.unlock();
    }
  }

  private void interrupt() {
    mutex.lock();
    try {
      if (!closed) {
        before.run();
        interrupted = true;
        thread.interrupt();
      }
    } finally {
      mutex.unlock();
    }
  }
}
