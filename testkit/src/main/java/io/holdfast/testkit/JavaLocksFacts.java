package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Capability;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.JavaLocks;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import org.junit.jupiter.api.Test;

/** The same locks, for code that asks for those of {@code java.util.concurrent}. */
@SuppressWarnings("LockNotBeforeTry") // facts are told step by step
abstract class JavaLocksFacts extends Facts {
  JavaLocksFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void lockAndUnlock() {
    Lock lock = JavaLocks.lock(ann.lock(name));
    lock.lock();
    assertThat(bob.lock(name).tryAcquire()).isEmpty();
    lock.unlock();
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void allWaysToLock() throws Exception {
    Lock lock = JavaLocks.lock(ann.lock(name));
    lock.lockInterruptibly();
    lock.unlock();
    assertThat(lock.tryLock()).isTrue();
    lock.unlock();
    assertThat(lock.tryLock(1, TimeUnit.SECONDS)).isTrue();
    lock.unlock();
    assertThat(lock.tryLock(-1, TimeUnit.SECONDS)).isTrue();
    lock.unlock();
    assertThat(lock.tryLock(Long.MAX_VALUE, TimeUnit.DAYS)).isTrue();
    lock.unlock();
  }

  @Test
  void aBusyLockIsNotHad() throws Exception {
    Lock lock = JavaLocks.lock(bob.lock(name));
    Hold hold = ann.lock(name).acquire();
    assertThat(lock.tryLock()).isFalse();
    assertThat(lock.tryLock(0, TimeUnit.SECONDS)).isFalse();
    assertThat(lock.tryLock(-1, TimeUnit.SECONDS)).isFalse();
    hold.close();
  }

  @Test
  void aThreadWaits() throws Exception {
    Lock lock = JavaLocks.lock(bob.lock(name));
    Hold hold = ann.lock(name).acquire();
    Actor<Boolean> waiting =
        store.inThread(
            () -> {
              lock.lock();
              lock.unlock();
              return true;
            });
    store.untilWaiting(cid, name, 1);
    hold.close();
    assertThat(store.promptly(waiting.answer)).isTrue();
  }

  @Test
  void aPatientThreadWaits() throws Exception {
    Lock lock = JavaLocks.lock(bob.lock(name));
    Hold hold = ann.lock(name).acquire();
    Actor<Boolean> waiting =
        store.inThread(
            () -> {
              boolean had = lock.tryLock(1, TimeUnit.MINUTES);
              lock.unlock();
              return had;
            });
    store.untilWaiting(cid, name, 1);
    hold.close();
    assertThat(store.promptly(waiting.answer)).isTrue();
  }

  @Test
  void anInterruptEndsAnInterruptibleWait() throws Exception {
    Lock lock = JavaLocks.lock(bob.lock(name));
    Hold hold = ann.lock(name).acquire();
    Actor<Boolean> waiting =
        store.inThread(
            () -> {
              lock.lockInterruptibly();
              return true;
            });
    store.untilWaiting(cid, name, 1);
    waiting.thread.interrupt();
    assertThat(store.failure(waiting.answer)).isInstanceOf(InterruptedException.class);
    hold.close();
    store.freed(cid.lock(name)).close();
  }

  @Test
  void anInterruptDoesNotEndAPlainWaitAndIsLeftToBeSeen() throws Exception {
    Lock lock = JavaLocks.lock(bob.lock(name));
    Hold hold = ann.lock(name).acquire();
    AtomicBoolean interrupted = new AtomicBoolean();
    Actor<Boolean> waiting =
        store.inThread(
            () -> {
              Thread.currentThread().interrupt();
              lock.lock();
              interrupted.set(Thread.interrupted());
              lock.unlock();
              return true;
            });
    store.untilWaiting(cid, name, 1);
    store.staysOpen(waiting.answer);
    hold.close();
    store.promptly(waiting.answer);
    assertThat(interrupted).isTrue();
  }

  @Test
  void onlyTheThreadThatLockedUnlocks() {
    Lock lock = JavaLocks.lock(ann.lock(name));
    assertThatThrownBy(lock::unlock)
        .isInstanceOf(IllegalMonitorStateException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(Thread.currentThread().getName());
    lock.lock();
    Actor<Boolean> other =
        store.inThread(
            () -> {
              lock.unlock();
              return true;
            });
    assertThat(store.failure(other.answer)).isInstanceOf(IllegalMonitorStateException.class);
    assertThat(bob.lock(name).tryAcquire()).isEmpty();
    lock.unlock();
    assertThatThrownBy(lock::unlock).isInstanceOf(IllegalMonitorStateException.class);
  }

  @Test
  void itIsNotReentrantAndSaysSo() throws Exception {
    Lock lock = JavaLocks.lock(ann.lock(name));
    lock.lock();
    assertThatThrownBy(lock::lock)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("reentrant");
    assertThatThrownBy(lock::tryLock).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(lock::lockInterruptibly).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> lock.tryLock(1, TimeUnit.SECONDS))
        .isInstanceOf(IllegalStateException.class);
    lock.unlock();
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void unlockingWhatWasLostTells() {
    Lock lock = JavaLocks.lock(ann.lock(name));
    lock.lock();
    ann.close();
    store.freed(bob.lock(name)).close();
    assertThatThrownBy(lock::unlock).isInstanceOf(HoldLostException.class);
    assertThatThrownBy(lock::unlock).isInstanceOf(IllegalMonitorStateException.class);
  }

  @Test
  void thereAreNoConditions() {
    assertThatThrownBy(() -> JavaLocks.lock(ann.lock(name)).newCondition())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void readersShareAndAWriterIsAlone() {
    store.requires(Capability.SHARED);
    ReadWriteLock lock = JavaLocks.readWriteLock(ann.readWriteLock(name));
    lock.readLock().lock();
    Actor<Boolean> other =
        store.inThread(
            () -> {
              lock.readLock().lock();
              assertThatThrownBy(() -> lock.writeLock().lock())
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessageStartingWith("not reentrant");
              lock.readLock().unlock();
              return true;
            });
    assertThat(store.promptly(other.answer)).isTrue();
    lock.readLock().unlock();
    assertThat(lock.writeLock().tryLock()).isTrue();
    CompletableFuture<Boolean> read = store.inThread(() -> lock.readLock().tryLock()).answer;
    assertThat(store.promptly(read)).isFalse();
    lock.writeLock().unlock();
  }
}
