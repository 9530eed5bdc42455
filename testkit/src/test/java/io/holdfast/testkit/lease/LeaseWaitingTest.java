package io.holdfast.testkit.lease;

import static io.holdfast.testkit.lease.LeaseWorld.LEASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTimeoutException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.lease.FaultyLeaseStore.Fate;
import io.holdfast.testkit.lease.FaultyLeaseStore.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who waits for what, and how many requests that costs. */
class LeaseWaitingTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration NANO = Duration.ofNanos(1);

  private final LeaseWorld world = new LeaseWorld();
  private final LeaseWorld.Member ann = world.process("ann");
  private final LeaseWorld.Member bob = world.process("bob");

  private boolean isOver;

  @AfterEach
  void nothingIsLeft() {
    world.close();
    assertThat(world.ticker.pendingAlarms()).isZero();
  }

  @Test
  void acquiringIsOneRequestAndReleasingAnother() {
    Hold hold = ann.acquired("a");
    assertThat(ann.store.count()).isOne();
    hold.close();
    assertThat(ann.store.count()).isEqualTo(2);
    ann.acquired("a").close();
    assertThat(ann.store.count()).isEqualTo(4);
  }

  @Test
  void soItIsForSeveral() {
    Hold hold =
        ann.client.all(ann.client.lock("a"), ann.client.lock("b")).tryAcquire().orElseThrow();
    assertThat(ann.store.count()).isOne();
    hold.close();
    assertThat(ann.store.count(Kind.RELEASE)).isEqualTo(2);
  }

  @Test
  void aHandOffWithinAProcessIsTwoRequestsAndTakesNoTime() {
    LeaseWorld.Member cid = world.client("cid", "ann's process", world.ticker);
    Hold hold = ann.acquired("a");
    CompletableFuture<Hold> waiting = cid.asks("a");
    world.pass(Duration.ofSeconds(3));
    long requests = ann.store.count() + cid.store.count();
    hold.close();
    assertThat(waiting.join().isHeld()).isTrue();
    assertThat(ann.store.count() + cid.store.count()).isEqualTo(requests + 2);
    assertThat(requests).as("while it was held here").isOne();
    waiting.join().close();
  }

  /** D3, R16: a try that only ever asks whether it is free never takes the lock of the dead. */
  @Test
  void aTryTakesTheLockOfADeadHolder() {
    Hold hold = ann.acquired("a");
    assertThat(bob.canHave("a")).isFalse();
    ann.store.fate(Fate.lost());
    world.pass(LEASE.minus(NANO));
    assertThat(bob.canHave("a")).isFalse();
    world.pass(NANO);
    assertThat(bob.canHave("a")).isTrue();
    assertThat(bob.store.count(Kind.TAKE)).isEqualTo(3);
    assertThat(bob.store.count(Kind.READ)).isZero();
    assertThat(hold.isHeld()).isFalse();
  }

  @Test
  void noTryTakesTheLockOfALivingHolder() {
    Hold hold = ann.acquired("a");
    for (int i = 0; i < 100; i++) {
      world.pass(LEASE.dividedBy(7));
      assertThat(bob.canHave("a")).isFalse();
    }
    hold.close();
  }

  /** Seen once long ago, and renewed since: that is another version. */
  @Test
  void aLongRestBetweenTwoLooksKillsNobody() {
    Hold hold = ann.acquired("a");
    assertThat(bob.canHave("a")).isFalse();
    world.pass(LEASE.multipliedBy(10));
    assertThat(bob.canHave("a")).isFalse();
    assertThat(hold.isHeld()).isTrue();
    hold.close();
  }

  @Test
  void aWaiterTakesTheLockOfADeadHolderALeaseAfterItsLastSign() {
    Hold hold = ann.acquired("a");
    CompletableFuture<Hold> waiting = bob.asks("a");
    ann.store.fate(Fate.lost());
    world.pass(LEASE.minus(NANO));
    assertThat(waiting).isNotDone();
    world.pass(NANO);
    assertThat(waiting.join().token()).isGreaterThan(hold.token());
    waiting.join().close();
  }

  /** Else its process forgets since when the holder has been silent. */
  @Test
  void soDoesOneWhoseProcessAsksForManyOtherNamesMeanwhile() {
    ann.acquired("a");
    ann.store.fate(Fate.lost());
    CompletableFuture<Hold> asked = bob.asks("a");
    world.pass(LEASE.dividedBy(2));
    for (int i = 0; i < 10_001; i++) {
      assertThat(bob.canHave("other/" + i)).isTrue();
    }
    world.pass(LEASE.dividedBy(2).plus(SECOND));
    assertThat(asked).isDone();
    asked.join().close();
  }

  /** G4: and not only when the lease is over. */
  @Test
  void aWaiterWithLessPatienceThanALeaseNoticesAnEarlyRelease() {
    Hold hold = ann.acquired("a");
    CompletableFuture<Hold> waiting = bob.asks("a", Duration.ofSeconds(4));
    world.pass(Duration.ofMillis(2_500));
    hold.close();
    world.pass(SECOND);
    assertThat(waiting.join().isHeld()).isTrue();
    waiting.join().close();
  }

  @Test
  void aWaiterThatIsToldOfAReleaseTakesTheLockAtOnce() {
    Hold hold = ann.acquired("a");
    CompletableFuture<Hold> waiting = bob.asks("a");
    world.pass(Duration.ofSeconds(5)); // it rests long by now
    hold.close();
    assertThat(waiting).isNotDone();
    bob.store.hintFreed("a");
    assertThat(waiting.join().isHeld()).isTrue();
    waiting.join().close();
  }

  @Test
  void whatIsToldInErrorCostsALookAndChangesNothing() {
    Hold hold = ann.acquired("a");
    CompletableFuture<Hold> waiting = bob.asks("a");
    world.pass(Duration.ofSeconds(5));
    long requests = bob.store.count();
    bob.store.hintFreed("a");
    bob.store.hintFreed("somebody else's");
    assertThat(bob.store.count()).isEqualTo(requests + 1);
    assertThat(waiting).isNotDone();
    hold.close();
    world.pass(SECOND);
    assertThat(waiting.join().isHeld()).isTrue();
    waiting.join().close();
  }

  /** D4: in one JVM only the head waiter of a name polls. */
  @Test
  void ofAllWhoWaitInAProcessOneAsks() {
    List<CompletableFuture<Hold>> line = new ArrayList<>();
    Hold hold = ann.acquired("a");
    for (int i = 0; i < 50; i++) {
      line.add(bob.asks("a"));
    }
    world.pass(LEASE);
    assertThat(bob.store.count(Kind.TAKE)).isOne();
    assertThat(bob.store.count(Kind.READ)).isBetween(9L, 25L);
    hold.close();
    for (CompletableFuture<Hold> next : line) {
      world.pass(SECOND);
      next.join().close();
    }
  }

  @Test
  void whoComesToBeFirstGoesOnLooking() {
    Hold hold = ann.acquired("a");
    for (int i = 0; i < 10; i++) {
      CompletableFuture<Hold> gone = bob.asks("a");
      world.pass(Duration.ofMillis(500));
      gone.cancel(false);
    }
    assertThat(bob.store.count(Kind.TAKE)).as("takes, which were bound to fail").isOne();
    hold.close();
  }

  /** The more are impatient the oftener would the first ask, who rests. */
  @Test
  void whoGivesUpBehindOthersCostsNoRequest() {
    Hold hold = ann.acquired("a");
    CompletableFuture<Hold> first = bob.asks("a");
    world.pass(LEASE);
    long before = bob.store.count();
    for (int i = 0; i < 100; i++) {
      CompletableFuture<Hold> gone = bob.asks("a", Duration.ofMillis(50));
      world.pass(Duration.ofMillis(100));
      assertThat(gone).isCompletedExceptionally();
    }
    assertThat(bob.store.count() - before).as("looks within a lease").isBetween(9L, 25L);
    hold.close();
    world.pass(SECOND);
    first.join().close();
  }

  @Test
  void aClientThatClosesAsksForNobodyWhoWaitedInIt() {
    Hold hold = ann.acquired("a");
    List<CompletableFuture<Hold>> line = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      line.add(bob.asks("a"));
    }
    world.pass(SECOND);
    long before = bob.store.count();
    bob.client.close();
    assertThat(line).allMatch(CompletableFuture::isCompletedExceptionally);
    assertThat(bob.store.count()).isEqualTo(before);
    hold.close();
  }

  /** D4: of eight clients in a JVM one got 126 grants and another 1. */
  @Test
  void clientsOfOneProcessGetTheSameShare() {
    int clients = 8;
    int[] grants = new int[clients];
    for (int i = 0; i < clients; i++) {
      LeaseWorld.Member client = world.client("client " + i, "one process", world.ticker);
      useAgainAndAgain(client.client.lock("a"), grants, i);
    }
    world.pass(Duration.ofSeconds(20));
    isOver = true;
    world.pass(SECOND);
    int all = 0;
    for (int one : grants) {
      all += one;
    }
    assertThat(all).isGreaterThan(1_000);
    for (int one : grants) {
      assertThat(one).isBetween(all / clients * 9 / 10, all / clients * 11 / 10);
    }
  }

  /** It stands in a row, put there by hand. */
  @Test
  void aLeaseThatIsTooLongForAnyClockIsWaitedForLikeAnother() {
    Take.Wanted a = new Take.Wanted("a", Optional.empty(), Optional.empty());
    Duration tooLong = Duration.ofMillis(Long.MAX_VALUE);
    assertThat(
            world.map.take(new Take(List.of(a), "grant", "who", tooLong, HoldData.empty())).join())
        .isInstanceOf(TakeAnswer.Taken.class);
    CompletableFuture<Hold> waiting = bob.asks("a", SECOND);
    world.pass(SECOND);
    assertThatThrownBy(waiting::get)
        .hasCauseInstanceOf(LockTimeoutException.class)
        .hasMessageContaining("who");
    assertThat(ann.canHave("a")).isFalse();
  }

  @Test
  void throttlingIsNoReasonToGiveUp() {
    int[] throttled = {5};
    ann.store.fates(
        (kind, name) ->
            throttled[0]-- > 0
                ? Fate.failed(new StoreUnavailableException("throttled", new Exception()))
                : Fate.fine());
    CompletableFuture<Hold> waiting = ann.asks("a");
    world.pass(Duration.ofSeconds(10));
    assertThat(waiting.join().isHeld()).isTrue();
    waiting.join().close();
  }

  @Test
  void whosePatienceEndsWhileTheStoreIsAwayIsToldThat() {
    ann.store.fate(Fate.failed(new StoreUnavailableException("away", new Exception())));
    CompletableFuture<Hold> waiting = ann.asks("a", SECOND);
    world.pass(SECOND);
    assertThatThrownBy(waiting::get).hasCauseInstanceOf(StoreUnavailableException.class);
    assertThatThrownBy(() -> ann.client.lock("a").tryAcquire())
        .isInstanceOf(StoreUnavailableException.class);
  }

  @Test
  void aRefusalEndsAWaitAtOnceAndLetsTheNextPass() {
    ann.store.fate(Fate.failed(new LockRefusedException("NO_PERMISSION", "dynamodb:UpdateItem")));
    assertThatThrownBy(ann.asks("a")::get).hasCauseInstanceOf(LockRefusedException.class);
    ann.store.fate(Fate.fine());
    assertThat(ann.canHave("a")).isTrue();
  }

  @Test
  void whoWaitsForSeveralHoldsNoneAndIsNotOvertakenHere() {
    LeaseWorld.Member cid = world.client("cid", "bob's process", world.ticker);
    Hold hold = ann.acquired("b");
    CompletableFuture<Hold> both =
        bob.client.all(bob.client.lock("a"), bob.client.lock("b")).acquireAsync();
    CompletableFuture<Hold> later = cid.asks("a");
    world.pass(SECOND);
    assertThat(world.record("a").isFree()).isTrue();
    assertThat(later).isNotDone();
    hold.close();
    world.pass(SECOND.multipliedBy(2));
    both.join().close();
    assertThat(later.join().isHeld()).isTrue();
    later.join().close();
  }

  private void useAgainAndAgain(DistributedLock lock, int[] grants, int client) {
    lock.acquireAsync()
        .thenAccept(
            hold -> {
              grants[client]++;
              Ticker.Alarm unused =
                  world.ticker.schedule(
                      world.ticker.nanosIn(Duration.ofMillis(1)),
                      () -> {
                        hold.close();
                        if (!isOver) {
                          useAgainAndAgain(lock, grants, client);
                        }
                      });
            });
  }
}
