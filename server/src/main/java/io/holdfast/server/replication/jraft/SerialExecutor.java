package io.holdfast.server.replication.jraft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks one at a time, in the order in which they came, on the threads of another. Has no bound of its own: who uses it
 * has one. Thread-safe.
 */
final class SerialExecutor implements Executor {
  private final Executor threads;
  private final ReentrantLock mutex = new ReentrantLock();

  @GuardedBy("mutex")
  private final Queue<Runnable> waiting = new ArrayDeque<>();

  @GuardedBy("mutex")
  private boolean running;

  SerialExecutor(Executor threads) {
    this.threads = threads;
  }

  @Override
  public void execute(Runnable task) {
    mutex.lock();
    try {
      waiting.add(task);
      if (running) {
        return;
      }
      running = true;
    } finally {
      mutex.unlock();
    }
    try {
      threads.execute(this::run);
    } catch (RejectedExecutionException e) {
      mutex.lock();
      try {
        running = false;
        waiting.clear();
      } finally {
        mutex.unlock();
      }
      throw e;
    }
  }

  private void run() {
    for (Runnable task = next(); task != null; task = next()) {
      task.run();
    }
  }

  private @Nullable Runnable next() {
    mutex.lock();
    try {
      Runnable task = waiting.poll();
      running = task != null;
      return task;
    } finally {
      mutex.unlock();
    }
  }
}
