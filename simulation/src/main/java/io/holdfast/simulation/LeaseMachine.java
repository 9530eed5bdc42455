package io.holdfast.simulation;

import io.holdfast.spi.Ticker;
import java.time.Instant;

/**
 * A machine with one process on it: its clocks run a little fast or slow; the process can stand still for a while, or the
 * whole machine can sleep, of which the monotonic clock knows nothing; its wall clock can be set; it can be killed. What
 * should have happened meanwhile happens late, or never.
 */
final class LeaseMachine implements Ticker {
  private final VirtualTime time;
  private final double clockRate;
  private final long origin;

  private long stoppedUntil;

  /** True time of sleeps that are over. */
  private long slept;

  private boolean isAsleep;
  private long asleepSince;
  private long wallAhead;

  /** Raised whenever it is killed: what was planned in an earlier life is forgotten. */
  private int life;

  LeaseMachine(VirtualTime time, double clockRate, long origin) {
    this.time = time;
    this.clockRate = clockRate;
    this.origin = origin;
  }

  @Override
  public long nanos() {
    return origin + (long) ((time.now() - sleptByNow()) * clockRate);
  }

  @Override
  public long holderNanos() {
    return nanos() + (long) (sleptByNow() * clockRate) + wallAhead;
  }

  @Override
  public Instant instant() {
    return Instant.ofEpochSecond(0, holderNanos());
  }

  @Override
  public Alarm schedule(long deadlineNanos, Runnable task) {
    Task alarm = new Task(deadlineNanos, task);
    alarm.plan();
    return alarm;
  }

  /** Does something in so many nanoseconds of its own clock. */
  void after(long nanos, Runnable task) {
    Alarm unused = schedule(nanos() + nanos, task);
  }

  /** Does something as soon as it can. */
  void run(Runnable task) {
    time.after(0, new Task(nanos(), task));
  }

  /** The process stands still. */
  void pause(long nanos) {
    stoppedUntil = Math.max(stoppedUntil, time.now() + nanos);
  }

  /** The machine sleeps. */
  void suspend(long nanos) {
    if (!isAsleep) {
      isAsleep = true;
      asleepSince = time.now();
      pause(nanos);
      time.after(
          nanos,
          () -> {
            isAsleep = false;
            slept += time.now() - asleepSince;
          });
    }
  }

  /** Somebody sets the wall clock forward, which looks like a sleep to holders. */
  void setWallForward(long nanos) {
    wallAhead += nanos;
  }

  void kill() {
    life++;
  }

  int life() {
    return life;
  }

  private long sleptByNow() {
    return slept + (isAsleep ? time.now() - asleepSince : 0);
  }

  private final class Task implements Runnable, Alarm {
    private final long deadline;
    private final Runnable task;
    private final int plannedIn = life;
    private boolean cancelled;

    Task(long deadline, Runnable task) {
      this.deadline = deadline;
      this.task = task;
    }

    private void plan() {
      time.after(Math.max(1, (long) ((deadline - nanos()) / clockRate) + 1), this);
    }

    @Override
    public void run() {
      if (cancelled || plannedIn != life) {
        return;
      }
      if (time.now() < stoppedUntil) {
        time.at(stoppedUntil, this);
      } else if (nanos() - deadline < 0) {
        plan(); // it slept meanwhile
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
