package io.holdfast.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.Hold;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Many read, or one writes. */
abstract class SharedFacts extends Facts {
  SharedFacts(StoreUnderTest store) {
    super(store);
  }

  @BeforeEach
  final void requireShared() {
    store.requires(Capability.SHARED);
  }

  @Test
  void readersHoldTogether() throws Exception {
    Hold one = ann.readWriteLock(name).read().acquire();
    Hold two = bob.readWriteLock(name).read().tryAcquire().orElseThrow();
    Hold three = ann.readWriteLock(name).read().tryAcquire().orElseThrow();
    assertThat(one.isHeld() && two.isHeld() && three.isHeld()).isTrue();
    assertThat(two.targets())
        .containsExactly(new LockTarget(new LockKey.Name(name), LockMode.SHARED));
    one.close();
    two.close();
    three.close();
  }

  @Test
  void aWriterHoldsAlone() throws Exception {
    Hold writing = ann.readWriteLock(name).write().acquire();
    assertThat(bob.readWriteLock(name).read().tryAcquire()).isEmpty();
    assertThat(bob.readWriteLock(name).write().tryAcquire()).isEmpty();
    writing.close();
    bob.readWriteLock(name).read().tryAcquire().orElseThrow().close();
  }

  @Test
  void aWriterWaitsForTheLastReader() throws Exception {
    Hold one = ann.readWriteLock(name).read().acquire();
    Hold two = bob.readWriteLock(name).read().acquire();
    CompletableFuture<Hold> writer = waits(cid.readWriteLock(name).write(), name, 1);
    one.close();
    store.staysOpen(writer);
    two.close();
    store.promptly(writer).close();
  }

  @Test
  void readersWhoWaitForAWriterEnterTogether() throws Exception {
    Hold writing = ann.readWriteLock(name).write().acquire();
    CompletableFuture<Hold> one = waits(bob.readWriteLock(name).read(), name, 1);
    CompletableFuture<Hold> two = waits(cid.readWriteLock(name).read(), name, 2);
    writing.close();
    Hold first = store.promptly(one);
    Hold second = store.promptly(two);
    assertThat(first.isHeld() && second.isHeld()).isTrue();
    first.close();
    second.close();
  }

  @Test
  void theWriteSideIsTheLockOfThatName() throws Exception {
    Hold hold = ann.lock(name).acquire();
    assertThat(bob.readWriteLock(name).read().tryAcquire()).isEmpty();
    assertThat(bob.readWriteLock(name).write().tryAcquire()).isEmpty();
    assertThat(bob.readWriteLock(name).write().targets()).isEqualTo(hold.targets());
    hold.close();
  }

  @Test
  void aReaderDoesNotBecomeAWriter() throws Exception {
    Hold reading = ann.readWriteLock(name).read().acquire();
    assertThat(ann.readWriteLock(name).write().tryAcquire()).isEmpty();
    reading.close();
    ann.readWriteLock(name).write().tryAcquire().orElseThrow().close();
  }

  @Test
  void aReaderDoesNotOvertakeAWriterThatCameFirst() throws Exception {
    store.requires(Capability.FAIR);
    Hold reading = ann.readWriteLock(name).read().acquire();
    CompletableFuture<Hold> writer = waits(bob.readWriteLock(name).write(), name, 1);
    CompletableFuture<Hold> reader = waits(cid.readWriteLock(name).read(), name, 2);
    store.staysOpen(reader);
    reading.close();
    Hold writing = store.promptly(writer);
    store.staysOpen(reader);
    writing.close();
    store.promptly(reader).close();
  }
}
