package io.holdfast.dynamodb;

import io.holdfast.Capability;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** A client's way to the table, which ends when the client's process is to be as if dead. */
final class MortalStore implements LeaseStore {
  private final LeaseStore store;
  private final String place;
  private final AtomicInteger unanswered;
  private volatile boolean isDead;

  /** @param unanswered counts requests until they are answered */
  MortalStore(LeaseStore store, String place, AtomicInteger unanswered) {
    this.store = store;
    this.place = place;
    this.unanswered = unanswered;
  }

  void die() {
    isDead = true;
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
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return ifAlive(() -> store.list(prefix, most));
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
    return request.get().whenComplete((told, failure) -> unanswered.decrementAndGet());
  }
}
