package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.holdfast.Capability;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockTimeoutException;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Several locks as one. */
abstract class AllFacts extends Facts {
  private String other;

  AllFacts(StoreUnderTest store) {
    super(store);
    other = store.name("other");
  }

  @BeforeEach
  final void requireAll() {
    store.requires(Capability.ALL);
  }

  @Test
  void severalAreHadTogetherAndGivenBackTogether() throws Exception {
    Hold hold = both(ann).acquire();
    assertThat(hold.targets()).isEqualTo(both(ann).targets()).hasSize(2);
    assertThat(bob.lock(name).tryAcquire()).isEmpty();
    assertThat(bob.lock(other).tryAcquire()).isEmpty();
    hold.close();
    both(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void ifOneIsBusyNoneIsHad() throws Exception {
    Hold hold = ann.lock(other).acquire();
    assertThat(both(bob).tryAcquire()).isEmpty();
    cid.lock(name).tryAcquire().orElseThrow().close();
    hold.close();
  }

  @Test
  void whoeverWaitsForSeveralHoldsNone() throws Exception {
    store.requires(Capability.WAITERS);
    Hold hold = ann.lock(other).acquire();
    CompletableFuture<Hold> waiting = waits(both(bob), other, 1);
    assertThat(cid.describe(name).holders()).isEmpty();
    assertThat(cid.describe(name).waiters()).hasSize(1);
    hold.close();
    store.promptly(waiting).close();
  }

  @Test
  void askingInOppositeOrdersDoesNotDeadlock() throws Exception {
    DistributedLock here = both(ann);
    DistributedLock there = bob.all(bob.lock(other), bob.lock(name));
    Actor<Boolean> one = store.inThread(() -> repeat(here));
    Actor<Boolean> opposite = store.inThread(() -> repeat(there));
    Duration bound = store.promptly().multipliedBy(5);
    assertThat(store.within(bound, one.answer)).isTrue();
    assertThat(store.within(bound, opposite.answer)).isTrue();
  }

  /** Another library gave the whole patience to each lock in turn. */
  @Test
  void thereIsOneDeadlineForAll() throws Exception {
    Duration patience = store.patience();
    Duration half = patience.dividedBy(2);
    Hold one = ann.lock(name).acquire();
    Hold two = ann.lock(other).acquire();
    long askedAt = store.nanos();
    CompletableFuture<Hold> waiting = both(bob).acquireAsync(patience);
    store.untilWaiting(cid, name, 1, waiting);
    store.letPass(half);
    one.close();
    store.letPass(half);
    assertThat(store.failure(waiting)).isInstanceOf(LockTimeoutException.class);
    Duration waited = Duration.ofNanos(store.nanos() - askedAt);
    assertThat(waited).isLessThan(patience.plus(half));
    two.close();
    both(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void aKeyThatIsAskedForTwiceCountsOnce() throws Exception {
    Hold hold = ann.all(ann.lock(name), ann.lock(name)).acquire(Duration.ZERO);
    assertThat(bob.lock(name).tryAcquire()).isEmpty();
    hold.close();
    bob.lock(name).tryAcquire().orElseThrow().close();
  }

  @Test
  void ofAKeyThatIsAskedForInBothModesTheStrongerCounts() throws Exception {
    store.requires(Capability.SHARED);
    DistributedLock read = ann.readWriteLock(name).read();
    DistributedLock write = ann.readWriteLock(name).write();
    for (DistributedLock lock :
        new DistributedLock[] {ann.all(read, write), ann.all(write, read)}) {
      Hold hold = lock.acquire(Duration.ZERO);
      assertThat(bob.readWriteLock(name).read().tryAcquire()).isEmpty();
      hold.close();
    }
    ann.all(read, read).acquire(Duration.ZERO).close();
  }

  @Test
  void namesReadersAndTreesMix() throws Exception {
    store.requires(Capability.SHARED, Capability.TREE);
    String tree = store.treeName("files");
    DistributedLock mixed =
        ann.all(ann.readWriteLock(name).read(), ann.lock(other), ann.tree(tree).write("/a", "/b"));
    try (Hold hold = mixed.acquire()) {
      assertThat(hold.targets()).hasSize(4);
      bob.readWriteLock(name).read().tryAcquire().orElseThrow().close();
      assertThat(bob.lock(other).tryAcquire()).isEmpty();
      assertThat(bob.tree(tree).read("/b/c").tryAcquire()).isEmpty();
      bob.tree(tree).write("/c").tryAcquire().orElseThrow().close();
    }
  }

  @Test
  void aHundredTargetsAreTheMost() throws Exception {
    DistributedLock[] hundred = new DistributedLock[LockClient.MAX_TARGETS];
    for (int i = 0; i < hundred.length; i++) {
      hundred[i] = ann.lock(store.name("many/" + i));
    }
    ann.all(hundred).acquire().close();
    refused("TOO_MANY_TARGETS", "101", () -> ann.all(ann.all(hundred), ann.lock(name)));
    DistributedLock[] more =
        Collections.nCopies(101, ann.lock(name)).toArray(DistributedLock[]::new);
    refused("TOO_MANY_TARGETS", "100", () -> ann.all(more));
  }

  @Test
  void noneAtAllIsRefused() {
    refused("TARGETS_EMPTY", "at least 1", () -> ann.all());
  }

  @Test
  void aLockOfAnotherClientIsRefused() {
    refused("OTHER_CLIENT", name, () -> ann.all(ann.lock(other), bob.lock(name)));
  }

  private DistributedLock both(LockClient client) {
    return client.all(client.lock(name), client.lock(other));
  }

  private boolean repeat(DistributedLock lock) throws InterruptedException {
    for (int i = 0; i < store.rounds(); i++) {
      lock.acquire().close();
    }
    return true;
  }

  private static void refused(String reason, String limit, ThrowingCallable call) {
    InvalidRequestException refused = catchThrowableOfType(InvalidRequestException.class, call);
    assertThat(refused.reason()).isEqualTo(reason);
    assertThat(refused).hasMessageContaining(limit);
  }
}
