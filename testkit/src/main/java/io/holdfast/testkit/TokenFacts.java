package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockTree;
import io.holdfast.LossReason;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The fencing token grows with every grant of a name, whatever ended the grant before. */
abstract class TokenFacts extends Facts {
  TokenFacts(StoreUnderTest store) {
    super(store);
  }

  @BeforeEach
  final void requireFencing() {
    store.requires(Capability.FENCING);
  }

  @Test
  void aTokenIsPositiveAndStaysWhenTheHoldEnds() throws Exception {
    Hold hold = ann.lock(name).acquire();
    long token = hold.token();
    assertThat(token).isPositive();
    assertThat(hold).asString().contains(name).contains("token=" + token);
    hold.close();
    assertThat(hold.token()).isEqualTo(token);
  }

  @Test
  void theTokenGrowsOverRelease() throws Exception {
    long last = 0;
    for (LockClient client : new LockClient[] {ann, ann, bob, ann, cid}) {
      try (Hold hold = client.lock(name).acquire()) {
        assertThat(hold.token()).isGreaterThan(last);
        last = hold.token();
      }
    }
  }

  @Test
  void theTokenGrowsFromHolderToWaiter() throws Exception {
    Hold hold = ann.lock(name).acquire();
    CompletableFuture<Hold> waiting = waits(bob.lock(name), name, 1);
    hold.close();
    try (Hold next = store.promptly(waiting)) {
      assertThat(next.token()).isGreaterThan(hold.token());
    }
  }

  @Test
  void theTokenGrowsOverRevocation() throws Exception {
    store.requires(Capability.FORCE_RELEASE);
    Hold hold = ann.lock(name).acquire();
    assertThat(bob.forceRelease(name, hold.token())).isTrue();
    try (Hold next = bob.lock(name).acquire()) {
      assertThat(next.token()).isGreaterThan(hold.token());
    }
  }

  @Test
  void theTokenGrowsOverExpiry() throws Exception {
    Duration maxHold = Duration.ofSeconds(2);
    Hold hold = ann.lock(name).with(HoldOptions.defaults().maxHold(maxHold)).acquire();
    store.letPass(maxHold);
    assertThat(store.promptly(hold.lost().toCompletableFuture())).isEqualTo(LossReason.EXPIRED);
    try (Hold next = store.freed(bob.lock(name))) {
      assertThat(next.token()).isGreaterThan(hold.token());
    }
  }

  @Test
  void theTokenGrowsOverTheCloseOfTheClient() throws Exception {
    Hold hold = ann.lock(name).acquire();
    ann.close();
    try (Hold next = store.freed(bob.lock(name))) {
      assertThat(next.token()).isGreaterThan(hold.token());
    }
  }

  @Test
  void theTokenGrowsOverReadersToo() throws Exception {
    store.requires(Capability.SHARED);
    Hold one = ann.readWriteLock(name).read().acquire();
    Hold two = bob.readWriteLock(name).read().acquire();
    assertThat(two.token()).isGreaterThan(one.token());
    one.close();
    two.close();
    try (Hold writing = ann.lock(name).acquire()) {
      assertThat(writing.token()).isGreaterThan(two.token());
    }
  }

  @Test
  void oneTokenIsHigherThanAllBeforeItOfEveryNameHeld() throws Exception {
    store.requires(Capability.ALL);
    String other = store.name("other");
    Hold one = ann.lock(name).acquire();
    Hold two = ann.lock(other).acquire();
    one.close();
    two.close();
    Hold both = bob.all(bob.lock(name), bob.lock(other)).acquire();
    assertThat(both.token()).isGreaterThan(one.token()).isGreaterThan(two.token());
    both.close();
    try (Hold after = ann.lock(other).acquire()) {
      assertThat(after.token()).isGreaterThan(both.token());
    }
  }

  /** A resource in a tree hears from whoever locked it and from whoever locked a folder above it. */
  @Test
  void theTokenGrowsAlongThePathOfATree() throws Exception {
    store.requires(Capability.TREE);
    LockTree anns = ann.tree(store.treeName("files"));
    LockTree bobs = bob.tree(store.treeName("files"));
    long last = 0;
    for (String path : new String[] {"/a/b", "/a", "/", "/a/b/c", "/a/b"}) {
      for (LockTree tree : new LockTree[] {anns, bobs}) {
        try (Hold hold = tree.write(path).acquire()) {
          assertThat(hold.token()).isGreaterThan(last);
          last = hold.token();
        }
      }
    }
  }

  @Test
  void theTokenGrowsOverARestart() throws Exception {
    store.requires(Capability.DURABLE_TOKENS);
    Hold hold = ann.lock(name).acquire();
    hold.close();
    store.restart();
    try (Hold next = store.freed(store.client("dan").lock(name))) {
      assertThat(next.token()).isGreaterThan(hold.token());
    }
  }

  @Test
  void theTokenGrowsOverTheDeathOfTheHolder() throws Exception {
    Hold hold = ann.lock(name).with(brief).acquire();
    store.kill(ann);
    Duration dead = store.deadWithin(brief);
    store.letPass(dead);
    // Who looks for the first time may have to watch for a lease before it knows.
    try (Hold next = store.freed(bob.lock(name), dead.plus(store.promptly()))) {
      assertThat(next.token()).isGreaterThan(hold.token());
    }
  }
}
