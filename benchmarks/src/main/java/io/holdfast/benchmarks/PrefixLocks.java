package io.holdfast.benchmarks;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * What a program without Holdfast would write for sub-trees: a read/write lock for every path it ever met, taken from the
 * root down, the ancestors to read and the leaf to write. Entries stay for good, for nobody can tell when one is unused.
 * Each lock belongs to the thread that took it.
 */
final class PrefixLocks {
  private final ConcurrentMap<String, ReentrantReadWriteLock> locks = new ConcurrentHashMap<>();

  /** Takes {@code /a/b/c} with everything below it; returns what was taken, the root first. */
  Lock[] write(String path) {
    Lock[] taken = new Lock[(int) path.chars().filter(c -> c == '/').count() + 1];
    taken[0] = lock("/").readLock();
    taken[0].lock();
    int end = 0;
    for (int depth = 1; depth < taken.length; depth++) {
      int slash = path.indexOf('/', end + 1);
      end = slash < 0 ? path.length() : slash;
      ReentrantReadWriteLock lock = lock(path.substring(0, end));
      taken[depth] = end == path.length() ? lock.writeLock() : lock.readLock();
      taken[depth].lock();
    }
    return taken;
  }

  static void release(Lock[] taken) {
    for (int i = taken.length - 1; i >= 0; i--) {
      taken[i].unlock();
    }
  }

  private ReentrantReadWriteLock lock(String prefix) {
    ReentrantReadWriteLock known = locks.get(prefix);
    return known != null
        ? known
        : locks.computeIfAbsent(prefix, unused -> new ReentrantReadWriteLock());
  }
}
