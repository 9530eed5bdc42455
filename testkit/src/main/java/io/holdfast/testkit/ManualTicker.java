package io.holdfast.testkit;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Time that stands still until somebody turns it. What falls due meanwhile runs in the thread that turns, one task after the
 * other, each at the very moment it was scheduled for.
 *
 * <p>Thread-safe. Two threads may turn at the same time: each runs some of the tasks, and time moves by the sum of both.
 */
public final class ManualTicker implements Ticker {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private final ReentrantLock mutex = new ReentrantLock();
  private final long originNanos;

  // Guarded by the mutex; tasks run without it.
  private final TreeSet<Task> tasks = new TreeSet<>();

  /** Who turns, and until when; since the origin. */
  private final Map<Thread, Long> turning = new HashMap<>();

  private long lastTask;

  /** Since the origin. */
  private volatile long elapsedNanos;

  /** By so much a holder's reading is ahead of the others. */
  private final AtomicLong suspendedNanos = new AtomicLong();

  /** By so much the wall clock is ahead of what has elapsed. */
  private final AtomicLong wallAheadNanos = new AtomicLong();

  /** Stands at zero. */
  public ManualTicker() {
    this(0);
  }

  /**
   * Stands at a reading. A clock's origin is arbitrary and its readings may overflow: {@code Long.MAX_VALUE - 1} shows who
   * compares them by anything but subtraction.
   */
  public ManualTicker(long nanos) {
    this.originNanos = nanos;
  }

  @Override
  public long nanos() {
    return originNanos + elapsedNanos;
  }

  @Override
  public Instant instant() {
    return START.plusNanos(elapsedNanos + wallAheadNanos.get());
  }

  @Override
  public long holderNanos() {
    return nanos() + suspendedNanos.get();
  }

  /** The machine sleeps: nothing falls due meanwhile, and only the wall clock and holders know of it afterwards. */
  public void suspend(Duration by) {
    if (by.isNegative()) {
      throw new IllegalArgumentException("nobody sleeps for " + by);
    }
    setWallClock(by);
  }

  /**
   * Somebody sets the wall clock forward, or back by a negative duration. To holders a clock set forward looks like a suspend;
   * of one set back they do not take notice.
   */
  public void setWallClock(Duration by) {
    wallAheadNanos.addAndGet(by.toNanos());
    suspendedNanos.addAndGet(Math.max(0, by.toNanos()));
  }

  /**
   * Runs a task when time is turned to the deadline, in the thread that turns. A task that is late already runs at once, in
   * a thread of its own; or, if it was scheduled by a task, after that one.
   */
  @Override
  public Alarm schedule(long deadlineNanos, Runnable task) {
    mutex.lock();
    try {
      long due = Math.max(deadlineNanos - originNanos, elapsedNanos);
      if (due == elapsedNanos && !turning.containsKey(Thread.currentThread())) {
        Thread late = new Thread(task, "manual-ticker-late");
        late.setDaemon(true);
        late.start();
        return () -> {};
      }
      Task scheduled = new Task(due, lastTask++, task);
      tasks.add(scheduled);
      return () -> cancel(scheduled);
    } finally {
      mutex.unlock();
    }
  }

  /**
   * Turns time forward, and runs what falls due on the way, in the order of deadlines; what these tasks schedule in turn runs
   * too if it falls due by then. Zero runs what is due now.
   *
   * <p>If a task throws, time stands at its deadline and the rest is left for the next call.
   */
  public void advance(Duration by) {
    if (by.isNegative()) {
      throw new IllegalArgumentException("time does not go back by " + by);
    }
    boolean nested = isTurning();
    long target = enter(by);
    try {
      for (Task next = takeDue(target); next != null; next = takeDue(target)) {
        next.action.run();
      }
    } finally {
      if (!nested) {
        leave();
      }
    }
  }

  private boolean isTurning() {
    mutex.lock();
    try {
      return turning.containsKey(Thread.currentThread());
    } finally {
      mutex.unlock();
    }
  }

  /** Returns until when this thread is to turn: a task from the moment that it runs at. */
  private long enter(Duration by) {
    mutex.lock();
    try {
      boolean nested = turning.containsKey(Thread.currentThread());
      long target = (nested ? elapsedNanos : latestTarget()) + by.toNanos();
      turning.putIfAbsent(Thread.currentThread(), target);
      return target;
    } finally {
      mutex.unlock();
    }
  }

  /** Where time will stand when all who turn are done: who turns beside them adds to that. */
  private long latestTarget() {
    long latest = elapsedNanos;
    for (long target : turning.values()) {
      latest = Math.max(latest, target);
    }
    return latest;
  }

  /** How many tasks are scheduled and neither run nor cancelled. A test that is through leaves none behind. */
  public int pendingAlarms() {
    mutex.lock();
    try {
      return tasks.size();
    } finally {
      mutex.unlock();
    }
  }

  private void leave() {
    mutex.lock();
    try {
      turning.remove(Thread.currentThread());
    } finally {
      mutex.unlock();
    }
  }

  /** The next task that is due by then, with time moved to its deadline; null, with time moved all the way, if there is none. */
  private @Nullable Task takeDue(long target) {
    mutex.lock();
    try {
      boolean due = !tasks.isEmpty() && tasks.first().due <= target;
      Task next = due ? tasks.pollFirst() : null;
      elapsedNanos = Math.max(elapsedNanos, next == null ? target : next.due);
      return next;
    } finally {
      mutex.unlock();
    }
  }

  private void cancel(Task task) {
    mutex.lock();
    try {
      tasks.remove(task);
    } finally {
      mutex.unlock();
    }
  }

  private record Task(long due, long number, Runnable action) implements Comparable<Task> {
    @Override
    public int compareTo(Task other) {
      return due != other.due ? Long.compare(due, other.due) : Long.compare(number, other.number);
    }
  }
}
