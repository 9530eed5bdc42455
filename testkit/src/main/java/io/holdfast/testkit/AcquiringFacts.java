package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LockTimeoutException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Getting a lock, or the answer that it is busy. */
abstract class AcquiringFacts extends Facts {
  private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE, 999_999_999);

  AcquiringFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void makingALockAsksNothingOfTheStore() {
    DistributedLock lock = ann.lock(name);
    if (store.has(ann, Capability.LIST)) {
      assertThat(bob.list(store.prefix()).locks()).isEmpty();
    }
    ann.close();
    assertThat(ann.lock(name).targets()).isEqualTo(lock.targets());
  }

  @Test
  void aFreeLockIsHadAtOnce() throws Exception {
    try (Hold hold = ann.lock(name).acquire()) {
      assertThat(hold.isHeld()).isTrue();
      assertThat(hold.targets())
          .containsExactly(new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE));
    }
  }

  @Test
  void aLockMayBeHadAgainAndAgainAndByOthers() throws Exception {
    DistributedLock lock = ann.lock(name);
    lock.acquire().close();
    lock.acquire(Duration.ZERO).close();
    bob.lock(name).acquire(FOR_EVER).close();
    bob.lock(name).tryAcquire().orElseThrow().close();
    lock.tryAcquire(store.patience()).orElseThrow().close();
    store.promptly(lock.acquireAsync()).close();
    store.promptly(lock.acquireAsync(store.patience())).close();
  }

  @Test
  void twoClientsExcludeEachOther() throws Exception {
    try (Hold hold = ann.lock(name).acquire()) {
      assertThat(bob.lock(name).tryAcquire()).isEmpty();
    }
    assertThat(bob.lock(name).tryAcquire()).isPresent();
  }

  @Test
  void aClientExcludesItself() throws Exception {
    try (Hold hold = ann.lock(name).acquire()) {
      assertThat(ann.lock(name).tryAcquire()).isEmpty();
    }
    assertThat(ann.lock(name).tryAcquire()).isPresent();
  }

  @Test
  void differentNamesHaveNothingToDoWithEachOther() throws Exception {
    try (Hold hold = ann.lock(name).acquire()) {
      ann.lock(name + "/7").acquire(Duration.ZERO).close();
      bob.lock(store.name("invoice")).acquire(Duration.ZERO).close();
    }
  }

  @Test
  void busyIsAnAnswerToATry() throws Exception {
    try (Hold hold = ann.lock(name).acquire()) {
      assertThat(bob.lock(name).tryAcquire()).isEmpty();
      assertThat(bob.lock(name).tryAcquire(Duration.ZERO)).isEmpty();
    }
  }

  @Test
  void aTryNeverStandsInLine() throws Exception {
    store.requires(Capability.WAITERS);
    try (Hold hold = ann.lock(name).acquire()) {
      assertThat(bob.lock(name).tryAcquire()).isEmpty();
      assertThat(cid.describe(name).waiters()).isEmpty();
    }
  }

  @Test
  void aTryDoesNotOvertakeWhoWaits() throws Exception {
    store.requires(Capability.SHARED, Capability.FAIR);
    Hold hold = ann.readWriteLock(name).read().acquire();
    CompletableFuture<Hold> writer = waits(bob.lock(name), name, 1);
    assertThat(cid.readWriteLock(name).read().tryAcquire()).isEmpty();
    hold.close();
    store.promptly(writer).close();
  }

  @Test
  void aTryIgnoresInterruptsAndLeavesThemToBeSeen() {
    Thread.currentThread().interrupt();
    Hold hold = ann.lock(name).tryAcquire().orElseThrow();
    assertThat(Thread.interrupted()).isTrue();
    hold.close();
  }

  @Test
  void whoHasNoPatienceIsToldWhoHoldsTheLock() throws Exception {
    try (Hold hold = ann.lock(name).acquire()) {
      LockTimeoutException busy =
          catchThrowableOfType(
              LockTimeoutException.class, () -> bob.lock(name).acquire(Duration.ZERO));
      tellsOf(hold, busy, "0 ms");
    }
  }

  @Test
  void whosePatienceEndsIsToldWhoHoldsTheLock() throws Exception {
    Duration patience = store.patience();
    Hold hold = ann.lock(name).acquire();
    Actor<Hold> waiting = store.inThread(() -> bob.lock(name).acquire(patience));
    store.untilWaiting(cid, name, 1, waiting.answer);
    store.letPass(patience);
    tellsOf(hold, store.failure(waiting.answer), patience.toMillis() + " ms");
    hold.close();
  }

  @Test
  void aFutureWhosePatienceEndsFailsWithTheSame() throws Exception {
    Duration patience = store.patience();
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = bob.lock(name).acquireAsync(patience);
    store.untilWaiting(cid, name, 1, waiting);
    store.letPass(patience);
    tellsOf(hold, store.failure(waiting), patience.toMillis() + " ms");
    hold.close();
  }

  @Test
  void aTryWhosePatienceEndsIsEmpty() throws Exception {
    Duration patience = store.patience();
    Hold hold = ann.lock(name).acquire();
    Actor<Boolean> waiting = store.inThread(() -> bob.lock(name).tryAcquire(patience).isPresent());
    store.untilWaiting(cid, name, 1, waiting.answer);
    store.letPass(patience);
    assertThat(store.promptly(waiting.answer)).isFalse();
    hold.close();
  }

  @Test
  void patienceDoesNotEndEarly() throws Exception {
    Duration patience = store.patience();
    Hold hold = ann.lock(name).acquire();
    long askedAt = store.nanos();
    CompletableFuture<Hold> waiting = bob.lock(name).acquireAsync(patience);
    store.untilWaiting(cid, name, 1, waiting);
    if (store.timeIsTurnedByHand()) {
      long passed = store.nanos() - askedAt;
      store.letPass(patience.minusNanos(passed + 1));
      store.isOpenStill(waiting);
      store.letPass(Duration.ofNanos(1));
    }
    assertThat(store.failure(waiting)).isInstanceOf(LockTimeoutException.class);
    Duration waited = Duration.ofNanos(store.nanos() - askedAt);
    assertThat(waited.plusMillis(1)).isGreaterThanOrEqualTo(patience); // clocks of milliseconds
    hold.close();
  }

  @Test
  void whatIsFreedInTimeIsHad() throws Exception {
    Hold hold = ann.lock(name).acquire();
    Actor<Hold> acquires = store.inThread(() -> bob.lock(name).acquire(Duration.ofMinutes(1)));
    store.untilWaiting(cid, name, 1);
    hold.close();
    store.promptly(acquires.answer).close();
  }

  @Test
  void aThreadWaitsUntilTheLockIsReleased() throws Exception {
    Hold hold = ann.lock(name).acquire();
    Actor<Hold> waiting = store.inThread(() -> bob.lock(name).acquire());
    store.untilWaiting(cid, name, 1);
    store.staysOpen(waiting.answer);
    hold.close();
    store.promptly(waiting.answer).close();
  }

  @Test
  void aTryWaitsUntilTheLockIsReleased() throws Exception {
    Hold hold = ann.lock(name).acquire();
    Actor<Hold> waiting =
        store.inThread(() -> bob.lock(name).tryAcquire(Duration.ofMinutes(1)).orElseThrow());
    store.untilWaiting(cid, name, 1);
    hold.close();
    store.promptly(waiting.answer).close();
  }

  @Test
  void aFutureIsCompletedWhenTheLockIsReleased() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    store.staysOpen(waiting);
    hold.close();
    store.promptly(waiting).close();
  }

  @Test
  void endlessPatienceDoesNotOverflow() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = bob.lock(name).acquireAsync(FOR_EVER);
    store.untilWaiting(cid, name, 1);
    store.letPass(store.patience());
    store.staysOpen(waiting);
    hold.close();
    store.promptly(waiting).close();
  }

  @Test
  void negativePatienceFailsAtTheDoor() {
    Duration wait = Duration.ofMillis(-1);
    isNegative(() -> ann.lock(name).acquire(wait));
    isNegative(() -> ann.lock(name).tryAcquire(wait));
    isNegative(() -> ann.lock(name).acquireAsync(wait));
    isNegative(() -> ann.lock(name).call(wait, hold -> true));
    assertThatThrownBy(() -> ann.lock(name).acquire(Duration.ofMillis(-7)))
        .hasMessageContaining("-7 ms")
        .hasMessageContaining("0 ms");
  }

  @Test
  void soDoesTheMostNegativeOne() {
    isNegative(() -> ann.lock(name).acquire(Duration.ofSeconds(Long.MIN_VALUE)));
  }

  /** Else whoever releases a lock runs the code of whoever waited for it. */
  @Test
  void aFutureIsCompletedByTheClientsExecutorNotByWhoReleases() throws Exception {
    ExecutorService executor =
        Executors.newSingleThreadExecutor(task -> new Thread(task, "executor of dan"));
    try (LockClient dan = store.client(ClientOptions.defaults().name("dan").executor(executor))) {
      Hold hold = ann.lock(name).acquire();
      CompletableFuture<Hold> waiting = waits(dan.lock(name), name, 1);
      CompletableFuture<String> thread =
          waiting.thenApply(granted -> Thread.currentThread().getName());
      hold.close();
      assertThat(store.promptly(thread)).isEqualTo("executor of dan");
      waiting.join().close();
    } finally {
      executor.shutdown();
    }
  }

  @Test
  void aClosedClientAcquiresNothing() {
    ann.close();
    DistributedLock lock = ann.lock(name);
    isClosed(lock::acquire);
    isClosed(() -> lock.acquire(store.patience()));
    isClosed(lock::tryAcquire);
    isClosed(() -> lock.tryAcquire(store.patience()));
    isClosed(() -> lock.call(hold -> true));
    assertThat(store.failure(lock.acquireAsync())).isInstanceOf(IllegalStateException.class);
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  private static void isNegative(ThrowingCallable call) {
    InvalidRequestException refused = catchThrowableOfType(InvalidRequestException.class, call);
    assertThat(refused).hasMessageContaining("maxWait");
    assertThat(refused.reason()).isEqualTo("WAIT_NEGATIVE");
  }

  private static void isClosed(ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(IllegalStateException.class);
  }

  private void tellsOf(Hold hold, Throwable busy, String waited) {
    assertThat(busy)
        .isInstanceOfSatisfying(
            LockTimeoutException.class,
            timeout -> {
              assertThat(timeout)
                  .hasMessageContaining(name)
                  .hasMessageContaining(waited)
                  .message()
                  .doesNotContain("\n");
              if (store.has(bob, Capability.DESCRIBE)) {
                assertThat(timeout.holders())
                    .singleElement()
                    .satisfies(
                        holder -> {
                          assertThat(holder.client()).isEqualTo("ann");
                          assertThat(holder.targets()).isEqualTo(hold.targets());
                          assertThat(holder.since()).satisfies(this::isAboutNow);
                        });
                assertThat(timeout).hasMessageContaining("ann").hasMessageContaining("since");
              }
              if (store.has(bob, Capability.DESCRIBE) && store.has(bob, Capability.FENCING)) {
                assertThat(timeout.holders().get(0).token()).hasValue(hold.token());
                assertThat(timeout).hasMessageContaining("token " + hold.token());
              }
            });
  }
}
