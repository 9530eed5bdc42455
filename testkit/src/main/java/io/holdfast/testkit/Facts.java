package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;

/** What the facts of all themes begin with: three clients of one store, and a name. */
abstract class Facts {
  final StoreUnderTest store;

  /** A lease so short that a holder who is told of its loss at the next renewal is told soon. */
  final HoldOptions brief;

  LockClient ann;
  LockClient bob;
  LockClient cid;
  String name;

  Facts(StoreUnderTest store) {
    this.store = store;
    this.brief = HoldOptions.defaults().leaseDuration(store.shortestLease());
  }

  @BeforeEach
  final void connect() {
    ann = store.client("ann");
    bob = store.client("bob");
    cid = store.client("cid");
    name = store.name("invoice/42");
  }

  /** Asks for a lock, and returns when the request stands in line for a name as the so-many-th. */
  final CompletableFuture<Hold> waits(DistributedLock lock, String name, int place) {
    CompletableFuture<Hold> answer = lock.acquireAsync();
    store.untilWaiting(cid, name, place);
    return answer;
  }

  /** Not to the second: the store may be another machine. */
  final void isAboutNow(Instant instant) {
    assertThat(Duration.between(store.now(), instant).abs()).isLessThan(Duration.ofMinutes(1));
  }
}
