package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LockTimeoutException;
import io.holdfast.LockTree;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sub-trees. */
abstract class TreeFacts extends Facts {
  private LockTree anns;
  private LockTree bobs;
  private LockTree cids;

  TreeFacts(StoreUnderTest store) {
    super(store);
  }

  @BeforeEach
  final void plant() {
    store.requires(Capability.TREE);
    anns = ann.tree(store.treeName("files"));
    bobs = bob.tree(store.treeName("files"));
    cids = cid.tree(store.treeName("files"));
  }

  @Test
  void whoWritesANodeExcludesAllBelow() throws Exception {
    Hold hold = anns.write("/a").acquire();
    busy(bobs.write("/a"), bobs.read("/a"), bobs.write("/a/b"), bobs.read("/a/b/c/d"));
    hold.close();
    free(bobs.write("/a/b"));
  }

  @Test
  void whoWritesANodeExcludesAllAbove() throws Exception {
    Hold hold = anns.write("/a/b/c").acquire();
    busy(bobs.write("/a/b"), bobs.read("/a/b"), bobs.write("/a"), bobs.read("/"), bobs.write("/"));
    hold.close();
    free(bobs.write("/"));
  }

  @Test
  void whoReadsExcludesWritersAboveAndBelowButNoReaders() throws Exception {
    Hold hold = anns.read("/a/b").acquire();
    busy(bobs.write("/"), bobs.write("/a"), bobs.write("/a/b"), bobs.write("/a/b/c"));
    free(bobs.read("/"), bobs.read("/a"), bobs.read("/a/b"), bobs.read("/a/b/c"));
    hold.close();
  }

  @Test
  void siblingsHaveNothingToDoWithEachOther() throws Exception {
    Hold hold = anns.write("/a/b").acquire();
    free(bobs.write("/a/c"), bobs.write("/b"), bobs.write("/a/bb"), bobs.write("/a/B"));
    free(bobs.read("/a/c/d"));
    hold.close();
  }

  @Test
  void theRootCoversTheTreeAndNoOther() throws Exception {
    Hold hold = anns.write("/").acquire();
    busy(bobs.read("/x/y/z"), bobs.write("/"));
    free(bob.tree(store.treeName("other")).write("/"), bob.lock(store.name("files")));
    hold.close();
  }

  @Test
  void plainNamesAreNoPaths() throws Exception {
    Hold hold = ann.lock(store.name("a")).acquire();
    free(bob.lock(store.name("a/b")), bob.tree(store.treeName("a")).write("/b"));
    hold.close();
  }

  @Test
  void severalPathsAreHadAsOne() throws Exception {
    Hold hold = anns.write("/a", "/b/c").acquire();
    assertThat(hold.targets())
        .containsExactly(target("/a", LockMode.EXCLUSIVE), target("/b/c", LockMode.EXCLUSIVE));
    busy(bobs.write("/a/x"), bobs.read("/b"));
    free(bobs.write("/b/d"));
    hold.close();
  }

  @Test
  void aPathOfTheFileSystemIsTheSameNode() throws Exception {
    Hold hold = anns.write(Path.of("a", "b")).acquire();
    busy(bobs.read("/a/b"), bobs.read(Path.of("/a/b/c")));
    hold.close();
  }

  @Test
  void aPathMayBeAsDeepAsAllowed() throws Exception {
    String deep = "/d".repeat(TreePath.MAX_DEPTH);
    Hold hold = anns.write(deep).acquire();
    busy(bobs.read("/d/d"));
    free(bobs.write("/d/e"));
    hold.close();
  }

  /** In another library this took a mere read of /a, and another reader of /a came in during the write. */
  @Test
  void readingANodeAndWritingBelowItKeepsOtherReadersOut() throws Exception {
    store.requires(Capability.ALL);
    Hold hold = ann.all(anns.read("/a"), anns.write("/a/b")).acquire();
    busy(bobs.read("/a"), bobs.read("/"), bobs.read("/a/b"), bobs.write("/a/c"));
    free(bobs.read("/a/c"), bobs.write("/c"));
    hold.close();
  }

  @Test
  void aWaiterOfASubtreeGetsItWhenAllInItAreGone() throws Exception {
    Hold one = anns.write("/a/b").acquire();
    Hold two = bobs.read("/a/c/d").acquire();
    CompletableFuture<Hold> waiting = cids.write("/a").acquireAsync();
    store.untilWaiting(cid, () -> cids.describe("/a"), 1);
    one.close();
    store.staysOpen(waiting);
    two.close();
    store.promptly(waiting).close();
  }

  @Test
  void waitersOfSiblingsEnterTogether() throws Exception {
    Hold hold = anns.write("/a").acquire();
    CompletableFuture<Hold> one = bobs.write("/a/b").acquireAsync();
    store.untilWaiting(cid, () -> cids.describe("/a"), 1);
    CompletableFuture<Hold> two = cids.write("/a/c").acquireAsync();
    store.untilWaiting(cid, () -> cids.describe("/a"), 2);
    hold.close();
    Hold first = store.promptly(one);
    Hold second = store.promptly(two);
    assertThat(first.isHeld() && second.isHeld()).isTrue();
    first.close();
    second.close();
  }

  @Test
  void parentThenChildAgainstChildThenParentDoesNotDeadlock() throws Exception {
    Actor<Boolean> one = store.inThread(() -> repeat(anns.write("/a", "/c/d")));
    Actor<Boolean> opposite = store.inThread(() -> repeat(bobs.write("/c", "/a/b")));
    Duration bound = store.promptly().multipliedBy(5);
    assertThat(store.within(bound, one.answer)).isTrue();
    assertThat(store.within(bound, opposite.answer)).isTrue();
  }

  /**
   * Who takes one after the other can still meet somebody who does so the other way round. A bound ends it, and says
   * who it was.
   */
  @Test
  void whoWaitForEachOtherOneInsideTheOtherAreToldByTheirDeadlines() throws Exception {
    Duration patience = store.patience();
    Hold one = anns.write("/a").acquire();
    Hold other = bobs.write("/c/d").acquire();
    CompletableFuture<Hold> ofAnn = anns.write("/c").acquireAsync(patience);
    CompletableFuture<Hold> ofBob = bobs.write("/a/b").acquireAsync(patience);
    store.untilWaiting(cid, () -> cids.describe("/"), 2);
    store.letPass(patience);
    assertThat(store.failure(ofAnn))
        .isInstanceOf(LockTimeoutException.class)
        .hasMessageContaining("bob");
    assertThat(store.failure(ofBob))
        .isInstanceOf(LockTimeoutException.class)
        .hasMessageContaining("ann");
    assertThat(one.isHeld() && other.isHeld()).isTrue();
    other.close();
    free(anns.write("/c"));
    one.close();
  }

  @Test
  void everyPairOfSmallRequestsIsGrantedTogetherExactlyIfCompatible() throws Exception {
    store.requires(Capability.ALL);
    List<Wish> wishes = Wish.all();
    for (Wish one : wishes) {
      Hold hold = one.on(ann, anns).acquire(Duration.ZERO);
      for (Wish two : wishes) {
        var other = two.on(bob, bobs).tryAcquire();
        assertThat(other.isPresent()).as("%s beside %s", two, one).isEqualTo(!one.conflicts(two));
        other.ifPresent(Hold::close);
      }
      hold.close();
    }
  }

  @Test
  void describingANodeTellsWhoMeetsIt() throws Exception {
    store.requires(Capability.DESCRIBE);
    Hold above = anns.read("/a").acquire();
    Hold below = bobs.read("/a/b/c").acquire();
    Hold beside = bobs.write("/d").acquire();
    LockDescription description = cids.describe("/a/b");
    assertThat(description.key()).isEqualTo(target("/a/b", LockMode.SHARED).key());
    assertThat(description.holders())
        .satisfiesExactly(
            holder -> {
              assertThat(holder.client()).isEqualTo("ann");
              assertThat(holder.targets()).containsExactly(target("/a", LockMode.SHARED));
            },
            holder -> {
              assertThat(holder.client()).isEqualTo("bob");
              assertThat(holder.targets()).containsExactly(target("/a/b/c", LockMode.SHARED));
            });
    assertThat(cids.describe("/e").holders()).isEmpty();
    assertThat(cids.describe("/").holders()).hasSize(3);
    above.close();
    below.close();
    beside.close();
  }

  @Test
  void operatorsMayNameNodesByFilePaths() throws Exception {
    store.requires(Capability.DESCRIBE, Capability.FORCE_RELEASE, Capability.FENCING);
    Hold hold = anns.write("/a/b").with(brief).acquire();
    Path sameNode = Path.of("a", "b");
    assertThat(cids.describe(sameNode).holders()).hasSize(1);
    assertThat(cids.forceRelease(sameNode, hold.token())).isTrue();
    assertThat(store.lossOf(hold, brief)).isEqualTo(LossReason.REVOKED);
  }

  @Test
  void theListOfATreeHasTheNodesThemselves() throws Exception {
    store.requires(Capability.LIST);
    Hold one = anns.write("/b/c").acquire();
    Hold two = anns.write("/a/c").acquire();
    Hold three = anns.write("/a-z").acquire();
    Hold foreign = ann.tree(store.treeName("other")).write("/x").acquire();
    assertThat(cids.list().complete()).isTrue();
    assertThat(cids.list().locks())
        .extracting(lock -> lock.key().toString())
        .containsExactly(tree() + ":/a/c", tree() + ":/a-z", tree() + ":/b/c");
    one.close();
    two.close();
    three.close();
    foreign.close();
    assertThat(cids.list().locks()).isEmpty();
  }

  private String tree() {
    return store.name("files");
  }

  private LockTarget target(String path, LockMode mode) {
    return new LockTarget(new LockKey.Node(tree(), TreePath.parse(path)), mode);
  }

  private boolean repeat(DistributedLock lock) throws InterruptedException {
    for (int i = 0; i < store.rounds(); i++) {
      lock.acquire().close();
    }
    return true;
  }

  private static void busy(DistributedLock... locks) {
    for (DistributedLock lock : locks) {
      assertThat(lock.tryAcquire()).as("%s", lock).isEmpty();
    }
  }

  private static void free(DistributedLock... locks) {
    for (DistributedLock lock : locks) {
      var hold = lock.tryAcquire();
      assertThat(hold).as("%s", lock).isPresent();
      hold.orElseThrow().close();
    }
  }

  /** At most one node to read and one to write, of four: 24 requests, 576 pairs. */
  private record Wish(List<String> reads, List<String> writes) {
    /** What a lock on the key locks, written down by hand. */
    private static final Map<String, Set<String>> COVERED =
        Map.of(
            "/", Set.of("/", "/a", "/a/b", "/c"),
            "/a", Set.of("/a", "/a/b"),
            "/a/b", Set.of("/a/b"),
            "/c", Set.of("/c"));

    static List<Wish> all() {
      List<List<String>> sets = new ArrayList<>(List.of(List.of()));
      List.of("/", "/a", "/a/b", "/c").forEach(node -> sets.add(List.of(node)));
      List<Wish> all = new ArrayList<>();
      for (List<String> reads : sets) {
        for (List<String> writes : sets) {
          if (!reads.isEmpty() || !writes.isEmpty()) {
            all.add(new Wish(reads, writes));
          }
        }
      }
      return all;
    }

    DistributedLock on(LockClient client, LockTree tree) {
      List<DistributedLock> parts = new ArrayList<>();
      reads.forEach(node -> parts.add(tree.read(node)));
      writes.forEach(node -> parts.add(tree.write(node)));
      return client.all(parts.toArray(DistributedLock[]::new));
    }

    boolean conflicts(Wish other) {
      return meet(writes, other.writes) || meet(writes, other.reads) || meet(reads, other.writes);
    }

    private static boolean meet(List<String> some, List<String> others) {
      return some.stream()
          .anyMatch(
              a -> others.stream().anyMatch(b -> covered(a).contains(b) || covered(b).contains(a)));
    }

    private static Set<String> covered(String node) {
      return COVERED.getOrDefault(node, Set.of());
    }
  }
}
