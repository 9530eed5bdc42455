package io.holdfast.simulation;

import io.holdfast.spi.Ticker;
import java.time.Instant;

/**
 * A process on a machine of its own: its clock runs a little fast or slow, it can stand still for a while (then what
 * should have happened in it happens late, in the same order), and it can be killed (then it never happens).
 */
final class SimulatedProcess implements Ticker {
  private final VirtualTime time;
  private final double clockRate;
  private final long origin;

  private long pausedUntil;

  /** Raised whenever it is killed: what was planned in an earlier life is forgotten. */
  private int life;

  /**
   * @param clockRate 1 for a perfect clock
   * @param origin what the clock shows when the world begins
   */
  SimulatedProcess(VirtualTime time, double clockRate, long origin) {
    this.time = time;
    this.clockRate = clockRate;
    this.origin = origin;
  }

  @Override
  public long nanos() {
    return readingAt(time.now());
  }

  @Override
  public Instant instant() {
    return Instant.ofEpochSecond(0, nanos());
  }

  @Override
  public Alarm schedule(long deadlineNanos, Runnable task) {
    Task alarm = new Task(task);
    time.at(trueTime(deadlineNanos), alarm);
    return alarm;
  }

  /** In so many nanoseconds of its own clock. */
  Alarm after(long nanos, Runnable task) {
    return schedule(nanos() + nanos, task);
  }

  /** Has it do something at a moment of true time, such as receive a message. */
  void at(long trueTime, Runnable task) {
    time.at(trueTime, new Task(task));
  }

  /** Stands still until then. */
  void pause(long until) {
    pausedUntil = Math.max(pausedUntil, until);
  }

  boolean isPaused() {
    return time.now() < pausedUntil;
  }

  long pausedUntil() {
    return pausedUntil;
  }

  void kill() {
    life++;
    pausedUntil = 0;
  }

  /** The first moment at which the clock shows this reading. */
  long trueTime(long reading) {
    long at = (long) ((reading - origin) / clockRate);
    while (readingAt(at) < reading) {
      at++;
    }
    return at;
  }

  private long readingAt(long trueTime) {
    return origin + (long) (trueTime * clockRate);
  }

  private final class Task implements Runnable, Alarm {
    private final Runnable task;
    private final int plannedIn = life;
    private boolean cancelled;

    Task(Runnable task) {
      this.task = task;
    }

    @Override
    public void run() {
      if (cancelled || plannedIn != life) {
        return;
      }
      if (isPaused()) {
        time.at(pausedUntil, this);
      } else {
        task.run();
      }
    }

    @Override
    public void cancel() {
      cancelled = true;
    }
  }
}
