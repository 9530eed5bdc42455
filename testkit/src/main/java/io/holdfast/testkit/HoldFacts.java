package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.HoldLostException;
import io.holdfast.HoldOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LossReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a hold knows of itself, and how it ends. */
abstract class HoldFacts extends Facts {
  private static final Duration MAX_HOLD = Duration.ofSeconds(2);

  HoldFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void aHoldIsHeldUntilItIsClosed() throws Exception {
    Hold hold = ann.lock(name).acquire();
    assertThat(hold.isHeld()).isTrue();
    hold.checkHeld();
    hold.close();
    assertThat(hold.isHeld()).isFalse();
    assertThat(hold.remaining()).contains(Duration.ZERO);
  }

  @Test
  void checkingAClosedHoldIsAMistake() throws Exception {
    Hold hold = ann.lock(name).acquire();
    hold.close();
    assertThatThrownBy(hold::checkHeld)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(name);
  }

  @Test
  void closingTwiceIsHarmless() throws Exception {
    Hold hold = ann.lock(name).acquire();
    hold.close();
    Hold next = bob.lock(name).acquire();
    hold.close();
    store.promptly(hold.closeAsync());
    assertThat(next.isHeld()).isTrue();
    assertThat(cid.lock(name).tryAcquire()).isEmpty();
    next.close();
  }

  @Test
  void anyThreadMayCloseAHold() throws Exception {
    Hold hold = ann.lock(name).acquire();
    store.promptly(
        store.inThread(
                () -> {
                  hold.close();
                  return true;
                })
            .answer);
    assertThat(hold.isHeld()).isFalse();
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void manyThreadsMayCloseAHoldAtOnce() throws Exception {
    for (int i = 0; i < store.rounds(); i++) {
      Hold hold = ann.lock(name).acquire();
      store.atOnce(hold::close, hold::close);
      bob.lock(name).tryAcquire().orElseThrow().close();
    }
  }

  @Test
  void closingWithoutWaitingGivesTheLockBack() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Void> closing = hold.closeAsync();
    assertThat(hold.isHeld()).isFalse();
    store.promptly(closing);
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void aClosedHoldIsNotLost() throws Exception {
    LockClient dan = store.watchedClient("dan");
    Hold hold = dan.lock(name).acquire();
    AtomicInteger losses = new AtomicInteger();
    hold.onLost(reason -> losses.incrementAndGet());
    CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
    hold.close();
    hold.onLost(reason -> losses.incrementAndGet());
    dan.close();
    store.callbacksAreThrough();
    assertThat(losses).hasValue(0);
    assertThat(lost).isNotDone();
  }

  @Test
  void withoutABoundOfItsOwnAHoldOutlastsItsLease() throws Exception {
    Hold hold = ann.lock(name).acquire();
    store.letPassSlowly(HoldOptions.defaults().leaseDuration().multipliedBy(2));
    assertThat(hold.isHeld()).isTrue();
    hold.remaining().ifPresent(left -> assertThat(left).isPositive());
    hold.close();
  }

  @Test
  void maxHoldEndsAHold() throws Exception {
    Hold hold = limited(ann).acquire();
    assertThat(hold.remaining().orElseThrow()).isPositive().isLessThanOrEqualTo(MAX_HOLD);
    store.letPass(MAX_HOLD);
    assertThat(hold.isHeld()).isFalse();
    assertThat(store.promptly(hold.lost().toCompletableFuture())).isEqualTo(LossReason.EXPIRED);
    assertThat(hold.remaining()).contains(Duration.ZERO);
    store.freed(bob.lock(name)).close();
  }

  @Test
  void maxHoldLetsTheNextInLineIn() throws Exception {
    Hold hold = limited(ann).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    store.letPass(MAX_HOLD);
    store.promptly(waiting).close();
    assertThat(hold.isHeld()).isFalse();
  }

  @Test
  void maxHoldCountsFromTheGrant() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = waits(limited(bob), name, 1);
    store.letPass(MAX_HOLD);
    hold.close();
    Hold next = store.promptly(waiting);
    assertThat(next.isHeld()).isTrue();
    assertThat(next.remaining().orElseThrow()).isGreaterThan(MAX_HOLD.dividedBy(2));
    next.close();
  }

  @Test
  void maxHoldDoesNotTouchAHoldClosedBefore() throws Exception {
    Hold hold = limited(store.watchedClient("dan")).acquire();
    AtomicInteger losses = new AtomicInteger();
    hold.onLost(reason -> losses.incrementAndGet());
    hold.close();
    Hold next = bob.lock(name).acquire();
    store.letPass(MAX_HOLD);
    store.callbacksAreThrough();
    assertThat(losses).hasValue(0);
    assertThat(next.isHeld()).isTrue();
    next.close();
  }

  @Test
  void remainingShrinksAsTimePasses() throws Exception {
    Hold hold = limited(ann).acquire();
    Duration half = MAX_HOLD.dividedBy(2);
    store.letPass(half);
    assertThat(hold.remaining().orElseThrow()).isPositive().isLessThanOrEqualTo(half);
    hold.close();
  }

  @Test
  void closingTheClientEndsItsHolds() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
    ann.close();
    assertThat(hold.isHeld()).isFalse();
    assertThat(store.promptly(lost)).isEqualTo(LossReason.SESSION_ENDED);
    store.freed(bob.lock(name)).close();
    ann.close();
  }

  @Test
  void aLossIsToldToAllWhoAskedBeforeOrAfter() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<LossReason> one = new CompletableFuture<>();
    CompletableFuture<LossReason> two = new CompletableFuture<>();
    CompletableFuture<LossReason> late = new CompletableFuture<>();
    hold.onLost(one::complete);
    hold.onLost(two::complete);
    ann.close();
    assertThat(store.promptly(one)).isEqualTo(LossReason.SESSION_ENDED);
    assertThat(store.promptly(two)).isEqualTo(LossReason.SESSION_ENDED);
    hold.onLost(late::complete);
    assertThat(store.promptly(late)).isEqualTo(LossReason.SESSION_ENDED);
  }

  @Test
  void nobodyCanPretendALoss() throws Exception {
    Hold hold = ann.lock(name).acquire();
    hold.lost().toCompletableFuture().complete(LossReason.REVOKED);
    assertThat(hold.isHeld()).isTrue();
    assertThat(hold.lost().toCompletableFuture()).isNotDone();
    hold.close();
  }

  @Test
  void closingALostHoldTellsOnce() throws Exception {
    Hold hold = lostHold();
    HoldLostException told = catchThrowableOfType(HoldLostException.class, hold::close);
    assertThat(told.reason()).isEqualTo(LossReason.SESSION_ENDED);
    assertThat(told).hasMessageContaining(name).hasMessageContaining("SESSION_ENDED");
    hold.close();
  }

  @Test
  void closingALostHoldWithoutWaitingTellsToo() throws Exception {
    Hold hold = lostHold();
    assertThat(store.failure(hold.closeAsync())).isInstanceOf(HoldLostException.class);
    store.promptly(hold.closeAsync());
  }

  @Test
  void closingSaysNothingOfALossThatACheckHasTold() throws Exception {
    Hold hold = lostHold();
    assertThatThrownBy(hold::checkHeld).isInstanceOf(HoldLostException.class);
    hold.close();
  }

  @Test
  void checkingALostHoldTellsEveryTime() throws Exception {
    Hold hold = lostHold();
    for (int i = 0; i < 3; i++) {
      assertThat(catchThrowableOfType(HoldLostException.class, hold::checkHeld).reason())
          .isEqualTo(LossReason.SESSION_ENDED);
    }
  }

  @Test
  void aTryBlockThatLostItsLockDoesNotEndAsIfNothingHadHappened() {
    assertThatThrownBy(
            () -> {
              try (Hold hold = ann.lock(name).acquire()) {
                ann.close();
              }
            })
        .isInstanceOf(HoldLostException.class);
  }

  @Test
  void atRiskIsToldWhenSoMuchIsLeft() throws Exception {
    Hold hold = limited(store.watchedClient("dan")).acquire();
    CompletableFuture<Hold> atRisk = new CompletableFuture<>();
    Duration before = MAX_HOLD.dividedBy(2);
    hold.onAtRisk(before, atRisk::complete);
    if (store.timeIsTurnedByHand()) {
      store.letPass(hold.remaining().orElseThrow().minus(before).minusNanos(1));
      store.callbacksAreThrough();
      assertThat(atRisk).isNotDone();
      store.letPass(Duration.ofNanos(1));
    } else {
      store.letPass(MAX_HOLD.minus(before));
    }
    assertThat(store.promptly(atRisk)).isSameAs(hold);
    assertThat(hold.isHeld()).isTrue();
    hold.close();
  }

  @Test
  void atRiskIsToldAtOnceIfLessIsLeftAlready() throws Exception {
    Hold hold = limited(ann).acquire();
    CompletableFuture<Hold> atRisk = new CompletableFuture<>();
    hold.onAtRisk(MAX_HOLD.multipliedBy(10), atRisk::complete);
    assertThat(store.promptly(atRisk)).isSameAs(hold);
    hold.close();
  }

  @Test
  void atRiskIsToldOnce() throws Exception {
    Hold hold = limited(store.watchedClient("dan")).acquire();
    AtomicInteger told = new AtomicInteger();
    hold.onAtRisk(MAX_HOLD.dividedBy(2), held -> told.incrementAndGet());
    store.letPass(MAX_HOLD);
    store.promptly(hold.lost().toCompletableFuture());
    store.callbacksAreThrough();
    assertThat(told.get()).isLessThanOrEqualTo(1);
    assertThatThrownBy(hold::close).isInstanceOf(HoldLostException.class);
  }

  @Test
  void atRiskIsNotToldOfAHoldThatWasClosedOrLostFirst() throws Exception {
    AtomicInteger told = new AtomicInteger();
    Hold closed = limited(store.watchedClient("dan")).acquire();
    closed.onAtRisk(MAX_HOLD.dividedBy(2), hold -> told.incrementAndGet());
    closed.close();
    LockClient eve = store.watchedClient("eve");
    Hold lost = limited(eve).acquire();
    lost.onAtRisk(MAX_HOLD.dividedBy(2), hold -> told.incrementAndGet());
    eve.close();
    store.letPass(MAX_HOLD);
    closed.onAtRisk(MAX_HOLD, hold -> told.incrementAndGet());
    store.callbacksAreThrough();
    assertThat(told).hasValue(0);
  }

  @Test
  void atRiskTakesAPositiveSpan() throws Exception {
    Hold hold = ann.lock(name).acquire();
    assertThatThrownBy(() -> hold.onAtRisk(Duration.ZERO, held -> {}))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("before")
        .hasMessageContaining("0 ms");
    assertThatThrownBy(() -> hold.onAtRisk(Duration.ofMillis(-5), held -> {}))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("-5 ms");
    hold.close();
  }

  @Test
  void aHoldLastsAsLongAsItsConditionSaysYes() throws Exception {
    AtomicBoolean isWell = new AtomicBoolean(true);
    Hold hold = ann.lock(name).with(brief).acquire();
    hold.heartbeatWhile(isWell::get);
    store.letPassSlowly(brief.leaseDuration().multipliedBy(5).dividedBy(4));
    assertThat(hold.isHeld()).isTrue();
    isWell.set(false);
    store.letPassSlowly(brief.leaseDuration());
    assertThat(store.promptly(hold.lost().toCompletableFuture())).isEqualTo(LossReason.EXPIRED);
    assertThatThrownBy(hold::close).isInstanceOf(HoldLostException.class);
    store.freed(bob.lock(name)).close();
  }

  @Test
  void aConditionThatThrowsOrNeverReturnsHasNotSaidYes() throws Exception {
    assumeTrue(store.timeIsTurnedByHand(), "in real time it would take long");
    CountDownLatch never = new CountDownLatch(1);
    Hold throwing = ann.lock(name).with(brief).acquire();
    throwing.heartbeatWhile(
        () -> {
          throw new IllegalStateException("out of order");
        });
    Hold hanging = bob.lock(store.name("2")).with(brief).acquire();
    hanging.heartbeatWhile(
        () -> {
          await(never, Duration.ofMinutes(1));
          return true;
        });
    store.letPassSlowly(brief.leaseDuration());
    assertThat(store.promptly(throwing.lost().toCompletableFuture())).isEqualTo(LossReason.EXPIRED);
    assertThat(store.promptly(hanging.lost().toCompletableFuture())).isEqualTo(LossReason.EXPIRED);
    never.countDown();
  }

  @Test
  void aConditionThatSaysYesAgainInTimeEndsNothing() throws Exception {
    assumeTrue(store.timeIsTurnedByHand(), "in real time it would take long");
    AtomicInteger asked = new AtomicInteger();
    Hold hold = store.watchedClient("dan").lock(name).with(brief).acquire();
    hold.heartbeatWhile(() -> asked.getAndIncrement() % 2 == 0);
    Duration untilAsked = brief.leaseDuration().dividedBy(3);
    for (int i = 0; i < 9; i++) {
      store.callbacksAreThrough();
      store.letPass(untilAsked);
    }
    assertThat(asked.get()).as("asked three times a lease").isBetween(9, 10);
    assertThat(hold.isHeld()).isTrue();
    hold.close();
    store.letPass(brief.leaseDuration());
    assertThat(asked.get()).as("and no more once it is closed").isBetween(9, 10);
  }

  @Test
  void callbacksRunOnTheClientsExecutor() throws Exception {
    ExecutorService executor =
        Executors.newSingleThreadExecutor(task -> new Thread(task, "executor of dan"));
    try (LockClient dan = store.client(ClientOptions.defaults().name("dan").executor(executor))) {
      CompletableFuture<String> lost = new CompletableFuture<>();
      CompletableFuture<String> atRisk = new CompletableFuture<>();
      Hold hold = limited(dan).acquire();
      hold.onLost(reason -> lost.complete(Thread.currentThread().getName()));
      hold.onAtRisk(MAX_HOLD, held -> atRisk.complete(Thread.currentThread().getName()));
      assertThat(store.promptly(atRisk)).isEqualTo("executor of dan");
      store.letPass(MAX_HOLD);
      assertThat(store.promptly(lost)).isEqualTo("executor of dan");
    } finally {
      executor.shutdown();
    }
  }

  /** Else it would be the thread that carries the answers of the store, and whoever blocks it gets none. */
  @Test
  void aReleaseIsToldOnTheClientsExecutorUnlessItIsDoneAtOnce() throws Exception {
    ExecutorService executor =
        Executors.newSingleThreadExecutor(task -> new Thread(task, "executor of dan"));
    try (LockClient dan = store.client(ClientOptions.defaults().name("dan").executor(executor))) {
      Hold hold = dan.lock(name).acquire();
      CompletableFuture<String> thread =
          hold.closeAsync().thenApply(closed -> Thread.currentThread().getName());
      assertThat(store.promptly(thread)).isIn("executor of dan", Thread.currentThread().getName());
    } finally {
      executor.shutdown();
    }
  }

  @Test
  void aSlowCallbackDelaysNobodyElse() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    Hold one = ann.lock(name).acquire();
    Hold two = ann.lock(store.name("other")).acquire();
    CompletableFuture<LossReason> told = new CompletableFuture<>();
    one.onLost(reason -> await(slow, store.promptly().multipliedBy(2)));
    two.onLost(told::complete);
    ann.close();
    assertThat(store.promptly(told)).isEqualTo(LossReason.SESSION_ENDED);
    store.freed(bob.lock(name)).close();
    slow.countDown();
  }

  @Test
  void aCallbackThatThrowsHarmsNobodyElse() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<LossReason> told = new CompletableFuture<>();
    hold.onLost(
        reason -> {
          throw new IllegalStateException("thrown by a callback, on purpose");
        });
    hold.onLost(told::complete);
    ann.close();
    assertThat(store.promptly(told)).isEqualTo(LossReason.SESSION_ENDED);
    store.freed(bob.lock(name)).close();
  }

  @Test
  void dataTravelsWithTheHold() throws Exception {
    store.requires(Capability.DATA);
    HoldData data = HoldData.of("tax run of May");
    try (Hold hold = ann.lock(name).with(HoldOptions.defaults().data(data)).acquire()) {
      assertThat(hold.data()).isEqualTo(data);
      if (store.has(bob, Capability.DESCRIBE)) {
        assertThat(bob.describe(name).holders())
            .singleElement()
            .satisfies(holder -> assertThat(holder.data()).isEqualTo(data));
      }
    }
    try (Hold hold = ann.lock(name).acquire()) {
      assertThat(hold.data().isEmpty()).isTrue();
    }
  }

  @Test
  void dataMayBeAnyBytesUpToTheLimit() throws Exception {
    store.requires(Capability.DATA, Capability.DESCRIBE);
    byte[] bytes = new byte[HoldData.MAX_BYTES];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    HoldOptions options = HoldOptions.defaults().data(HoldData.of(bytes));
    try (Hold hold = ann.lock(name).with(options).acquire()) {
      assertThat(bob.describe(name).holders().get(0).data().bytes()).isEqualTo(bytes);
    }
    assertThatThrownBy(() -> HoldData.of(new byte[HoldData.MAX_BYTES + 1]))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("4097")
        .hasMessageContaining("4096");
  }

  @Test
  void theClientsOwnOptionsAreTheDefault() throws Exception {
    HoldOptions options = HoldOptions.defaults().maxHold(MAX_HOLD);
    LockClient dan = store.client(ClientOptions.defaults().name("dan").holds(options));
    try (Hold hold = dan.lock(name).acquire()) {
      assertThat(hold.remaining()).isPresent();
      assertThat(hold.remaining().orElseThrow()).isLessThanOrEqualTo(MAX_HOLD);
    }
    Optional<Duration> unbounded;
    try (Hold hold = dan.lock(name).with(HoldOptions.defaults()).acquire()) {
      unbounded = hold.remaining();
    }
    assertThat(unbounded)
        .satisfiesAnyOf(
            left -> assertThat(left).isEmpty(),
            left -> assertThat(left.orElseThrow()).isGreaterThan(MAX_HOLD));
  }

  @Test
  void aDeadHolderIsReplacedWithinItsLease() throws Exception {
    Hold hold = ann.lock(name).with(brief).acquire();
    boolean hasLease = hold.remaining().isPresent();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    store.kill(ann);
    store.letPass(store.deadWithin(brief));
    Hold next = store.promptly(waiting);
    if (hasLease) { // by which its holder believes less than the store
      assertThat(hold.isHeld()).isFalse();
    } else {
      store.until("who is as if dead knows it", () -> !hold.isHeld());
    }
    next.close();
  }

  /** Renewal, or a session, or whatever the store has. */
  @Test
  void aLivingHolderKeepsTheLockFarBeyondItsLease() throws Exception {
    Hold hold = ann.lock(name).with(brief).acquire();
    for (int i = 0; i < 6; i++) {
      store.letPassSlowly(brief.leaseDuration().dividedBy(2));
      assertThat(bob.lock(name).tryAcquire()).isEmpty();
      hold.checkHeld();
    }
    hold.close();
  }

  /** A holder believes less than the store: that goes for the moment of its end, too. */
  @Test
  void whoHasTheLockNextFindsThatItsLastHolderKnows() throws Exception {
    for (int i = 0; i < store.rounds(); i++) {
      Hold closed = ann.lock(name).acquire();
      assertThat(believedWhenOthersHad(closed, closed::close)).isFalse();
    }
  }

  /** Telling them all takes a moment, here made long by an executor that is slow to accept the callbacks. */
  @Test
  void soDoesWhoHasTheLockOfAClosedClient() throws Exception {
    CountDownLatch hadByBob = new CountDownLatch(1);
    Executor slow =
        callback -> {
          await(hadByBob, Duration.ofMillis(300));
          callback.run();
        };
    LockClient dan = store.client(ClientOptions.defaults().name("dan").executor(slow));
    List<Hold> holds = new ArrayList<>();
    for (String each : List.of(store.name("1"), name, store.name("2"))) {
      Hold hold = dan.lock(each).acquire();
      hold.onLost(reason -> {});
      holds.add(hold);
    }
    Actor<Boolean> closing =
        store.inThread(
            () -> {
              dan.close();
              return true;
            });
    for (Hold hold : holds) {
      Hold next = store.freedAtOnce(bob.lock(hold.targets().get(0).key().toString()));
      assertThat(hold.isHeld()).isFalse();
      next.close();
    }
    hadByBob.countDown();
    assertThat(store.promptly(closing.answer)).isTrue();
  }

  @Test
  void soDoesWhoHasTheLockThatExpired() throws Exception {
    for (int i = 0; i < (store.timeIsTurnedByHand() ? store.rounds() : 1); i++) {
      Hold hold = limited(ann).acquire();
      assertThat(believedWhenOthersHad(hold, () -> store.letPass(MAX_HOLD))).isFalse();
    }
  }

  private boolean believedWhenOthersHad(Hold hold, Runnable end) {
    boolean[] believed = new boolean[1];
    store.atOnce(
        end,
        () -> {
          Hold next = store.freedAtOnce(bob.lock(name));
          believed[0] = hold.isHeld();
          next.close();
        });
    return believed[0];
  }

  private DistributedLock limited(LockClient client) {
    return client.lock(name).with(HoldOptions.defaults().maxHold(MAX_HOLD));
  }

  private Hold lostHold() throws InterruptedException {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
    ann.close();
    store.promptly(lost);
    return hold;
  }

  private static void await(CountDownLatch latch, Duration atMost) {
    try {
      boolean unused = latch.await(atMost.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
