package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Capability;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockTimeoutException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * However a request leaves the line, it is gone at once, those behind it are looked at again, and a grant that comes too late
 * is given back.
 */
abstract class LeavingFacts extends Facts {
  LeavingFacts(StoreUnderTest store) {
    super(store);
  }

  /** How to wait, how to stop, and what the waiter is told. */
  enum Way {
    FUTURE_CANCELLED(CancellationException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        CompletableFuture<Hold> future = lock.acquireAsync();
        return new Waiter(future, () -> future.cancel(false));
      }
    },
    FUTURE_COMPLETED_BY_ITS_OWNER(ArithmeticException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        CompletableFuture<Hold> future = lock.acquireAsync();
        return new Waiter(
            future, () -> future.completeExceptionally(new ArithmeticException("of the owner's")));
      }
    },
    FUTURE_OUT_OF_ITS_OWNERS_TIME(TimeoutException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        CompletableFuture<Hold> future = lock.acquireAsync();
        return new Waiter(future, () -> store.failure(future.orTimeout(1, TimeUnit.MILLISECONDS)));
      }
    },
    FUTURE_OUT_OF_PATIENCE(LockTimeoutException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        Duration patience = store.patience();
        return new Waiter(lock.acquireAsync(patience), () -> store.letPass(patience));
      }
    },
    THREAD_OUT_OF_PATIENCE(LockTimeoutException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        Duration patience = store.patience();
        Actor<Hold> actor = store.inThread(() -> lock.acquire(patience));
        return new Waiter(actor.answer, () -> store.letPass(patience));
      }
    },
    THREAD_INTERRUPTED(InterruptedException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        Actor<Hold> actor = store.inThread(() -> lock.acquire());
        return new Waiter(actor.answer, actor.thread::interrupt);
      }
    },
    PATIENT_THREAD_INTERRUPTED(InterruptedException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        Actor<Hold> actor =
            store.inThread(() -> lock.tryAcquire(Duration.ofMinutes(1)).orElseThrow());
        return new Waiter(actor.answer, actor.thread::interrupt);
      }
    },
    CLIENT_OF_THREAD_CLOSED(IllegalStateException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        return new Waiter(store.inThread(() -> lock.acquire()).answer, client::close);
      }
    },
    CLIENT_OF_FUTURE_CLOSED(IllegalStateException.class) {
      @Override
      Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock) {
        return new Waiter(lock.acquireAsync(), client::close);
      }
    };

    private final Class<? extends Exception> told;

    Way(Class<? extends Exception> told) {
      this.told = told;
    }

    abstract Waiter join(StoreUnderTest store, LockClient client, DistributedLock lock);
  }

  record Waiter(CompletableFuture<Hold> answer, Runnable leave) {}

  @ParameterizedTest
  @EnumSource
  void whoLeavesIsToldWhy(Way way) throws Exception {
    Hold hold = ann.lock(name).acquire();
    Waiter waiter = joined(way, bob, bob.lock(name), 1);
    waiter.leave.run();
    assertThat(store.failure(waiter.answer)).isInstanceOf(way.told);
    assertThat(hold.isHeld()).isTrue();
    hold.close();
  }

  @ParameterizedTest
  @EnumSource
  void whoLeavesIsGoneFromTheLine(Way way) throws Exception {
    store.requires(Capability.WAITERS);
    Hold hold = ann.lock(name).acquire();
    Waiter waiter = joined(way, bob, bob.lock(name), 1);
    waiter.leave.run();
    store.failure(waiter.answer);
    store.untilWaiting(cid, name, 0);
    assertThat(cid.describe(name).holders()).hasSize(1);
    hold.close();
  }

  @ParameterizedTest
  @EnumSource
  void whoHasLeftIsNotGrantedTheLock(Way way) throws Exception {
    Hold hold = ann.lock(name).acquire();
    Waiter waiter = joined(way, bob, bob.lock(name), 1);
    waiter.leave.run();
    store.failure(waiter.answer);
    hold.close();
    store.freed(cid.lock(name)).close();
  }

  /** A waiter of another library that gave up did not wake compatible waiters behind it. */
  @ParameterizedTest
  @EnumSource
  void whoLeavesLetsThoseBehindPass(Way way) throws Exception {
    store.requires(Capability.SHARED, Capability.FAIR);
    Hold hold = ann.readWriteLock(name).read().acquire();
    Waiter writer = joined(way, bob, bob.lock(name), 1);
    CompletableFuture<Hold> reader = waits(cid.readWriteLock(name).read(), name, 2);
    store.staysOpen(reader);
    writer.leave.run();
    store.promptly(reader).close();
    hold.close();
  }

  @ParameterizedTest
  @EnumSource
  void whoLeavesLetsThoseBehindPassInTheWholeSubtree(Way way) throws Exception {
    store.requires(Capability.TREE, Capability.FAIR);
    String tree = store.treeName("files");
    Hold hold = ann.tree(tree).write("/a/b").acquire();
    Waiter above = join(way, bob, bob.tree(tree).write("/a"));
    store.untilWaiting(cid, () -> cid.tree(tree).describe("/a"), 1);
    CompletableFuture<Hold> beside = cid.tree(tree).write("/a/c").acquireAsync();
    store.untilWaiting(cid, () -> cid.tree(tree).describe("/a"), 2);
    store.staysOpen(beside);
    above.leave.run();
    store.promptly(beside).close();
    hold.close();
  }

  @ParameterizedTest
  @EnumSource
  void whoLeavesLeavesAllTheLinesItStoodIn(Way way) throws Exception {
    store.requires(Capability.ALL);
    String other = store.name("other");
    Hold hold = ann.lock(name).acquire();
    Waiter waiter = joined(way, bob, bob.all(bob.lock(name), bob.lock(other)), 1);
    waiter.leave.run();
    store.failure(waiter.answer);
    store.freed(cid.lock(other)).close();
    hold.close();
    store.freed(cid.lock(name)).close();
  }

  @ParameterizedTest
  @EnumSource
  void theNextInLineGetsTheLockInstead(Way way) throws Exception {
    Hold hold = ann.lock(name).acquire();
    Waiter first = joined(way, bob, bob.lock(name), 1);
    CompletableFuture<Hold> second = waits(cid.lock(name), name, 2);
    first.leave.run();
    store.failure(first.answer);
    hold.close();
    store.promptly(second).close();
  }

  /** A waiter whose process is dead must not be granted the lock, or not for long. */
  @Test
  void theNextInLineGetsTheLockInsteadOfADeadWaiter() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> dead = waits(bob.lock(name), name, 1);
    CompletableFuture<Hold> next = waits(cid.lock(name), name, 2);
    store.kill(bob);
    hold.close();
    store.letPass(store.deadWithin(HoldOptions.defaults()));
    store.promptly(next).close();
    assertThat(dead.isDone() && !dead.isCompletedExceptionally()).isFalse();
  }

  @Test
  void whoWasInterruptedBeforeHoldsNothing() {
    interruptedAtOnce(() -> ann.lock(name).acquire());
    interruptedAtOnce(() -> ann.lock(name).acquire(store.patience()));
    interruptedAtOnce(() -> ann.lock(name).acquire(Duration.ZERO));
    interruptedAtOnce(() -> ann.lock(name).tryAcquire(store.patience()));
    interruptedAtOnce(() -> ann.lock(name).call(hold -> true));
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void aGrantThatMeetsACancelIsHadOrGivenBack() throws Exception {
    for (int i = 0; i < rounds(); i++) {
      Hold hold = ann.lock(name).acquire();
      CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
      store.atOnce(hold::close, () -> waiting.cancel(false));
      hadOrGivenBack(waiting);
    }
  }

  @Test
  void aGrantThatMeetsAnInterruptIsHadOrGivenBack() throws Exception {
    for (int i = 0; i < rounds(); i++) {
      Hold hold = ann.lock(name).acquire();
      Actor<Hold> waiting = store.inThread(() -> bob.lock(name).acquire());
      store.untilWaiting(cid, name, 1);
      store.atOnce(hold::close, waiting.thread::interrupt);
      hadOrGivenBack(waiting.answer);
    }
  }

  @Test
  void aGrantThatMeetsTheEndOfPatienceIsHadOrGivenBack() throws Exception {
    Duration patience = store.patience();
    int rounds = store.timeIsTurnedByHand() ? rounds() : store.rounds(patience);
    for (int i = 0; i < rounds; i++) {
      Hold hold = ann.lock(name).acquire();
      CompletableFuture<Hold> waiting = bob.lock(name).acquireAsync(patience);
      if (store.timeIsTurnedByHand()) {
        store.untilWaiting(cid, name, 1, waiting);
        store.atOnce(hold::close, () -> store.letPass(patience));
      } else {
        store.letPass(patience.minusMillis(i % 4)); // as near to the end as can be
        hold.close();
      }
      hadOrGivenBack(waiting);
    }
  }

  @Test
  void aGrantThatMeetsTheCloseOfItsClientIsFreed() throws Exception {
    for (int i = 0; i < rounds(); i++) {
      LockClient dan = store.client("dan");
      Hold hold = ann.lock(name).acquire();
      dan.lock(name).acquireAsync();
      store.untilWaiting(cid, name, 1);
      store.atOnce(hold::close, dan::close);
      store.freed(cid.lock(name)).close();
    }
  }

  private int rounds() {
    return store.rounds(store.timeToSeeAWaiter());
  }

  private void hadOrGivenBack(CompletableFuture<Hold> answer) {
    store.until("the answer is there", answer::isDone);
    if (answer.isCompletedExceptionally()) {
      store.freed(cid.lock(name)).close();
    } else {
      assertThat(answer.join().isHeld()).isTrue();
      answer.join().close();
    }
  }

  private static void interruptedAtOnce(ThrowingCallable call) {
    Thread.currentThread().interrupt();
    assertThatThrownBy(call).isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isFalse();
  }

  private Waiter joined(Way way, LockClient client, DistributedLock lock, int place) {
    Waiter waiter = join(way, client, lock);
    store.untilWaiting(cid, name, place);
    return waiter;
  }

  private Waiter join(Way way, LockClient client, DistributedLock lock) {
    return way.join(store, client, lock);
  }
}
