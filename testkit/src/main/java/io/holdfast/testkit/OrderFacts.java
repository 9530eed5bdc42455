package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Who conflicts is granted in the order of arrival; who does not passes. */
abstract class OrderFacts extends Facts {
  private static final int WAITERS = 8;

  OrderFacts(StoreUnderTest store) {
    super(store);
  }

  @Test
  void whoCameFirstIsGrantedFirst() throws Exception {
    store.requires(Capability.FAIR);
    Hold hold = ann.lock(name).acquire();
    List<CompletableFuture<Hold>> line = new ArrayList<>();
    for (int i = 0; i < WAITERS; i++) {
      LockClient client = i % 2 == 0 ? ann : bob;
      line.add(waits(client.lock(name), name, i + 1));
    }
    for (CompletableFuture<Hold> next : line) {
      store.staysOpen(next);
      hold.close();
      hold = store.promptly(next);
    }
    hold.close();
  }

  @Test
  void threadsAreGrantedInTheSameOrder() throws Exception {
    store.requires(Capability.FAIR);
    Hold hold = ann.lock(name).acquire();
    List<Actor<Hold>> line = new ArrayList<>();
    for (int i = 0; i < WAITERS; i++) {
      LockClient client = i % 2 == 0 ? ann : bob;
      line.add(store.inThread(() -> client.lock(name).acquire()));
      store.untilWaiting(cid, name, i + 1);
    }
    for (Actor<Hold> next : line) {
      store.staysOpen(next.answer);
      hold.close();
      hold = store.promptly(next.answer);
    }
    hold.close();
  }

  @Test
  void whoConflictsWithNobodyPasses() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    store.promptly(cid.lock(store.name("other")).acquireAsync()).close();
    hold.close();
    store.promptly(waiting).close();
  }

  @Test
  void whoAsksForSeveralKeepsThePlaceInEachLine() throws Exception {
    store.requires(Capability.ALL, Capability.FAIR);
    String free = store.name("free");
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> both = waits(bob.all(bob.lock(name), bob.lock(free)), name, 1);
    CompletableFuture<Hold> later = waits(cid.lock(free), free, 2);
    store.staysOpen(later);
    hold.close();
    Hold had = store.promptly(both);
    store.staysOpen(later);
    had.close();
    store.promptly(later).close();
  }

  @Test
  void whoAsksForSeveralWaitsForAllWhoCameFirst() throws Exception {
    store.requires(Capability.ALL, Capability.FAIR);
    String other = store.name("other");
    Hold one = ann.lock(name).acquire();
    Hold two = ann.lock(other).acquire();
    CompletableFuture<Hold> both = waits(bob.all(bob.lock(name), bob.lock(other)), name, 1);
    one.close();
    store.staysOpen(both);
    assertThat(cid.lock(name).tryAcquire()).isEmpty();
    two.close();
    store.promptly(both).close();
  }

  @Test
  void writersAreNotStarvedByAStreamOfReaders() throws Exception {
    store.requires(Capability.SHARED, Capability.FAIR);
    Hold reading = ann.readWriteLock(name).read().acquire();
    CompletableFuture<Hold> writer = waits(bob.lock(name), name, 1);
    List<CompletableFuture<Hold>> stream = new ArrayList<>();
    for (int i = 0; i < WAITERS; i++) {
      stream.add(waits(cid.readWriteLock(name).read(), name, i + 2));
    }
    reading.close();
    Hold writing = store.promptly(writer);
    assertThat(stream).noneMatch(CompletableFuture::isDone);
    writing.close();
    for (CompletableFuture<Hold> reader : stream) {
      store.promptly(reader).close();
    }
  }

  /** Else there is never a moment without one of them. */
  @Test
  void aWriterOfTheRootIsNotStarvedByAStreamOfWritersBelow() throws Exception {
    store.requires(Capability.TREE, Capability.FAIR);
    String tree = store.treeName("files");
    Hold below = ann.tree(tree).write("/a").acquire();
    CompletableFuture<Hold> root = bob.tree(tree).write("/").acquireAsync();
    store.untilWaiting(cid, () -> cid.tree(tree).describe("/"), 1);
    List<CompletableFuture<Hold>> stream = new ArrayList<>();
    for (int i = 0; i < WAITERS; i++) {
      stream.add(cid.tree(tree).write("/b" + i).acquireAsync());
      store.untilWaiting(cid, () -> cid.tree(tree).describe("/"), stream.size() + 1);
    }
    below.close();
    Hold writing = store.promptly(root);
    assertThat(stream).noneMatch(CompletableFuture::isDone);
    writing.close();
    for (CompletableFuture<Hold> next : stream) {
      store.promptly(next).close();
    }
  }

  /** In another library an intention that waited at the root held up the whole tree. */
  @Test
  void anIntentionThatWaitsHoldsUpNobodyItDoesNotConflictWith() throws Exception {
    store.requires(Capability.TREE);
    String tree = store.treeName("files");
    Hold reading = ann.tree(tree).read("/a").acquire();
    CompletableFuture<Hold> writer = bob.tree(tree).write("/a/b").acquireAsync();
    store.untilWaiting(cid, () -> cid.tree(tree).describe("/a"), 1);
    store.promptly(cid.tree(tree).write("/c").acquireAsync()).close();
    store.promptly(cid.tree(tree).read("/c/d").acquireAsync()).close();
    store.promptly(cid.tree(tree).read("/a/c").acquireAsync()).close();
    reading.close();
    store.promptly(writer).close();
  }
}
