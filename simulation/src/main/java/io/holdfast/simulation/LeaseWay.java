package io.holdfast.simulation;

import io.holdfast.Capability;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A process's way to a store: what is answered is heard when the process runs, and nothing is once it is dead. */
final class LeaseWay implements LeaseStore {
  private final LeaseStore store;
  private final LeaseMachine machine;
  private final List<CompletableFuture<?>> open = new ArrayList<>();
  private boolean isDead;

  LeaseWay(LeaseStore store, LeaseMachine machine) {
    this.store = store;
    this.machine = machine;
  }

  /** Nothing arrives from here on. The engine of the dead process is told so, for it shall let go of what it has. */
  void die() {
    isDead = true;
    for (CompletableFuture<?> each : List.copyOf(open)) {
      each.completeExceptionally(dead());
    }
  }

  @Override
  public String name() {
    return store.name();
  }

  @Override
  public String place() {
    return store.place();
  }

  @Override
  public Set<Capability> capabilities() {
    return store.capabilities();
  }

  @Override
  public Duration writesApart() {
    return store.writesApart();
  }

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    return hear(() -> store.take(take));
  }

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    return hear(() -> store.read(name));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return hear(() -> store.renew(mine));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return hear(() -> store.release(held));
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return hear(() -> store.list(prefix, most));
  }

  @Override
  public void onFreed(Consumer<String> listener) {
    store.onFreed(name -> machine.run(() -> tell(listener, name)));
  }

  @Override
  public void close() {}

  private void tell(Consumer<String> listener, String name) {
    if (!isDead) {
      listener.accept(name);
    }
  }

  private <T> CompletableFuture<T> hear(Supplier<CompletableFuture<T>> request) {
    if (isDead) {
      return CompletableFuture.failedFuture(dead());
    }
    CompletableFuture<T> heard = new CompletableFuture<>();
    open.add(heard);
    request
        .get()
        .whenComplete(
            (answer, failure) ->
                machine.run(
                    () -> {
                      open.removeIf(each -> each == heard);
                      if (failure == null) {
                        heard.complete(answer);
                      } else {
                        heard.completeExceptionally(failure);
                      }
                    }));
    return heard;
  }

  private static LockRefusedException dead() {
    return new LockRefusedException("DEAD", "its process is dead");
  }
}
