package io.holdfast;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs short tasks on a pool's threads, on as few as will do. A task that takes long, or blocks, keeps the others waiting for
 * about {@value #NAP_MICROS} µs; then another thread takes them up, as long as the pool has one.
 *
 * <p>Thread-safe.
 */
final class HandOvers implements Executor {
  /*
   * To wake a thread costs more than to complete a future, and threads that all take from one queue are in each other's way. So
   * one thread works off what there is. Whoever adds to its work sets a guard, unless there is one: another thread, that naps
   * while there is work, and when it finds that nothing was begun during a nap begins to work, too, with the next thread as
   * guard. If the pool has no thread for the guard it gets one when a task has ended.
   */
  static final int NAP_MICROS = 1_000;

  private final Executor threads;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicInteger working = new AtomicInteger();
  private final AtomicLong begun = new AtomicLong();
  private final AtomicBoolean guarded = new AtomicBoolean();

  /** On these threads, whose pool must queue what it has no thread for. */
  HandOvers(Executor threads) {
    this.threads = threads;
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    if (working.compareAndSet(0, 1)) {
      threads.execute(this::work);
    } else if (!guarded.get() && guarded.compareAndSet(false, true)) {
      threads.execute(this::guard);
    }
  }

  /** Counted as working. */
  private void work() {
    do {
      Runnable task;
      while ((task = tasks.poll()) != null) {
        begun.incrementAndGet();
        try {
          task.run();
        } catch (Throwable e) {
          Thread self = Thread.currentThread();
          self.getUncaughtExceptionHandler().uncaughtException(self, e);
        }
        Thread.interrupted(); // meant for that task, if for any
      }
      working.decrementAndGet();
      // Whoever added meanwhile may have counted on this thread.
    } while (!tasks.isEmpty() && working.incrementAndGet() > 0);
  }

  private void guard() {
    long before = begun.get();
    while (true) {
      LockSupport.parkNanos(this, TimeUnit.MICROSECONDS.toNanos(NAP_MICROS));
      Thread.interrupted(); // of no meaning here, and would end each nap at once
      if (tasks.isEmpty()) {
        guarded.set(false);
        if (tasks.isEmpty() || !guarded.compareAndSet(false, true)) {
          return;
        }
      }
      long now = begun.get();
      if (now == before) {
        working.incrementAndGet();
        threads.execute(this::guard);
        work();
        return;
      }
      before = now;
    }
  }
}
