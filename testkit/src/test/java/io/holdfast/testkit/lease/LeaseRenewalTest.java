package io.holdfast.testkit.lease;

import static io.holdfast.testkit.lease.LeaseWorld.LEASE;
import static io.holdfast.testkit.lease.LeaseWorld.TRUSTED;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import io.holdfast.testkit.lease.FaultyLeaseStore.Fate;
import io.holdfast.testkit.lease.FaultyLeaseStore.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Holds are kept alive, each by itself. */
class LeaseRenewalTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final LeaseWorld world = new LeaseWorld();
  private final LeaseWorld.Member ann = world.process("ann");

  @AfterEach
  void nothingIsLeft() {
    world.close();
    world.pass(LEASE); // what was still on its way
    assertThat(world.ticker.pendingAlarms()).isZero();
  }

  /** R17, D5: one after the other they would take 50 s of a lease of 10 s. */
  @Test
  void aThousandHoldsAreRenewedInTimeThoughEachRequestTakes50Milliseconds() {
    List<Hold> holds = holds(1_000);
    ann.store.fate(Fate.slow(Duration.ofMillis(25), Duration.ofMillis(25)));
    Duration least = LEASE;
    for (int i = 0; i < 300; i++) {
      world.pass(Duration.ofMillis(100));
      for (Hold hold : holds) {
        Duration left = hold.remaining().orElseThrow();
        least = left.compareTo(least) < 0 ? left : least;
      }
    }
    Duration thirdAndRequest = LEASE.dividedBy(3).plusMillis(50);
    assertThat(least).isGreaterThanOrEqualTo(TRUSTED.minus(thirdAndRequest));
    ann.store.fate(Fate.fine());
  }

  /** D5. */
  @Test
  void oneThatIsNotAnsweredDelaysNoOther() {
    List<Hold> holds = holds(10);
    ann.store.fates((kind, name) -> name.equals("lock 3") ? Fate.lost() : Fate.fine());
    world.pass(LEASE.multipliedBy(3));
    for (int i = 0; i < holds.size(); i++) {
      assertThat(holds.get(i).isHeld()).isEqualTo(i != 3);
    }
    assertThat(holds.get(3).lost().toCompletableFuture()).isCompletedWithValue(LossReason.EXPIRED);
  }

  @Test
  void renewalsOfManyAreSpread() {
    List<Long> sentAt = new ArrayList<>();
    ann.store.fates(
        (kind, name) -> {
          if (kind == Kind.RENEW) {
            sentAt.add(world.ticker.nanos());
          }
          return Fate.fine();
        });
    holds(100);
    world.pass(LEASE.dividedBy(2));
    assertThat(sentAt).hasSize(100);
    assertThat(sentAt.stream().distinct().count()).isGreaterThan(90);
  }

  /** A request of three is enough. */
  @Test
  void aHoldIsRenewedThreeTimesALease() {
    holds(1);
    world.pass(LEASE.multipliedBy(10));
    assertThat(ann.store.count(Kind.RENEW)).isBetween(30L, 34L);
  }

  /** R18: another scheduler drops a task that has thrown once. */
  @Test
  void aRenewalThatThrowsDoesNotEndTheRenewing() {
    Hold hold = holds(1).get(0);
    AtomicInteger renewals = new AtomicInteger();
    ann.store.fates(
        (kind, name) -> {
          if (kind == Kind.RENEW && renewals.incrementAndGet() % 3 != 0) {
            if (renewals.get() % 3 == 1) {
              throw new IllegalStateException("on purpose");
            }
            throw new AssertionError("on purpose");
          }
          return Fate.fine();
        });
    world.pass(LEASE.multipliedBy(5));
    assertThat(hold.isHeld()).isTrue();
    assertThat(renewals.get()).isGreaterThan(30);
  }

  @Test
  void throttlingIsNoLoss() {
    Hold hold = holds(1).get(0);
    long healsAt = world.ticker.nanosIn(Duration.ofSeconds(7));
    ann.store.fates(
        (kind, name) ->
            world.ticker.nanos() - healsAt < 0
                ? Fate.failed(new StoreUnavailableException("throttled", new Exception()))
                : Fate.fine());
    world.pass(LEASE.multipliedBy(2));
    assertThat(hold.isHeld()).isTrue();
  }

  /** D6: there a lock once in danger is never renewed again. */
  @Test
  void aHoldAtRiskThatIsRenewedIsAtRiskNoMore() {
    Hold hold = holds(1).get(0);
    CompletableFuture<Hold> atRisk = new CompletableFuture<>();
    hold.onAtRisk(Duration.ofSeconds(2), atRisk::complete);
    ann.store.fates((kind, name) -> kind == Kind.RENEW ? Fate.lost() : Fate.fine());
    world.pass(TRUSTED.minusSeconds(1));
    assertThat(atRisk).isCompletedWithValue(hold);
    ann.store.fate(Fate.fine());
    world.pass(SECOND.minusMillis(1));
    assertThat(hold.remaining().orElseThrow()).isGreaterThan(TRUSTED.minus(SECOND));
    world.pass(LEASE.multipliedBy(2));
    assertThat(hold.isHeld()).isTrue();
  }

  @Test
  void anAnswerLaterThanItsPatienceStillCounts() {
    Hold hold = holds(1).get(0);
    ann.store.fates(
        (kind, name) ->
            kind == Kind.RENEW
                ? Fate.slow(Duration.ofSeconds(2), Duration.ofMillis(500))
                : Fate.fine());
    world.pass(LEASE.multipliedBy(3));
    assertThat(hold.isHeld()).isTrue();
  }

  @Test
  void writesToARecordAreAsFarApartAsTheStoreWants() {
    ann.store.writesApart(SECOND);
    List<Long> sentAt = new ArrayList<>();
    ann.store.fates(
        (kind, name) -> {
          if (kind == Kind.RENEW) {
            sentAt.add(world.ticker.nanos());
          }
          return sentAt.size() % 5 == 4
              ? Fate.failed(new StoreUnavailableException("throttled", new Exception()))
              : Fate.fine();
        });
    HoldOptions options = HoldOptions.defaults().leaseDuration(Duration.ofSeconds(5));
    Hold hold = ann.client.lock("a").with(options).tryAcquire().orElseThrow();
    world.pass(Duration.ofMinutes(1));
    assertThat(hold.isHeld()).isTrue();
    assertThat(sentAt).hasSizeGreaterThan(30);
    for (int i = 1; i < sentAt.size(); i++) {
      assertThat(sentAt.get(i) - sentAt.get(i - 1)).isGreaterThanOrEqualTo(SECOND.toNanos());
    }
  }

  @Test
  void closingGivesAllBackAtOnce() {
    List<Hold> holds = holds(200);
    ann.store.fate(Fate.slow(Duration.ofMillis(25), Duration.ofMillis(25)));
    long began = world.ticker.nanos();
    world.close(ann);
    assertThat(world.ticker.nanos() - began).isLessThan(SECOND.toNanos());
    assertThat(holds).noneMatch(Hold::isHeld);
    assertThat(world.map.list("", 1_000).join()).isEmpty();
    long renewals = ann.store.count(Kind.RENEW);
    world.pass(LEASE);
    assertThat(ann.store.count(Kind.RENEW)).isEqualTo(renewals);
  }

  @Test
  void closingIsOverInTimeThoughTheStoreIsAway() {
    holds(10);
    ann.store.fate(Fate.lost());
    long began = world.ticker.nanos();
    world.close(ann);
    // Time is turned on until the closing thread is through, which takes it a moment or two.
    assertThat(Duration.ofNanos(world.ticker.nanos() - began))
        .isBetween(Duration.ofSeconds(5), Duration.ofSeconds(9));
  }

  @Test
  void whoClosesSecondWaitsForTheSame() {
    LockStore session = LeaseLocks.over(ann.store, ClientOptions.defaults().ticker(world.ticker));
    ann.store.fate(Fate.lost());
    LockTarget target = new LockTarget(new LockKey.Name("a"), LockMode.EXCLUSIVE);
    CompletableFuture<AcquireOutcome> unused =
        session.acquire(
            new AcquireRequest(List.of(target), LEASE.toNanos(), HoldOptions.defaults(), 0));
    CompletableFuture<Void> first = LeaseLocks.closeAsync(session);
    CompletableFuture<Void> second = LeaseLocks.closeAsync(session);
    world.pass(Duration.ofSeconds(5).minusNanos(1));
    assertThat(first).isNotDone();
    assertThat(second).isNotDone();
    world.pass(Duration.ofNanos(1));
    assertThat(first).isCompleted();
    assertThat(second).isCompleted();
    assertThat(LeaseLocks.closeAsync(session)).isCompleted();
  }

  /** Else a process ends in the middle, if the one that waits is its last thread. */
  @Test
  void soDoesOneThatBlocks() {
    holds(1);
    ann.store.fate(Fate.lost());
    CompletableFuture<Void> first = CompletableFuture.runAsync(ann.client::close);
    until(() -> ann.store.count(Kind.RELEASE) > 0);
    CompletableFuture<Void> second = new CompletableFuture<>();
    Thread closing =
        new Thread(
            () -> {
              ann.client.close();
              second.complete(null);
            });
    closing.start();
    until(() -> second.isDone() || closing.getState() == Thread.State.WAITING);
    assertThat(second).isNotDone();
    world.pass(Duration.ofSeconds(5));
    assertThat(first).succeedsWithin(Duration.ofSeconds(5));
    assertThat(second).succeedsWithin(Duration.ofSeconds(5));
  }

  @Test
  void whoIsToldOfTheEndByTheThreadThatClosesMayCloseToo() {
    Hold hold = holds(1).get(0);
    CompletableFuture<LossReason> told = new CompletableFuture<>();
    hold.onLost(
        reason -> {
          ann.client.close();
          told.complete(reason);
        });
    world.close(ann);
    assertThat(told).isCompletedWithValue(LossReason.SESSION_ENDED);
    assertThat(world.record("lock 0").isFree()).isTrue();
  }

  private static void until(BooleanSupplier fact) {
    for (int i = 0; i < 5_000 && !fact.getAsBoolean(); i++) {
      LockSupport.parkNanos(1_000_000);
    }
    assertThat(fact.getAsBoolean()).isTrue();
  }

  private List<Hold> holds(int count) {
    List<Hold> holds = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      holds.add(ann.acquired("lock " + i));
    }
    return holds;
  }
}
