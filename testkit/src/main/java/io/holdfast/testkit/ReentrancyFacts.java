package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockTimeoutException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Locks are not reentrant, and say so instead of hanging. */
abstract class ReentrancyFacts extends Facts {
  ReentrancyFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void whoWaitsForItselfIsToldAtOnce() throws Exception {
    isItsOwnObstacle(ann.lock(name), ann.lock(name));
  }

  @Test
  void soIsWhoWaitsThroughAnotherClient() throws Exception {
    assumeTrue(
        store.seesReentrancyOfOtherClients(), "the store does not look at its other clients");
    isItsOwnObstacle(ann.lock(name), bob.lock(name));
  }

  @Test
  void soIsAReaderThatWantsToWrite() throws Exception {
    store.requires(Capability.SHARED);
    isItsOwnObstacle(ann.readWriteLock(name).read(), ann.readWriteLock(name).write());
  }

  @Test
  void soIsAWriterThatWantsToRead() throws Exception {
    store.requires(Capability.SHARED);
    isItsOwnObstacle(ann.readWriteLock(name).write(), ann.readWriteLock(name).read());
  }

  @Test
  void soIsWhoWantsAmongOthersWhatItHolds() throws Exception {
    store.requires(Capability.ALL);
    isItsOwnObstacle(ann.lock(name), ann.all(ann.lock(store.name("other")), ann.lock(name)));
  }

  @Test
  void soIsWhoWantsTheFolderOfWhatItHolds() throws Exception {
    store.requires(Capability.TREE);
    String tree = store.treeName("files");
    isItsOwnObstacle(ann.tree(tree).write("/a/b"), ann.tree(tree).write("/a"));
    isItsOwnObstacle(ann.tree(tree).write("/a"), ann.tree(tree).read("/a/b"));
  }

  /** The writer waits for the reader, and the reader would wait for the writer. */
  @Test
  void soIsAReaderThatReadsAgainBehindAWriterThatWaits() throws Exception {
    assumeTrue(store.seesReentrancyBehindWaiters(), "the store does not look at who waits");
    store.requires(Capability.SHARED, Capability.FAIR);
    DistributedLock read = ann.readWriteLock(name).read();
    try (Hold hold = read.acquire()) {
      CompletableFuture<Hold> writer = bob.lock(name).acquireAsync();
      store.untilWaiting(cid, name, 1);
      assertThatThrownBy(read::acquire)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("reentrant");
      writer.cancel(false);
    }
  }

  @Test
  void aWaitWithABoundRunsToItsEndAndItsFailureTells() throws Exception {
    Duration patience = store.patience();
    Actor<Hold> actor =
        store.inThread(
            () -> {
              try (Hold hold = ann.lock(name).acquire()) {
                return ann.lock(name).acquire(patience);
              }
            });
    store.untilWaiting(cid, name, 1, actor.answer);
    store.letPass(patience);
    assertThat(store.failure(actor.answer))
        .isInstanceOf(LockTimeoutException.class)
        .hasMessageContaining("reentrant");
  }

  /** For another thread may close the hold. */
  @Test
  void aWaitWithABoundMayYetBeGranted() throws Exception {
    CompletableFuture<Hold> first = new CompletableFuture<>();
    Actor<Hold> actor =
        store.inThread(
            () -> {
              first.complete(ann.lock(name).acquire());
              return ann.lock(name).acquire(Duration.ofMinutes(1));
            });
    Hold hold = store.promptly(first);
    store.untilWaiting(cid, name, 1);
    hold.close();
    store.promptly(actor.answer).close();
  }

  @Test
  void aTryIsSimplyBusy() throws Exception {
    Hold hold = ann.lock(name).acquire();
    assertThat(ann.lock(name).tryAcquire()).isEmpty();
    assertThat(ann.lock(name).tryAcquire(Duration.ZERO)).isEmpty();
    hold.close();
  }

  @Test
  void aFutureIsNoThreadAndWaits() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = waits(ann.lock(name), name, 1);
    store.staysOpen(waiting);
    hold.close();
    store.promptly(waiting).close();
  }

  @Test
  void anotherThreadIsNotToBlame() throws Exception {
    Hold hold = ann.lock(name).acquire();
    Actor<Hold> waiting = store.inThread(() -> ann.lock(name).acquire());
    store.untilWaiting(cid, name, 1);
    store.staysOpen(waiting.answer);
    hold.close();
    store.promptly(waiting.answer).close();
  }

  @Test
  void whatWasClosedBeforeIsNoObstacle() throws Exception {
    ann.lock(name).acquire().close();
    ann.lock(name).acquire().close();
    Hold other = ann.lock(store.name("other")).acquire();
    ann.lock(name).acquire().close();
    other.close();
  }

  private void isItsOwnObstacle(DistributedLock held, DistributedLock wanted) throws Exception {
    Actor<Boolean> actor =
        store.inThread(
            () -> {
              try (Hold hold = held.acquire()) {
                assertThatThrownBy(wanted::acquire)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("reentrant");
                assertThat(hold.isHeld()).isTrue();
              }
              wanted.tryAcquire().orElseThrow().close();
              return true;
            });
    assertThat(store.promptly(actor.answer)).isTrue();
  }
}
