package io.holdfast.gcs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockTimeoutException;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.ManualTicker;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The engine and the records together, as users get them, in turned time: what a bucket's troubles do to a holder and to a
 * waiter. As at Google's, a second write to an object within a second is turned away.
 */
@Timeout(60)
class GcsEngineTest {
  private static final Duration LEASE = Duration.ofSeconds(10);
  private static final Duration STEP = Duration.ofMillis(100);

  private final ManualTicker ticker = new ManualTicker();
  private final EmulatedStorage storage = new EmulatedStorage(ticker::instant);
  private final EmulatedHttp http = new EmulatedHttp(storage);
  private final GcslockProcess gcslock = new GcslockProcess(http, "bucket", ticker::instant);
  private LockClient ann;

  @BeforeEach
  void start() {
    storage.createBucket("bucket");
    storage.limitWrites();
    ann = client("ann", LEASE);
  }

  @AfterEach
  void stop() {
    storage.heal();
    close(ann);
  }

  /** Closing waits for what is under way, which may wait for time to pass. */
  private void close(LockClient client) {
    CompletableFuture<Void> closing = CompletableFuture.runAsync(client::close);
    until(closing, () -> letPass(STEP));
  }

  /** Another write to its object may have been a moment ago. */
  private void release(Hold hold) {
    CompletableFuture<Void> closing = hold.closeAsync();
    letPass(GcsLeaseStore.WRITES_APART);
    closing.orTimeout(10, TimeUnit.SECONDS).join();
  }

  private static void until(CompletableFuture<?> done, Runnable meanwhile) {
    long bound = Ticker.system().nanosIn(Duration.ofSeconds(20));
    while (!done.isDone() && Ticker.system().nanos() - bound < 0) {
      meanwhile.run();
      LockSupport.parkNanos(1_000_000);
    }
    assertThat(done).isDone();
  }

  private LockClient client(String name, Duration lease) {
    ClientOptions options =
        ClientOptions.defaults()
            .name(name)
            .ticker(ticker)
            .holds(HoldOptions.defaults().leaseDuration(lease));
    return GcsLocks.bucket("bucket").http(http).anonymous().build(null).client(options);
  }

  /** What tells its line from the others' is where it asks; the objects are the same ones. */
  private LockClient otherProcess(String name, EmulatedHttp connection) {
    ClientOptions options =
        ClientOptions.defaults()
            .name(name)
            .ticker(ticker)
            .holds(HoldOptions.defaults().leaseDuration(GcsLocks.MIN_LEASE));
    return GcsLocks.bucket("bucket")
        .endpoint(URI.create("http://" + name))
        .http(connection)
        .anonymous()
        .build(null)
        .client(options);
  }

  private void letPass(Duration time) {
    for (Duration passed = Duration.ZERO; passed.compareTo(time) < 0; passed = passed.plus(STEP)) {
      ticker.advance(STEP);
    }
  }

  /** G3: a body longer than the lease, which is renewed all the while. */
  @Test
  void aHoldLastsLongerThanItsLeaseAndLeavesNothingHeldBehind() throws InterruptedException {
    Hold hold = ann.lock("a").acquire();
    letPass(LEASE.multipliedBy(10));
    assertThat(hold.isHeld()).isTrue();
    assertThat(gcslock.tryAcquire("a", "theirs", 30)).isFalse();
    release(hold);
    assertThat(ann.list("").locks()).isEmpty();
  }

  @Test
  void renewalsOfOneObjectAreASecondApartOrMore() throws InterruptedException {
    LockClient brief = client("brief", GcsLocks.MIN_LEASE);
    Hold hold = brief.lock("a").acquire();
    letPass(Duration.ofSeconds(60));
    assertThat(hold.isHeld()).isTrue();
    List<Instant> times = storage.callTimes();
    assertThat(times).hasSizeBetween(30, 61);
    for (int i = 1; i < times.size(); i++) {
      assertThat(Duration.between(times.get(i - 1), times.get(i)))
          .as("before write %s", i)
          .isGreaterThanOrEqualTo(Duration.ofSeconds(1));
    }
    close(brief);
  }

  @Test
  void aReleaseRightAfterItsAcquireIsTurnedAwayOnce() throws InterruptedException {
    CompletableFuture<Void> closing = ann.lock("a").acquire().closeAsync();
    assertThat(closing).isNotDone();
    letPass(Duration.ofSeconds(1));
    closing.orTimeout(10, TimeUnit.SECONDS).join();
    assertThat(writes()).as("acquire, release, release again").isEqualTo(3);
  }

  @Test
  void whoAsksRightAfterAReleaseIsTurnedAwayOnce() throws InterruptedException {
    for (Duration maxWait : List.of(Duration.ZERO, Duration.ofSeconds(30))) {
      letPass(Duration.ofSeconds(1)); // since the release before
      Hold first = ann.lock("a").acquire();
      letPass(Duration.ofSeconds(1));
      first.close();
      storage.forgetCalls();
      CompletableFuture<Hold> next = ann.lock("a").acquireAsync(maxWait);
      assertThat(next).isNotDone();
      letPass(Duration.ofSeconds(1));
      Hold hold = next.orTimeout(10, TimeUnit.SECONDS).join();
      assertThat(writes()).as("take, take again").isEqualTo(2);
      release(hold);
    }
  }

  /** 429 is busy, and a store that is away is not. */
  @Test
  void aTryThatIsTurnedAwayForAsLongAsItMayTakeIsBusy() {
    storage.failAlways(EmulatedStorage.Call::isWrite, 429, "rateLimitExceeded", "slow down");
    CompletableFuture<Hold> tried = ann.lock("a").acquireAsync(Duration.ZERO);
    letPass(Duration.ofSeconds(5));
    assertThatThrownBy(() -> tried.get(10, TimeUnit.SECONDS))
        .hasCauseInstanceOf(LockTimeoutException.class);
    assertThat(writes()).isBetween(4L, 6L);
  }

  @Test
  void whosePatienceEndsWhileTheStoreTurnsWritesAwayIsToldThat() {
    storage.failAlways(EmulatedStorage.Call::isWrite, 429, "rateLimitExceeded", "slow down");
    for (Duration maxWait : List.of(Duration.ZERO, Duration.ofMillis(4_500))) {
      CompletableFuture<Hold> asked = ann.lock("a").acquireAsync(maxWait);
      letPass(Duration.ofSeconds(5));
      assertThatThrownBy(() -> asked.get(10, TimeUnit.SECONDS))
          .hasCauseInstanceOf(LockTimeoutException.class)
          .hasMessageContaining("the store has asked to wait");
    }
  }

  /** What it learned last counts. */
  @Test
  void whoFindsAHolderAfterItWasTurnedAwayIsToldOfTheHolder() {
    storage.failAlways(EmulatedStorage.Call::isWrite, 429, "rateLimitExceeded", "slow down");
    CompletableFuture<Hold> asked = ann.lock("a").acquireAsync(Duration.ofSeconds(20));
    letPass(Duration.ofSeconds(2));
    storage.heal();
    assertThat(gcslock.tryAcquire("a", "theirs", 3600)).isTrue();
    letPass(Duration.ofSeconds(20));
    assertThatThrownBy(() -> asked.get(10, TimeUnit.SECONDS))
        .hasMessageContaining("theirs")
        .satisfies(it -> assertThat(it.getMessage()).doesNotContain("asked to wait"));
  }

  @Test
  void overloadWithinTheLeaseIsNoLoss() throws InterruptedException {
    Hold hold = ann.lock("a").acquire();
    for (int status : new int[] {429, 503}) {
      storage.failAlways(EmulatedStorage.Call::isWrite, status, "rateLimitExceeded", "slow down");
      letPass(Duration.ofSeconds(5));
      storage.heal();
      letPass(Duration.ofSeconds(15));
      assertThat(hold.isHeld()).isTrue();
    }
    release(hold);
  }

  @Test
  void silenceUntilTheDeadlineIsALossAndToldBeforeTheLeaseIsOver() throws InterruptedException {
    Hold hold = ann.lock("a").acquire();
    storage.failAlways(EmulatedStorage.Call::isWrite, 503, "backendError", "down");
    letPass(LEASE);
    assertThat(hold.isHeld()).isFalse();
    assertThat(reason(hold)).isEqualTo(LossReason.EXPIRED);
  }

  @Test
  void aRenewalThatFindsAnotherHolderIsALossAtOnce() throws InterruptedException {
    Hold hold = ann.lock("a").acquire();
    letPass(GcsLeaseStore.WRITES_APART);
    gcslock.delete("a");
    letPass(GcsLeaseStore.WRITES_APART);
    gcslock.create("a", "theirs", 30);
    letPass(LEASE.dividedBy(2));
    assertThat(reason(hold)).isEqualTo(LossReason.REVOKED);
    assertThat(gcslock.refresh("a", 30)).as("theirs is left alone").isTrue();
  }

  /** G4: the holder's lease is longer than the waiter's patience. */
  @Test
  void aWaiterLooksUntilItsPatienceIsOverAndNoticesAnEarlyRelease() {
    assertThat(gcslock.tryAcquire("a", "theirs", 3600)).isTrue();
    CompletableFuture<Hold> waiting = ann.lock("a").acquireAsync(Duration.ofSeconds(30));
    letPass(Duration.ofSeconds(20));
    assertThat(waiting).isNotDone();
    gcslock.release("a");
    letPass(Duration.ofMillis(1_100).plus(GcsLeaseStore.WRITES_APART));
    Hold hold = waiting.orTimeout(10, TimeUnit.SECONDS).join();
    assertThat(hold.isHeld()).isTrue();
    release(hold);
  }

  @Test
  void aReleaseIsNoticedInAnotherProcessWithinASecondAndTheWriteThatMustBeApart() throws Exception {
    LockClient bob = otherProcess("bob", http);
    Hold hold = ann.lock("a").acquire();
    CompletableFuture<Hold> waiting = bob.lock("a").acquireAsync(Duration.ofMinutes(1));
    letPass(LEASE);
    assertThat(waiting).isNotDone();
    release(hold);
    letPass(Duration.ofSeconds(1).plus(GcsLeaseStore.WRITES_APART));
    Hold next = waiting.orTimeout(10, TimeUnit.SECONDS).join();
    assertThat(next.token()).isEqualTo(hold.token() + 1);
    release(next);
    close(bob);
  }

  @Test
  void aKilledHolderIsReplacedAfterItsLease() throws Exception {
    MortalHttp connection = new MortalHttp(storage);
    LockClient bob = otherProcess("bob", connection);
    Hold dead = bob.lock("a").acquire();
    CompletableFuture<Hold> waiting = ann.lock("a").acquireAsync(Duration.ofMinutes(1));
    letPass(GcsLocks.MIN_LEASE.multipliedBy(3));
    connection.die();
    letPass(GcsLocks.MIN_LEASE.dividedBy(2));
    assertThat(waiting).isNotDone();
    letPass(GcsLocks.MIN_LEASE.dividedBy(2).plusSeconds(2));
    Hold next = waiting.orTimeout(10, TimeUnit.SECONDS).join();
    assertThat(dead.isHeld()).isFalse();
    assertThat(next.token()).isGreaterThan(dead.token());
    release(next);
    close(bob);
  }

  @Test
  void whatAnOperatorTakesIsToldWithTheNextRenewal() throws Exception {
    LockClient bob = otherProcess("bob", http);
    Hold hold = ann.lock("a").acquire();
    letPass(GcsLeaseStore.WRITES_APART);
    assertThat(bob.forceRelease("a", hold.token())).isTrue();
    letPass(LEASE.dividedBy(3));
    assertThat(reason(hold)).isEqualTo(LossReason.REVOKED);
    Hold next = bob.lock("a").acquire();
    assertThat(next.token()).isGreaterThan(hold.token());
    release(next);
    close(bob);
  }

  @Test
  void aDeadHolderWithGcslockIsReplacedWhenItsTimeIsUpByOurClock() {
    assertThat(gcslock.tryAcquire("a", "theirs", 30)).isTrue();
    CompletableFuture<Hold> waiting = ann.lock("a").acquireAsync(Duration.ofSeconds(60));
    letPass(Duration.ofSeconds(29));
    assertThat(waiting).isNotDone();
    letPass(Duration.ofSeconds(3));
    release(waiting.orTimeout(10, TimeUnit.SECONDS).join());
  }

  @Test
  void aRefreshedLockOfGcslocksIsNotTaken() {
    assertThat(gcslock.tryAcquire("a", "theirs", 30)).isTrue();
    CompletableFuture<Hold> waiting = ann.lock("a").acquireAsync(Duration.ofMinutes(3));
    for (int i = 0; i < 5; i++) {
      letPass(Duration.ofSeconds(20));
      assertThat(gcslock.refresh("a", 30)).isTrue();
    }
    assertThat(waiting).isNotDone();
    waiting.cancel(false);
  }

  @Test
  void pollingLooksAndDoesNotWrite() {
    gcslock.tryAcquire("a", "theirs", 3600);
    letPass(GcsLeaseStore.WRITES_APART);
    storage.forgetCalls();
    CompletableFuture<Hold> waiting = ann.lock("a").acquireAsync(Duration.ofMinutes(3));
    letPass(Duration.ofMinutes(1));
    List<EmulatedStorage.Call> calls = storage.calls();
    assertThat(calls.stream().filter(EmulatedStorage.Call::isWrite)).hasSizeLessThanOrEqualTo(1);
    assertThat(calls.size()).isBetween(50, 140);
    waiting.cancel(false);
  }

  @Test
  void anAcquireWhoseAnswerIsLostIsHadOnce() {
    storage.drop(EmulatedStorage.Call::isWrite, true);
    CompletableFuture<Hold> acquiring = ann.lock("a").acquireAsync(Duration.ofSeconds(30));
    letPass(Duration.ofSeconds(5));
    Hold hold = acquiring.orTimeout(10, TimeUnit.SECONDS).join();
    assertThat(hold.token()).isEqualTo(1);
    release(hold);
  }

  private long writes() {
    return storage.calls().stream().filter(EmulatedStorage.Call::isWrite).count();
  }

  /** Callbacks and hand-overs run in threads of the client's own. */
  private static LossReason reason(Hold hold) {
    CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
    until(lost, () -> {});
    return lost.join();
  }
}
