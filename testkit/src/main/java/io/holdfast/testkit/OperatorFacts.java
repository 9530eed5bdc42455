package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Capability;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.HoldLostException;
import io.holdfast.HoldOptions;
import io.holdfast.Holder;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LossReason;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Seeing who holds and who waits, and taking a lock away. */
abstract class OperatorFacts extends Facts {
  OperatorFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void nobodyHoldsOrWaitsForAnUnknownName() {
    store.requires(Capability.DESCRIBE);
    LockDescription description = ann.describe(name);
    assertThat(description.key()).isEqualTo(new LockKey.Name(name));
    assertThat(description.holders()).isEmpty();
    assertThat(description.waiters()).isEmpty();
  }

  @Test
  void holdersAreDescribed() throws Exception {
    store.requires(Capability.DESCRIBE);
    Hold hold = ann.lock(name).acquire();
    assertThat(bob.describe(name).holders())
        .singleElement()
        .satisfies(
            holder -> {
              assertThat(holder.client()).isEqualTo("ann");
              assertThat(holder.targets()).isEqualTo(hold.targets());
              assertThat(holder.since()).satisfies(this::isAboutNow);
              if (store.has(ann, Capability.FENCING)) {
                assertThat(holder.token()).hasValue(hold.token());
              }
            });
    hold.close();
    assertThat(bob.describe(name).holders()).isEmpty();
  }

  @Test
  void sinceIsTheGrantThoughItCameByARelease() throws Exception {
    store.requires(Capability.DESCRIBE);
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    store.letPass(Duration.ofSeconds(2));
    // Another grant by the same clock, which may be the store's own.
    Hold between = ann.lock(name + "-2").acquire();
    Instant then = since(name + "-2");
    between.close();
    hold.close();
    Hold next = store.promptly(waiting);
    assertThat(since(name)).isAfterOrEqualTo(then);
    next.close();
  }

  @Test
  void theEndOfAHoldIsDescribedIfTimeEndsIt() throws Exception {
    store.requires(Capability.DESCRIBE);
    Duration maxHold = Duration.ofMinutes(5);
    Hold hold = ann.lock(name).with(HoldOptions.defaults().maxHold(maxHold)).acquire();
    assertThat(bob.describe(name).holders())
        .singleElement()
        .satisfies(
            holder -> {
              assertThat(holder.until()).isPresent();
              Duration lasts = Duration.between(holder.since(), holder.until().orElseThrow());
              assertThat(lasts).isPositive().isLessThan(maxHold.plusSeconds(1));
            });
    hold.close();
  }

  @Test
  void holdersAreDescribedTheEarliestFirst() throws Exception {
    store.requires(Capability.DESCRIBE, Capability.SHARED);
    Hold one = bob.readWriteLock(name).read().acquire();
    Hold two = ann.readWriteLock(name).read().acquire();
    Hold three = bob.readWriteLock(name).read().acquire();
    assertThat(cid.describe(name).holders())
        .extracting(holder -> holder.client())
        .containsExactly("bob", "ann", "bob");
    one.close();
    two.close();
    three.close();
  }

  @Test
  void waitersAreDescribedInOrder() throws Exception {
    store.requires(Capability.WAITERS);
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> one = waits(bob.lock(name), name, 1);
    CompletableFuture<Hold> two = waits(cid.lock(name), name, 2);
    CompletableFuture<Hold> three = waits(ann.lock(name), name, 3);
    LockDescription description = cid.describe(name);
    assertThat(description.holders()).extracting(holder -> holder.client()).containsExactly("ann");
    assertThat(description.waiters())
        .extracting(waiter -> waiter.client())
        .containsExactly("bob", "cid", "ann");
    assertThat(description.waiters())
        .allSatisfy(
            waiter -> {
              assertThat(waiter.targets()).isEqualTo(hold.targets());
              assertThat(waiter.since()).satisfies(this::isAboutNow);
            });
    hold.close();
    store.promptly(one).close();
    store.promptly(two).close();
    store.promptly(three).close();
  }

  @Test
  void theDataOfWaitersIsDescribed() throws Exception {
    store.requires(Capability.WAITERS, Capability.DATA);
    Hold hold = ann.lock(name).acquire();
    DistributedLock marked = bob.lock(name).with(HoldOptions.defaults().data("of bob's"));
    CompletableFuture<Hold> waiting = waits(marked, name, 1);
    assertThat(cid.describe(name).waiters())
        .singleElement()
        .satisfies(waiter -> assertThat(waiter.data()).isEqualTo(HoldData.of("of bob's")));
    hold.close();
    store.promptly(waiting).close();
  }

  @Test
  void whatIsHeldAsOneIsDescribedAsOne() throws Exception {
    assumeTrue(store.knowsWhatWasGrantedAsOne(), "the store describes each name by itself");
    store.requires(Capability.DESCRIBE, Capability.ALL);
    String other = store.name("other");
    Hold hold = ann.all(ann.lock(name), ann.lock(other)).acquire();
    assertThat(bob.describe(other).holders())
        .singleElement()
        .satisfies(holder -> assertThat(holder.targets()).isEqualTo(hold.targets()));
    hold.close();
  }

  @Test
  void namesHeldOrWaitedForAreListedSorted() throws Exception {
    store.requires(Capability.LIST);
    Hold b = ann.lock(store.name("b")).acquire();
    Hold a = ann.lock(store.name("a")).acquire();
    Hold ab = bob.lock(store.name("a/b")).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(store.name("b")), store.name("b"), 1);
    LockList list = cid.list(store.prefix());
    assertThat(list.complete()).isTrue();
    assertThat(list.locks())
        .extracting(lock -> lock.key().toString())
        .containsExactly(store.name("a"), store.name("a/b"), store.name("b"));
    if (store.has(cid, Capability.WAITERS)) {
      assertThat(list.locks().get(2).waiters()).hasSize(1);
    }
    assertThat(list.locks().get(1).holders()).hasSize(1);
    b.close();
    store.promptly(waiting).close();
    a.close();
    ab.close();
    assertThat(cid.list(store.prefix()).locks()).isEmpty();
  }

  @Test
  void aPrefixIsTextAndNarrowsTheList() throws Exception {
    store.requires(Capability.LIST);
    Hold one = ann.lock(store.name("team/1")).acquire();
    Hold two = ann.lock(store.name("team2")).acquire();
    Hold odd = ann.lock(store.name("te%m_1")).acquire();
    assertThat(cid.list(store.name("team")).locks()).hasSize(2);
    assertThat(cid.list(store.name("team/")).locks()).hasSize(1);
    assertThat(cid.list(store.name("te%m_")).locks()).hasSize(1);
    assertThat(cid.list(store.name("TEAM")).locks()).isEmpty();
    assertThat(cid.list("").locks()).hasSizeGreaterThanOrEqualTo(3);
    one.close();
    two.close();
    odd.close();
  }

  @Test
  void nodesOfTreesAreNotListedAmongNames() throws Exception {
    store.requires(Capability.LIST, Capability.TREE);
    Hold hold = ann.tree(store.treeName("files")).write("/a").acquire();
    assertThat(cid.list(store.prefix()).locks()).isEmpty();
    hold.close();
  }

  @Test
  void aLockThatIsTakenAwayGoesToTheNextAndItsHolderIsTold() throws Exception {
    store.requires(Capability.FORCE_RELEASE);
    Hold hold = ann.lock(name).with(brief).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    assertThat(cid.forceRelease(name, hold.token(), "it hangs")).isTrue();
    assertThat(store.lossOf(hold, brief)).isEqualTo(LossReason.REVOKED);
    assertThat(hold.isHeld()).isFalse();
    assertThatThrownBy(hold::checkHeld)
        .isInstanceOf(HoldLostException.class)
        .hasMessageContaining("REVOKED");
    Hold next = store.promptly(waiting);
    hold.close();
    assertThat(next.isHeld()).isTrue();
    next.close();
  }

  @Test
  void nothingIsTakenByATokenThatIsNotTheHolders() throws Exception {
    store.requires(Capability.FORCE_RELEASE);
    assertThat(cid.forceRelease(name, 1)).isFalse();
    Hold old = ann.lock(name).acquire();
    old.close();
    Hold hold = bob.lock(name).acquire();
    Hold foreign = bob.lock(store.name("other")).acquire();
    assertThat(cid.forceRelease(name, old.token())).isFalse();
    assertThat(cid.forceRelease(name, hold.token() + 1000)).isFalse();
    assertThat(cid.forceRelease(name, Long.MAX_VALUE)).isFalse();
    assertThat(cid.forceRelease(store.name("third"), hold.token())).isFalse();
    if (foreign.token() != hold.token()) {
      assertThat(cid.forceRelease(name, foreign.token())).isFalse();
    }
    assertThat(hold.isHeld()).isTrue();
    assertThat(ann.lock(name).tryAcquire()).isEmpty();
    hold.close();
    foreign.close();
  }

  @Test
  void takingTwiceTakesOnce() throws Exception {
    store.requires(Capability.FORCE_RELEASE);
    Hold hold = ann.lock(name).acquire();
    assertThat(cid.forceRelease(name, hold.token())).isTrue();
    assertThat(cid.forceRelease(name, hold.token())).isFalse();
  }

  @Test
  void aTokenThatIsNotPositiveIsRefused() {
    store.requires(Capability.FORCE_RELEASE);
    for (long token : new long[] {0, -1, Long.MIN_VALUE}) {
      assertThatThrownBy(() -> cid.forceRelease(name, token))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageStartingWith("TOKEN_NOT_POSITIVE")
          .hasMessageContaining("token " + token)
          .hasMessageContaining("1");
    }
  }

  @Test
  void aReasonThatCannotBeWrittenDownIsRefused() {
    store.requires(Capability.FORCE_RELEASE);
    for (String reason : new String[] {"", "a\nb", "x".repeat(LockClient.MAX_REASON_BYTES + 1)}) {
      assertThatThrownBy(() -> cid.forceRelease(name, 1, reason))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageStartingWith("REASON_");
    }
  }

  @Test
  void allThatWasGrantedWithItIsTakenToo() throws Exception {
    store.requires(Capability.FORCE_RELEASE, Capability.ALL);
    String other = store.name("other");
    Hold hold = ann.all(ann.lock(name), ann.lock(other)).with(brief).acquire();
    assertThat(cid.forceRelease(other, hold.token())).isTrue();
    assertThat(store.lossOf(hold, brief)).isEqualTo(LossReason.REVOKED);
    bob.lock(other).tryAcquire().orElseThrow().close();
    // This one the holder itself may have to give back.
    store.promptly(bob.lock(name).acquireAsync(store.patience())).close();
  }

  @Test
  void oneReaderIsTakenAndTheOthersStay() throws Exception {
    store.requires(Capability.FORCE_RELEASE, Capability.SHARED);
    Hold one = ann.readWriteLock(name).read().with(brief).acquire();
    Hold two = bob.readWriteLock(name).read().acquire();
    assertThat(cid.forceRelease(name, one.token())).isTrue();
    assertThat(store.lossOf(one, brief)).isEqualTo(LossReason.REVOKED);
    assertThat(two.isHeld()).isTrue();
    assertThat(cid.lock(name).tryAcquire()).isEmpty();
    two.close();
  }

  @Test
  void aNodeIsTakenByThePathItsHolderAskedFor() throws Exception {
    store.requires(Capability.FORCE_RELEASE, Capability.TREE);
    String tree = store.treeName("files");
    Hold hold = ann.tree(tree).write("/a/b").with(brief).acquire();
    assertThat(cid.tree(tree).forceRelease("/a", hold.token())).isFalse();
    assertThat(cid.tree(tree).forceRelease("/a/b/c", hold.token())).isFalse();
    assertThat(cid.tree(tree).forceRelease("/a/b", hold.token())).isTrue();
    assertThat(store.lossOf(hold, brief)).isEqualTo(LossReason.REVOKED);
    bob.tree(tree).write("/a").tryAcquire().orElseThrow().close();
  }

  /** On the store's clock. */
  private Instant since(String held) {
    List<Holder> holders = cid.describe(held).holders();
    assertThat(holders).hasSize(1);
    return holders.get(0).since();
  }
}
