package io.holdfast.testkit.lease;

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
import java.util.function.Supplier;

/** A client's way to a store, which ends when the client's process is to be as if dead. */
final class MortalLeaseStore implements LeaseStore {
  private final LeaseStore store;
  private final String place;
  private volatile boolean isDead;

  MortalLeaseStore(LeaseStore store, String place) {
    this.store = store;
    this.place = place;
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
  public void close() {}

  private <T> CompletableFuture<T> ifAlive(Supplier<CompletableFuture<T>> request) {
    return isDead
        ? CompletableFuture.failedFuture(new LockRefusedException("DEAD", "its process is dead"))
        : request.get();
  }
}
