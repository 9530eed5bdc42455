package io.holdfast.testkit.lease;

import io.holdfast.Capability;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A client's way to a store, which ends when the client's process is to be as if dead: for {@link
 * io.holdfast.testkit.LockContract}'s {@code kill}, {@code restart} and {@code isBusy}. Thread-safe.
 */
public final class MortalLeaseStore implements LeaseStore {
  private final LeaseStore store;
  private final String place;
  private final AtomicInteger unanswered = new AtomicInteger();
  private volatile boolean isDead;

  /** To this store. */
  public MortalLeaseStore(LeaseStore store) {
    this(store, store.place());
  }

  /**
   * To this store, as if from another process.
   *
   * @param place clients with the same stand in one line
   */
  public MortalLeaseStore(LeaseStore store, String place) {
    this.store = store;
    this.place = place;
  }

  /** Lets no request through from now on. */
  public void die() {
    isDead = true;
  }

  /** Whether a request is not answered yet. */
  public boolean isBusy() {
    return unanswered.get() > 0;
  }

  @Override
  public String name() {
    return store.name();
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public Set<Capability> capabilities() {
    return store.capabilities();
  }

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    return ifAlive(() -> store.take(take));
  }

  @Override
  public CompletableFuture<TakeAnswer> takeHere(Take take) {
    return ifAlive(() -> store.takeHere(take));
  }

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    return ifAlive(() -> store.read(name));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return ifAlive(() -> store.renew(mine));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return ifAlive(() -> store.release(held));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> releaseHere(LeaseRecord held) {
    return ifAlive(() -> store.releaseHere(held));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> revoke(LeaseRecord held) {
    return ifAlive(() -> store.revoke(held));
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return ifAlive(() -> store.list(prefix, most));
  }

  @Override
  public Duration writesApart() {
    return store.writesApart();
  }

  @Override
  public void onFreed(Consumer<String> listener) {
    store.onFreed(listener);
  }

  @Override
  public void close() {
    store.close();
  }

  private <T> CompletableFuture<T> ifAlive(Supplier<CompletableFuture<T>> request) {
    if (isDead) {
      return CompletableFuture.failedFuture(
          new LockRefusedException("DEAD", "its process is dead"));
    }
    unanswered.incrementAndGet();
    return request.get().whenComplete((answer, failure) -> unanswered.decrementAndGet());
  }
}
