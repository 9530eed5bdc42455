package io.holdfast.testkit.lease;

import static io.holdfast.testkit.lease.LeaseWorld.LEASE;
import static io.holdfast.testkit.lease.LeaseWorld.TRUSTED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.HoldOptions;
import io.holdfast.LockTimeoutException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.testkit.ManualTicker;
import io.holdfast.testkit.lease.FaultyLeaseStore.Fate;
import io.holdfast.testkit.lease.FaultyLeaseStore.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Nobody believes for too long, nobody frees what is another's, and nothing that was uncertain becomes a second grant. */
class LeaseSafetyTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration NANO = Duration.ofNanos(1);

  private final LeaseWorld world = world();
  private final LeaseWorld.Member ann = world.process("ann");
  private final LeaseWorld.Member bob = world.process("bob");

  LeaseWorld world() {
    return new LeaseWorld();
  }

  @AfterEach
  void nothingIsLeft() {
    world.pass(LEASE.multipliedBy(2)); // what is given back again and again is given up by then
    world.close();
    assertThat(world.ticker.pendingAlarms()).isZero();
  }

  /** F2, R9: not from the answer. */
  @Test
  void aLeaseCountsFromBeforeItsRequestLeft() {
    ann.store.fate(Fate.slow(SECOND, SECOND));
    CompletableFuture<Hold> asked = ann.asks("a");
    world.pass(SECOND.multipliedBy(2));
    assertThat(asked.join().remaining()).contains(TRUSTED.minusSeconds(2));
    ann.store.fate(Fate.fine());
    asked.join().close();
  }

  /** The bound, to the nanosecond, whenever it was renewed. */
  @Test
  void soDoesARenewedOne() {
    Hold hold = ann.acquired("a");
    List<Long> sentAt = new ArrayList<>();
    ann.store.fates(
        (kind, name) -> {
          sentAt.add(world.ticker.nanos());
          return sentAt.size() > 2 ? Fate.lost() : Fate.slow(SECOND, Duration.ofMillis(500));
        });
    world.pass(TRUSTED);
    assertThat(sentAt).hasSizeGreaterThanOrEqualTo(2);
    long left = sentAt.get(1) + TRUSTED.toNanos() - world.ticker.nanos();
    assertThat(hold.remaining()).contains(Duration.ofNanos(left));
    world.pass(Duration.ofNanos(left - 1));
    assertThat(hold.isHeld()).isTrue();
    world.pass(NANO);
    assertThat(hold.isHeld()).isFalse();
    assertThat(hold.lost().toCompletableFuture()).isCompletedWithValue(LossReason.EXPIRED);
  }

  /** The pace, on which no bound depends. */
  @Test
  void aRenewalLeavesAThirdOfALeaseAfterTheOneBeforeLeft() {
    List<Long> sentAt = new ArrayList<>(List.of(world.ticker.nanos()));
    Hold hold = ann.acquired("a");
    ann.store.fates(
        (kind, name) -> {
          sentAt.add(world.ticker.nanos());
          return Fate.slow(SECOND, Duration.ZERO);
        });
    world.pass(LEASE.multipliedBy(5));
    assertThat(hold.isHeld()).isTrue();
    long third = LEASE.dividedBy(3).toNanos();
    for (int i = 1; i < sentAt.size(); i++) {
      assertThat(sentAt.get(i) - sentAt.get(i - 1)).isBetween(third - third / 10, third);
    }
    assertThat(sentAt).hasSizeGreaterThan(15);
    ann.store.fate(Fate.fine());
    hold.close();
  }

  /** F2: not at the next heartbeat. */
  @Test
  void aLossIsToldByATimerAtTheDeadline() {
    Hold hold = ann.acquired("a");
    ann.store.fate(Fate.lost());
    CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
    world.pass(TRUSTED.minus(NANO));
    assertThat(lost).isNotDone();
    assertThat(hold.isHeld()).isTrue();
    world.pass(NANO);
    assertThat(lost).isCompletedWithValue(LossReason.EXPIRED);
  }

  @Test
  void anAnswerThatComesAfterTheDeadlineComesTooLate() {
    Hold hold = ann.acquired("a");
    ann.store.fates(
        (kind, name) -> kind == Kind.RENEW ? Fate.slow(Duration.ZERO, LEASE) : Fate.fine());
    world.pass(LEASE.multipliedBy(2));
    assertThat(hold.isHeld()).isFalse();
    assertThat(hold.lost().toCompletableFuture()).isCompletedWithValue(LossReason.EXPIRED);
  }

  /** R24: whatever happened meanwhile, and whether or not a clock stood still. */
  @Test
  void whoSleptForALeaseKnowsItAtTheFirstLook() {
    Hold hold = ann.acquired("a");
    world.ticker.suspend(Duration.ofSeconds(61));
    assertThat(hold.isHeld()).isFalse();
    assertThatThrownBy(hold::checkHeld).isInstanceOf(HoldLostException.class);
  }

  @Test
  void whoSleptForLessStillHolds() {
    Hold hold = ann.acquired("a");
    world.ticker.suspend(TRUSTED.minus(SECOND));
    assertThat(hold.remaining()).contains(SECOND);
    world.pass(LEASE);
    assertThat(hold.isHeld()).isFalse();
  }

  /** A waiter counts by the clock that does not. */
  @Test
  void aWallClockSetForwardMakesNobodyTakeOverEarly() {
    ManualTicker clock = new ManualTicker();
    LeaseWorld.Member cid = world.process("cid", clock);
    Hold hold = ann.acquired("a");
    assertThat(cid.canHave("a")).isFalse();
    clock.setWallClock(Duration.ofHours(1));
    clock.advance(LEASE.minus(NANO));
    assertThat(cid.canHave("a")).isFalse();
    assertThat(hold.isHeld()).isTrue();
    clock.advance(NANO);
    assertThat(cid.canHave("a")).isTrue();
  }

  @Test
  void aWallClockSetBackKeepsNobodyBelieving() {
    Hold hold = ann.acquired("a");
    ann.store.fate(Fate.lost());
    world.ticker.setWallClock(Duration.ofHours(-1));
    world.pass(TRUSTED);
    assertThat(hold.isHeld()).isFalse();
  }

  /** R14, D2: else the holder takes its own renewal for somebody else's doing. */
  @Test
  void aRenewalThatWasCarriedOutAndNotAnsweredIsNoLoss() {
    Hold hold = ann.acquired("a");
    AtomicInteger renewals = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            kind == Kind.RENEW && renewals.incrementAndGet() % 2 == 1
                ? Fate.unanswered()
                : Fate.fine());
    world.pass(LEASE.multipliedBy(5));
    assertThat(hold.isHeld()).isTrue();
    assertThat(renewals.get()).isGreaterThan(10);
    hold.close();
    assertThat(world.record("a").isFree()).isTrue();
  }

  /** D2: else it waits a whole lease for itself. */
  @Test
  void aTakeWhoseAnswerIsLostIsRecognized() {
    AtomicInteger takes = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            kind == Kind.TAKE && takes.getAndIncrement() == 0
                ? Fate.failedAfter(new UncertainOutcomeException("reset", new Exception()))
                : Fate.fine());
    CompletableFuture<Hold> asked = ann.asks("a");
    world.pass(SECOND);
    assertThat(asked.join().token()).isOne();
    assertThat(takes).hasValue(1);
    assertThat(asked.join().remaining().orElseThrow()).isGreaterThan(TRUSTED.minus(SECOND));
    asked.join().close();
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void aTakeThatDidNotArriveIsSentAgain() {
    AtomicInteger takes = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            kind == Kind.TAKE && takes.getAndIncrement() == 0 ? Fate.lost() : Fate.fine());
    CompletableFuture<Hold> asked = ann.asks("a");
    world.pass(LEASE.dividedBy(2));
    assertThat(asked.join().token()).isOne();
    assertThat(takes).hasValue(2);
    asked.join().close();
  }

  @Test
  void aTakeThatArrivesTwiceIsOneGrant() {
    ann.store.fates(
        (kind, name) -> kind == Kind.TAKE ? Fate.doubled(SECOND.multipliedBy(2)) : Fate.fine());
    Hold hold = ann.acquired("a");
    world.pass(LEASE);
    assertThat(hold.isHeld()).isTrue();
    assertThat(world.record("a").token()).isOne();
    hold.close();
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void aTakeThatArrivesLateIsStillTheSameGrant() {
    AtomicInteger takes = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            kind == Kind.TAKE && takes.getAndIncrement() == 0
                ? Fate.slow(Duration.ofMillis(3_450), SECOND) // after the look that it is free
                : Fate.fine());
    CompletableFuture<Hold> asked = ann.asks("a");
    world.pass(LEASE);
    assertThat(asked.join().isHeld()).isTrue();
    assertThat(world.record("a").token()).isOne();
    asked.join().close();
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void whoCannotKnowIsToldSoAndWhatWasTakenIsGivenBack() {
    ann.store.fates((kind, name) -> kind == Kind.TAKE ? Fate.unanswered() : Fate.lost());
    CompletableFuture<Hold> asked = ann.asks("a", SECOND.multipliedBy(5));
    world.pass(SECOND.multipliedBy(5));
    assertThatThrownBy(asked::get)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(UncertainOutcomeException.class);
    assertThat(world.record("a").isFree()).isFalse();
    ann.store.fate(Fate.fine());
    world.pass(LEASE.dividedBy(2));
    assertThat(world.record("a").isFree()).isTrue();
    assertThat(bob.canHave("a")).isTrue();
  }

  @Test
  void aTryThatCannotKnowIsToldSoAfterABound() {
    ann.store.fates((kind, name) -> kind == Kind.TAKE ? Fate.unanswered() : Fate.lost());
    CompletableFuture<Hold> asked = ann.asks("a", Duration.ZERO);
    world.pass(SECOND.multipliedBy(5));
    assertThatThrownBy(asked::get).hasCauseInstanceOf(UncertainOutcomeException.class);
  }

  /** D1: a name in a record decides nothing. */
  @Test
  void aLateReleaseDoesNotFreeWhatIsAnothers() {
    LeaseWorld.Member namesake = world.process("ann", new ManualTicker());
    Hold old = ann.acquired("a");
    ann.store.fate(Fate.slow(LEASE.multipliedBy(3), Duration.ZERO));
    CompletableFuture<Void> closing = old.closeAsync();
    CompletableFuture<Hold> next = bob.asks("a");
    world.pass(LEASE.plus(SECOND.multipliedBy(2)));
    assertThat(next.join().token()).isEqualTo(2);
    world.pass(LEASE.multipliedBy(3));
    assertThat(closing).isCompletedExceptionally();
    assertThat(next.join().isHeld()).isTrue();
    assertThat(namesake.canHave("a")).isFalse();
    next.join().close();
  }

  /** G3: whoever wrote under it must hear that it was not held to the end. */
  @Test
  void releasingALockThatWasTakenAwayIsNoSuccess() {
    Hold hold = ann.acquired("a");
    assertThat(bob.client.forceRelease("a", hold.token())).isTrue();
    assertThatThrownBy(hold::close)
        .isInstanceOf(HoldLostException.class)
        .hasMessageContaining("REVOKED");
  }

  @Test
  void aReleaseThatWasCarriedOutAndNotAnsweredIsASuccess() {
    Hold hold = ann.acquired("a");
    AtomicInteger releases = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            kind == Kind.RELEASE && releases.getAndIncrement() == 0
                ? Fate.unanswered()
                : Fate.fine());
    CompletableFuture<Void> closing = hold.closeAsync();
    world.pass(SECOND.multipliedBy(5));
    assertThat(closing).isCompleted();
    assertThat(releases).hasValue(2);
  }

  /** R33: else the lock stays held until its lease ends. */
  @Test
  void aReleaseThatFailsIsTriedAgain() {
    Hold hold = ann.acquired("a");
    AtomicInteger releases = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            releases.getAndIncrement() < 3
                ? Fate.failed(new StoreUnavailableException("throttled", new Exception()))
                : Fate.fine());
    CompletableFuture<Void> closing = hold.closeAsync();
    assertThat(closing).isNotDone();
    world.pass(SECOND.multipliedBy(2));
    assertThat(closing).isCompleted();
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void aReleaseThatIsNeverAnsweredEndsAfterABound() {
    Hold hold = ann.acquired("a");
    ann.store.fate(Fate.lost());
    CompletableFuture<Void> closing = hold.closeAsync();
    world.pass(SECOND.multipliedBy(10));
    assertThatThrownBy(closing::get).hasCauseInstanceOf(UncertainOutcomeException.class);
    world.pass(LEASE.multipliedBy(2));
    long releases = ann.store.count(Kind.RELEASE);
    world.pass(LEASE.multipliedBy(5));
    assertThat(ann.store.count(Kind.RELEASE)).isEqualTo(releases);
  }

  /** A request costs as much as any, and the lease may be an hour. */
  @Test
  void aReleaseThatIsNeverAnsweredIsNotSentTheOftenerTheLongerTheLease() {
    HoldOptions longest = HoldOptions.defaults().leaseDuration(HoldOptions.MAX_LEASE);
    Hold hold = ann.client.lock("a").with(longest).tryAcquire().orElseThrow();
    ann.store.fate(Fate.lost());
    CompletableFuture<Void> closing = hold.closeAsync();
    world.pass(HoldOptions.MAX_LEASE.multipliedBy(2));
    assertThat(closing).isCompletedExceptionally();
    assertThat(ann.store.count(Kind.RELEASE)).isBetween(20L, 50L);
  }

  /** While the store was away for a minute it is not asked each second, and yet soon after. */
  @Test
  void aReleaseOfALongLeaseComesAboutSoonAfterAnOutage() {
    HoldOptions longest = HoldOptions.defaults().leaseDuration(HoldOptions.MAX_LEASE);
    Hold hold = ann.client.lock("a").with(longest).tryAcquire().orElseThrow();
    ann.store.fate(Fate.lost());
    CompletableFuture<Void> unused = hold.closeAsync();
    world.pass(Duration.ofMinutes(1));
    ann.store.fate(Fate.fine());
    world.pass(Duration.ofMinutes(1));
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void releasesAreAsFarApartAsTheStoreWantsWrites() {
    Hold hold = ann.acquired("a");
    ann.store.writesApart(SECOND);
    ann.store.fate(Fate.failed(new StoreUnavailableException("throttled", new Exception())));
    CompletableFuture<Void> unused = hold.closeAsync();
    world.pass(LEASE.minus(NANO));
    assertThat(ann.store.count(Kind.RELEASE)).isBetween(5L, 10L);
  }

  /** R15, F3. */
  @Test
  void nothingIsRenewedAfterARelease() {
    Hold hold = ann.acquired("a");
    world.pass(LEASE);
    hold.close();
    long renewals = ann.store.count(Kind.RENEW);
    world.pass(LEASE.multipliedBy(3));
    assertThat(ann.store.count(Kind.RENEW)).isEqualTo(renewals).isPositive();
  }

  /** F3: whoever lost it must ask again. */
  @Test
  void whatIsLostIsNeverAcquiredAgainSilently() {
    Hold hold = ann.acquired("a");
    ann.store.fate(Fate.lost());
    world.pass(TRUSTED);
    ann.store.fate(Fate.fine());
    world.pass(LEASE.multipliedBy(3));
    assertThat(hold.isHeld()).isFalse();
    assertThat(ann.store.count(Kind.TAKE)).isOne();
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void aGrantThatComesAfterTheWaitIsGivenBack() {
    ann.store.fate(Fate.slow(SECOND, SECOND));
    CompletableFuture<Hold> cancelled = ann.asks("a");
    CompletableFuture<Hold> timedOut = ann.asks("b", Duration.ofMillis(1_500));
    world.pass(Duration.ofMillis(500));
    cancelled.cancel(false);
    world.pass(SECOND);
    assertThatThrownBy(timedOut::get).hasCauseInstanceOf(LockTimeoutException.class);
    assertThat(world.record("a").isFree()).isFalse();
    assertThat(world.record("b").isFree()).isFalse();
    world.pass(SECOND.multipliedBy(2));
    assertThat(world.record("a").isFree()).isTrue();
    assertThat(world.record("b").isFree()).isTrue();
    assertThat(ann.store.count(Kind.RENEW)).isZero();
  }

  /** R32: what a late copy of the request takes nobody holds. */
  @Test
  void aGrantThatALateRequestBringsBackIsSeenThrough() {
    ann.store.fates(
        (kind, name) -> kind == Kind.TAKE ? Fate.doubled(SECOND.multipliedBy(2)) : Fate.fine());
    Hold hold = ann.acquired("a");
    world.pass(SECOND);
    hold.close();
    world.pass(SECOND);
    assertThat(world.record("a").isFree()).isFalse();
    assertThat(hold.isHeld()).isFalse();
    ann.store.fate(Fate.fine());
    assertThat(ann.canHave("a")).isTrue();
  }

  @Test
  void whoseLockWasTakenAwayHearsItWithTheNextRenewalAndFreesWhatWasGrantedWithIt() {
    Hold hold =
        ann.client.all(ann.client.lock("a"), ann.client.lock("b")).tryAcquire().orElseThrow();
    assertThat(bob.client.forceRelease("b", hold.token())).isTrue();
    assertThat(bob.canHave("b")).isTrue();
    assertThat(bob.canHave("a")).isFalse();
    world.pass(LEASE.dividedBy(3));
    assertThat(hold.lost().toCompletableFuture()).isCompletedWithValue(LossReason.REVOKED);
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void severalEndWithTheFirstOfThem() {
    Hold hold =
        ann.client.all(ann.client.lock("a"), ann.client.lock("b")).tryAcquire().orElseThrow();
    ann.store.fates((kind, name) -> name.equals("b") ? Fate.lost() : Fate.fine());
    world.pass(TRUSTED.minus(NANO));
    assertThat(hold.isHeld()).isTrue();
    world.pass(NANO);
    assertThat(hold.isHeld()).isFalse();
    assertThat(world.record("a").isFree()).isTrue();
  }

  @Test
  void severalWhoseAnswerIsLostAreRecognizedToo() {
    AtomicInteger takes = new AtomicInteger();
    ann.store.fates(
        (kind, name) ->
            kind == Kind.TAKE && takes.getAndIncrement() == 0 ? Fate.unanswered() : Fate.fine());
    CompletableFuture<Hold> asked =
        ann.client.all(ann.client.lock("a"), ann.client.lock("b")).acquireAsync();
    world.pass(LEASE.dividedBy(2));
    assertThat(asked.join().token()).isOne();
    asked.join().close();
    assertThat(world.record("a").isFree()).isTrue();
    assertThat(world.record("b").isFree()).isTrue();
  }

  @Test
  void aShortLeaseIsCountedByItsOwnLength() {
    HoldOptions brief = HoldOptions.defaults().leaseDuration(HoldOptions.MIN_LEASE);
    Hold hold = ann.client.lock("a").with(brief).tryAcquire().orElseThrow();
    assertThat(bob.canHave("a")).isFalse();
    ann.store.fate(Fate.lost());
    world.pass(HoldOptions.MIN_LEASE.minus(NANO));
    assertThat(hold.isHeld()).isFalse();
    assertThat(bob.canHave("a")).isFalse();
    world.pass(NANO);
    assertThat(bob.canHave("a")).isTrue();
  }

  /** Whoever else is in the process waits behind a holder that will never be heard of again. */
  @Test
  void aClientThatClosesWhileTheStoreIsSilentKeepsNobodyOfItsProcessOut() {
    LeaseWorld.Member cid = world.client("cid", "ann's process", world.ticker);
    ann.acquired("a");
    ann.store.fate(Fate.lost());
    CompletableFuture<Hold> asked = cid.asks("a");
    world.close(ann);
    world.pass(SECOND);
    assertThat(asked).as("who may free what the other has left").isDone();
    asked.join().close();
  }

  @Test
  void aQuestionThatIsOpenWhenItsClientClosesIsAnsweredSo() {
    ann.store.fate(Fate.lost());
    CompletableFuture<?> described = CompletableFuture.supplyAsync(() -> ann.client.describe("a"));
    while (ann.store.count(Kind.READ) == 0) {
      Thread.onSpinWait();
    }
    world.close(ann);
    assertThatThrownBy(() -> described.get(5, TimeUnit.SECONDS))
        .hasCauseInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  /** Whoever closes hears out what may tell of a grant, and gives it back. */
  @Test
  void aGrantThatIsBeingLookedForWhenItsClientClosesIsGivenBack() {
    Duration way = Duration.ofMillis(100);
    ann.store.fates(
        (kind, name) ->
            kind == Kind.TAKE
                ? Fate.unanswered()
                : kind == Kind.READ ? Fate.slow(way, way) : Fate.fine());
    CompletableFuture<Hold> asked = ann.asks("a");
    for (int i = 0; i < 200 && ann.store.count(Kind.READ) == 0; i++) {
      world.pass(way.dividedBy(2));
    }
    assertThat(world.record("a").isFree()).as("what this is about").isFalse();
    world.close(ann);
    assertThat(asked).isCompletedExceptionally();
    assertThat(world.record("a").isFree()).isTrue();
  }

  /** A look costs as much as a request, and the lease may be an hour. */
  @Test
  void anOutcomeThatNobodyWaitsForIsNotLookedIntoForAsLongAsALongLease() {
    HoldOptions hour = HoldOptions.defaults().leaseDuration(Duration.ofHours(1));
    ann.store.fates((kind, name) -> kind == Kind.TAKE ? Fate.lost() : Fate.fine());
    CompletableFuture<Hold> asked = ann.client.lock("a").with(hour).acquireAsync(SECOND);
    world.pass(SECOND.multipliedBy(2));
    assertThat(asked).isCompletedExceptionally();
    world.pass(Duration.ofMinutes(2));
    long looks = ann.store.count(Kind.READ);
    assertThat(looks).isBetween(10L, 40L);
    world.pass(Duration.ofHours(1));
    assertThat(ann.store.count(Kind.READ)).isEqualTo(looks);
  }

  /** While the store is away nothing is known, so it is looked at when it is back. */
  @Test
  void anOutcomeIsLookedIntoAfterALongOutageToo() {
    HoldOptions hour = HoldOptions.defaults().leaseDuration(Duration.ofHours(1));
    ann.store.fates((kind, name) -> kind == Kind.TAKE ? Fate.unanswered() : Fate.lost());
    CompletableFuture<Hold> asked = ann.client.lock("a").with(hour).acquireAsync(SECOND);
    world.pass(Duration.ofMinutes(10));
    assertThat(asked).isCompletedExceptionally();
    assertThat(world.record("a").isFree()).isFalse();
    ann.store.fate(Fate.fine());
    world.pass(SECOND.multipliedBy(10));
    assertThat(world.record("a").isFree()).isTrue();
  }

  /** Of what is more each is sent once, and ends with its lease if that is lost. */
  @Test
  void releasesThatAreSentAgainAtATimeHaveABound() {
    int most = 10_000;
    List<Hold> holds = new ArrayList<>();
    for (int i = 0; i < most + 1_000; i++) {
      holds.add(ann.acquired("a" + i));
    }
    ann.store.fate(Fate.lost());
    holds.forEach(Hold::closeAsync);
    assertThat(ann.store.count(Kind.RELEASE)).isEqualTo(holds.size());
    world.pass(SECOND.multipliedBy(4)); // the first are given up by then, and not yet the second
    assertThat(ann.store.count(Kind.RELEASE)).isEqualTo(holds.size() + most);
  }

  /** What is more ends with its lease, which here is about the same. */
  @Test
  void outcomesThatAreLookedIntoAtATimeHaveABound() {
    int most = 10_000;
    ann.store.fate(Fate.lost());
    for (int i = 0; i < most + 1_000; i++) {
      CompletableFuture<Hold> unused = ann.asks("a" + i, SECOND);
    }
    world.pass(SECOND.multipliedBy(5)); // the takes are given up by then, and not yet the reads
    assertThat(ann.store.count(Kind.READ)).isEqualTo(most);
  }
}
