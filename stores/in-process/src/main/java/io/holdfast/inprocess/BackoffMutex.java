package io.holdfast.inprocess;

import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A mutex for sections much shorter than a switch of threads.
 *
 * <p>Who finds it taken naps and looks again, a bounded number of times, and then queues. Threads that do nothing but enter
 * such a section otherwise spend their time waking each other, and the section's data travels between the cores with every
 * entry: two threads then do less than one alone. {@code benchmarks} measures it.
 *
 * <p>Nobody starves: who queues is overtaken at most by those who were just looking, once each.
 */
final class BackoffMutex {
  private static final int NAPS = 20;

  /** As long as some hundred sections, so that the data seldom travels. */
  private static final long NAP_NANOS = 50_000;

  private final ReentrantLock lock = new ReentrantLock(true);

  void lock() {
    for (int i = 0; i < NAPS; i++) {
      if (!lock.hasQueuedThreads() && lock.tryLock()) {
        return;
      }
      LockSupport.parkNanos(this, NAP_NANOS);
    }
    lock.lock();
  }

  void unlock() {
    lock.unlock();
  }

  boolean isHeldByCurrentThread() {
    return lock.isHeldByCurrentThread();
  }
}
