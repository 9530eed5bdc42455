package io.holdfast.remote;

import io.holdfast.LossReason;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.remote.internal.ClientRequest;
import io.holdfast.remote.internal.SessionCore;
import io.holdfast.remote.internal.Wish;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A request of this process, from being asked until it ends: the future of its answer and, once granted, the lease.
 *
 * <p>What the core calls runs under the store's mutex and only writes down; what is told runs after, as a notice of the
 * store's.
 */
final class RemoteRequest extends CompletableFuture<AcquireOutcome>
    implements Lease, ClientRequest.Listener {
  private static final String THIS_THREAD =
      "this thread is in its own way: locks are not reentrant";

  private final RemoteStore store;
  private final AcquireRequest asked;
  private final Wish wish;
  private final CompletableFuture<Void> released = new CompletableFuture<>();

  // Guarded by the store's mutex.
  private @Nullable SessionCore session;
  private @Nullable ClientRequest request;
  private List<ClientRequest.Listener> inItsWay = List.of();

  /** Set with the mutex held, before the answer is completed; then read by anybody. */
  private volatile @Nullable ClientRequest granted;

  private volatile @Nullable LossReason lost;
  private volatile boolean isGivenBack;
  private volatile @Nullable Consumer<LossReason> lossListener;

  RemoteRequest(RemoteStore store, AcquireRequest asked, Wish wish) {
    this.store = store;
    this.asked = asked;
    this.wish = wish;
  }

  AcquireRequest asked() {
    return asked;
  }

  /** What it asks for, made before the mutex is taken. */
  Wish wish() {
    return wish;
  }

  /** It is asked for here now. With the mutex held. */
  void askedIn(SessionCore session, ClientRequest request) {
    this.session = session;
    this.request = request;
  }

  /** Leaves the line; what was granted and not yet handed over is given back. */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    if (cancelled) {
      leave();
    }
    return cancelled;
  }

  // ------------------------------------------------------------------------------------------------- the lease

  @Override
  public long token() {
    return grant().token();
  }

  @Override
  public long deadlineNanos() {
    return grant().deadlineNanos();
  }

  @Override
  public Optional<LossReason> lost() {
    LossReason reason = lost;
    if (reason == null && !isGivenBack && store.ticker().holderNanos() - deadlineNanos() >= 0) {
      reason = LossReason.EXPIRED; // its session is about to say so
    }
    return Optional.ofNullable(reason);
  }

  @Override
  public CompletableFuture<Void> release() {
    isGivenBack = true;
    ClientRequest held = grant();
    store.within(
        () -> {
          if (!held.session().release(held)) {
            store.notice(() -> released.complete(null));
          }
        });
    return released;
  }

  @Override
  public void whenLost(Consumer<LossReason> listener) {
    // Before `lost` is read, as the other side writes `lost` before it reads this.
    this.lossListener = listener;
    LossReason reason = lost;
    if (reason != null) {
      listener.accept(reason);
    }
  }

  private ClientRequest grant() {
    ClientRequest held = granted;
    if (held == null) {
      throw new IllegalStateException(this + " was not granted");
    }
    return held;
  }

  // ------------------------------------------------------------------------------------------------- the core's listener

  @Override
  public void queued(List<ClientRequest.Listener> behindOwn) {
    long caller = asked.callerThread();
    if (caller == 0) {
      return;
    }
    inItsWay =
        behindOwn.stream()
            .filter(before -> before instanceof RemoteRequest own && own.callerThread() == caller)
            .toList();
    if (!inItsWay.isEmpty() && asked.maxWaitNanos() == AcquireRequest.LONGEST_WAIT_NANOS) {
      store.notice(
          () -> {
            if (completeExceptionally(new IllegalStateException(THIS_THREAD + ", " + this))) {
              leave();
            }
          });
    }
  }

  @Override
  public void granted(ClientRequest grant) {
    granted = grant;
    store.notice(
        () -> {
          if (!complete(new AcquireOutcome.Granted(this))) {
            leave();
          }
        });
  }

  @Override
  public void busy(List<Holder> holders) {
    boolean isInItsOwnWay =
        inItsWay.stream().anyMatch(before -> before instanceof RemoteRequest own && own.isHeld());
    List<io.holdfast.Holder> named = WireForm.holders(holders);
    store.notice(() -> complete(new AcquireOutcome.Busy(named, isInItsOwnWay ? THIS_THREAD : "")));
  }

  @Override
  public void refused(Error error) {
    store.notice(() -> completeExceptionally(Failures.of(error)));
  }

  @Override
  public void neverAsked() {
    store.notice(() -> completeExceptionally(store.unavailable()));
  }

  @Override
  public void orphaned() {
    store.ask(this);
  }

  @Override
  public void uncertain(String why) {
    UncertainOutcomeException unknown =
        new UncertainOutcomeException(
            "what became of " + this + " is unknown: " + why, store.lastFailure());
    store.notice(
        () -> {
          if (!completeExceptionally(unknown)) {
            released.completeExceptionally(unknown);
          }
        });
  }

  @Override
  public void lost(LossReason reason) {
    lost = reason;
    store.notice(
        () -> {
          Consumer<LossReason> told = lossListener;
          if (told != null) {
            told.accept(reason);
          }
        });
  }

  @Override
  public void released() {
    store.notice(() -> released.complete(null));
  }

  @Override
  public void closed() {
    store.notice(() -> completeExceptionally(store.closed()));
  }

  @Override
  public String toString() {
    return asked.targets().toString();
  }

  private long callerThread() {
    return asked.callerThread();
  }

  private boolean isHeld() {
    ClientRequest made = request;
    return made != null && made.isHeld();
  }

  private void leave() {
    store.within(
        () -> {
          ClientRequest made = request;
          SessionCore in = session;
          if (made != null && in != null) {
            in.cancel(made);
          }
        });
  }
}
