package io.holdfast.inprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTimeoutException;
import io.holdfast.table.TableSize;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What only this store promises, and what cannot be seen through the API: that nothing is left behind. */
class InProcessLocksTest {
  private static final Executor THREADS = task -> new Thread(task).start();

  private final ManualTicker ticker = new ManualTicker();
  private final InProcessLocks locks = InProcessLocks.builder().ticker(ticker).build();
  private final LockClient ann = locks.client(ClientOptions.defaults().name("ann"));
  private final LockClient bob = locks.client(ClientOptions.defaults().name("bob"));

  @AfterEach
  void nothingIsLeftBehind() {
    assertThat(locks.size()).isEqualTo(new TableSize(2, 0, 0, 0, 0));
    assertThat(ticker.pendingAlarms()).isZero();
  }

  @Test
  void everyWayOutOfALineLeavesNothingBehind() throws Exception {
    try (Hold hold = ann.all(ann.lock("name"), ann.tree("tree").write("/a/b")).acquire()) {
      CompletableFuture<Hold> cancelled = bob.tree("tree").read("/a").acquireAsync();
      CompletableFuture<Hold> timedOut = bob.lock("name").acquireAsync(Duration.ofSeconds(5));
      CompletableFuture<Hold> completed = bob.lock("name").acquireAsync();
      LockClient closed = locks.client();
      CompletableFuture<Hold> ended = closed.tree("tree").write("/a/b/c").acquireAsync();
      assertThat(bob.lock("name").tryAcquire()).isEmpty();
      assertThat(locks.size().waiters()).isEqualTo(4);

      cancelled.cancel(false);
      completed.completeExceptionally(new RuntimeException("no longer wanted"));
      closed.close();
      ticker.advance(Duration.ofSeconds(5));

      assertThatThrownBy(timedOut::join).hasCauseInstanceOf(LockTimeoutException.class);
      assertThatThrownBy(ended::join).hasCauseInstanceOf(IllegalStateException.class);
      assertThat(locks.size()).isEqualTo(new TableSize(2, 1, 0, 4, 0));
    }
  }

  @Test
  void aGrantThatFindsItsAskerGoneIsGivenBack() throws Exception {
    // The executor hands grants over; it is held back here until the future has been cancelled.
    List<Runnable> held = Collections.synchronizedList(new ArrayList<>());
    LockClient slow = locks.client(ClientOptions.defaults().executor(held::add));
    Hold first = ann.lock("name").acquire();
    CompletableFuture<Hold> asked = slow.lock("name").acquireAsync();
    first.close();
    assertThat(ann.describe("name").holders()).hasSize(1);

    asked.cancel(false);
    held.forEach(Runnable::run);

    assertThat(ann.describe("name").holders()).isEmpty();
    slow.close();
  }

  @Test
  void anExecutorThatRefusesToRunAHandOverCostsNobodyTheLock() throws Exception {
    LockClient broken =
        locks.client(
            ClientOptions.defaults()
                .executor(
                    task -> {
                      throw new java.util.concurrent.RejectedExecutionException("shut down");
                    }));
    Hold first = ann.lock("name").acquire();
    CompletableFuture<Hold> asked = broken.lock("name").acquireAsync();
    first.close();

    assertThatThrownBy(asked::join)
        .isInstanceOf(CompletionException.class)
        .hasRootCauseMessage("shut down");
    assertThat(ann.describe("name").holders()).isEmpty();
    broken.close();
  }

  @Test
  void maxHoldOfAWaiterCountsFromItsGrant() throws Exception {
    Hold first = ann.lock("name").acquire();
    CompletableFuture<Hold> asked =
        bob.lock("name")
            .with(HoldOptions.defaults().maxHold(Duration.ofSeconds(10)))
            .acquireAsync();
    ticker.advance(Duration.ofSeconds(8));
    first.close();
    Hold second = asked.get();
    ticker.advance(Duration.ofSeconds(9));
    assertThat(second.isHeld()).isTrue();
    assertThat(second.remaining()).contains(Duration.ofSeconds(1));
    ticker.advance(Duration.ofSeconds(1));
    assertThat(second.isHeld()).isFalse();
  }

  /** Who holds nothing is not looked for; so each end of a hold is to count once. */
  @Test
  @Timeout(10)
  void howeverItsHoldsEndedWhoWaitsForItselfIsTold() throws Exception {
    DistributedLock lock = ann.lock("name");
    lock.acquire().close();
    CompletableFuture.runAsync(lock.acquire()::close, THREADS).get();
    ann.forceRelease("name", lock.acquire().token());
    Hold limited = lock.with(HoldOptions.defaults().maxHold(Duration.ofSeconds(1))).acquire();
    ticker.advance(Duration.ofSeconds(1));
    assertThat(limited.isHeld()).isFalse();
    LockClient closed = locks.client();
    closed.lock("name").acquire();
    closed.close();

    try (Hold hold = lock.acquire()) {
      assertThatThrownBy(bob.lock("name")::acquire)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("reentrant");
    }
  }

  /** Nothing but the lock hands it on: no field is volatile, and nobody who would do it by the way looks on. */
  @Test
  void whatAHolderWroteIsSeenByTheNext() throws Exception {
    int threads = 4;
    int rounds = 10_000;
    Ledger ledger = new Ledger();
    List<CompletableFuture<Void>> bookkeepers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      DistributedLock lock = (i % 2 == 0 ? ann : bob).lock("ledger");
      bookkeepers.add(CompletableFuture.runAsync(() -> keep(ledger, lock, rounds), THREADS));
    }
    for (CompletableFuture<Void> bookkeeper : bookkeepers) {
      bookkeeper.get(60, TimeUnit.SECONDS);
    }
    assertThat(ledger.entries).isEqualTo(threads * rounds);
    assertThat(ledger.torn).isZero();
  }

  private static void keep(Ledger ledger, DistributedLock lock, int rounds) {
    for (int i = 0; i < rounds; i++) {
      try (Hold hold = lock.acquire()) {
        ledger.enter();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Test
  void tokensBeginAboveTheHighestThatAResourceHasSeen() throws Exception {
    try (LockClient client = InProcessLocks.builder().tokensAbove(41).build().client();
        Hold hold = client.lock("name").acquire()) {
      assertThat(hold.token()).isEqualTo(42);
    }
  }

  @Test
  void moreRequestsThanAllowedAreRefusedByName() throws Exception {
    InProcessLocks small = InProcessLocks.builder().maxRequests(1).build();
    LockClient client = small.client();
    try (Hold hold = client.lock("one").acquire()) {
      assertThatThrownBy(() -> client.lock("two").acquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessage("TOO_MANY_REQUESTS: held and waited for are 1, at most maxRequests 1");
      assertThatThrownBy(() -> client.lock("two").acquireAsync().join())
          .hasCauseInstanceOf(LockRefusedException.class);
    }
    client.lock("two").acquire().close();
  }

  @Test
  void theUrlOpensOneSetOfLocksForTheJvm() throws Exception {
    try (LockClient one = LockClient.connect("in-process:");
        LockClient two = LockClient.connect("in-process:");
        Hold hold = one.lock("InProcessLocksTest").acquire()) {
      assertThat(two.lock("InProcessLocksTest").tryAcquire()).isEmpty();
    }
  }

  @Test
  void aUrlThatIsNoneIsRefusedByName() {
    assertThatThrownBy(() -> LockClient.connect("in-process:other"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage("URL_MALFORMED: url is \"in-process:other\", but nothing follows in-process:");
    assertThatThrownBy(() -> LockClient.connect("carrier-pigeon://user:secret@roof"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage(
            "STORE_UNKNOWN: url starts with \"carrier-pigeon\", but the stores on the class path"
                + " are [in-process:]");
  }

  @Test
  void aMillionPathsLeaveNothingBehind() {
    ArrayDeque<Hold> open = new ArrayDeque<>();
    for (int i = 0; i < 1_000_000; i++) {
      open.add(ann.tree("tree").write("/a" + i % 1000 + "/b" + i).tryAcquire().orElseThrow());
      if (open.size() > 10_000) {
        open.remove().close();
      }
    }
    assertThat(locks.size().nodes()).isEqualTo(1 + 1000 + 10_000);
    open.forEach(Hold::close);
  }

  /** Who sees less than all of the last entry has torn it. */
  private static final class Ledger {
    private Entry last = new Entry();
    private int entries;
    private int torn;

    void enter() {
      if (last.number != entries || last.same != entries) {
        torn++;
      }
      entries++;
      Entry next = new Entry();
      last = next; // before it is filled in
      next.number = entries;
      next.same = entries;
    }
  }

  private static final class Entry {
    private int number;
    private int same;
  }
}
