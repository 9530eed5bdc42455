package io.holdfast;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;

/**
 * Holdfast locks for code that asks for {@link java.util.concurrent.locks.Lock}.
 *
 * <p>That interface knows threads and no holds, so here, and only here, a lock belongs to the thread that took it: {@code
 * unlock} by another is an {@link IllegalMonitorStateException}. It has no way to hand out a token or to tell of a loss in
 * time; prefer {@link DistributedLock} where there is a choice. The least it does: {@code unlock} of a lock that was lost
 * throws {@link HoldLostException}.
 *
 * <p>Not reentrant: a second {@code lock} or {@code tryLock} by a thread that has the lock, or the other side of a
 * read/write lock, is an {@link IllegalStateException}. There are no conditions. Share one adapter among the threads:
 * two adapters of one lock do not know of each other's threads.
 */
public final class JavaLocks {
  private JavaLocks() {}

  /** The lock, seen as a {@link Lock}. */
  public static Lock lock(DistributedLock lock) {
    return new ThreadLock(lock, new ConcurrentHashMap<>());
  }

  /** The lock, seen as a {@link ReadWriteLock}. */
  public static ReadWriteLock readWriteLock(DistributedReadWriteLock lock) {
    Map<Long, Hold> holds =
        new ConcurrentHashMap<>(); // of both sides: neither can be had on top of the other
    Lock read = new ThreadLock(lock.read(), holds);
    Lock write = new ThreadLock(lock.write(), holds);
    return new ReadWriteLock() {
      @Override
      public Lock readLock() {
        return read;
      }

      @Override
      public Lock writeLock() {
        return write;
      }
    };
  }

  private static final class ThreadLock implements Lock {
    private final DistributedLock lock;

    /** By the id of the thread that took it; more than one if the lock is shared. */
    private final Map<Long, Hold> holds;

    private ThreadLock(DistributedLock lock, Map<Long, Hold> holds) {
      this.lock = lock;
      this.holds = holds;
    }

    @Override
    public void lock() {
      requireNotMine();
      keep(lock.acquireUninterruptibly());
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
      requireNotMine();
      keep(lock.acquire());
    }

    @Override
    public boolean tryLock() {
      requireNotMine();
      return lock.tryAcquire().map(this::keep).isPresent();
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
      requireNotMine();
      return lock.tryAcquire(Duration.ofNanos(unit.toNanos(Math.max(0, time))))
          .map(this::keep)
          .isPresent();
    }

    @Override
    public void unlock() {
      Hold hold = holds.get(me());
      if (hold == null || hold.targets() != lock.targets()) { // the other side of a read/write lock
        throw new IllegalMonitorStateException(
            "thread " + Thread.currentThread().getName() + " does not hold " + lock);
      }
      holds.remove(me());
      hold.close();
    }

    @Override
    public Condition newCondition() {
      throw new UnsupportedOperationException("a lock over several processes has no conditions");
    }

    @Override
    public String toString() {
      return "java lock on " + lock;
    }

    private Hold keep(Hold hold) {
      holds.put(me(), hold);
      return hold;
    }

    private void requireNotMine() {
      Hold mine = holds.get(me());
      if (mine != null) {
        throw new IllegalStateException("not reentrant: this thread has " + mine);
      }
    }

    private static Long me() {
      return Thread.currentThread().getId();
    }
  }
}
