package io.holdfast.spi;

import java.time.Duration;
import java.time.Instant;

/**
 * The one source of time: a monotonic reading, timers on it, and a wall clock for people to read. Nothing else in Holdfast
 * asks a clock, so a test that hands in a ticker of its own decides what time it is. Thread-safe.
 */
public interface Ticker {
  /** A monotonic reading in nanoseconds from an arbitrary origin; compare by subtraction. */
  long nanos();

  /**
   * A reading for whoever holds something: it goes on with {@link #nanos}, and beside that by the time that the machine was
   * suspended, of which many monotonic clocks know nothing. A holder's deadline is a reading of this one, so that nobody who
   * slept believes in what others have had meanwhile. Whoever waits for a holder to be dead goes by {@link #nanos} alone: each
   * side errs on the safe side. As by default the same as {@link #nanos} where nothing can be suspended.
   */
  default long holderNanos() {
    return nanos();
  }

  /** The wall clock, only ever shown, never compared. */
  Instant instant();

  /**
   * Runs a task once, when {@link #nanos} has reached the deadline; at once, in another thread, if it has. The task must be
   * short and must not block: it delays the other timers.
   *
   * @param deadlineNanos a reading of {@link #nanos}
   */
  Alarm schedule(long deadlineNanos, Runnable task);

  /** The reading {@code delay} from now. */
  default long nanosIn(Duration delay) {
    return nanos() + delay.toNanos();
  }

  /** The machine's clocks, with one daemon thread for the timers of the whole process. */
  static Ticker system() {
    return SystemTicker.INSTANCE;
  }

  /** A task to come. */
  interface Alarm {
    /** Takes the task back; harmless when it has run. */
    void cancel();
  }
}
