package io.holdfast.benchmarks;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What a program without Holdfast would write for locks by name: a lock a name, counted by those who use it and removed by
 * the last of them. It has no tokens, no deadlines, no order of arrival, and nobody to ask who holds what.
 */
final class CountedLocks {
  private final ConcurrentMap<String, Counted> locks = new ConcurrentHashMap<>();

  Counted acquire(String name) {
    Counted lock =
        locks.compute(
            name,
            (key, known) -> {
              Counted counted = known == null ? new Counted() : known;
              counted.users++;
              return counted;
            });
    lock.lock();
    return lock;
  }

  void release(String name, Counted lock) {
    lock.unlock();
    locks.computeIfPresent(name, (key, counted) -> --counted.users == 0 ? null : counted);
  }

  /** A lock, and how many hold it or wait for it; the count is guarded by its place in the map. */
  static final class Counted extends ReentrantLock {
    private int users;
  }
}
