package io.holdfast.postgres;

import io.holdfast.LossReason;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A request of this client, from being asked until it ends: the future of its answer and, once granted, the lease.
 *
 * <p>The store decides about it under its mutex, which guards what is not volatile.
 */
final class PostgresRequest extends CompletableFuture<AcquireOutcome> implements Lease {
  enum State {
    /** Stands in line behind others of this client, or has just come. */
    QUEUED,
    /** A statement that does not wait is on its way. */
    ASKING,
    /** Was busy. Waits at the server if a session is there for it; else it is asked for again and again. */
    WAITING,
    /** Was granted. */
    HELD,
    /** Is being given back. */
    RELEASING,
    /** Nothing is held or waited for. */
    ENDED
  }

  final List<Claim> claims;
  private final PostgresStore store;
  private final AcquireRequest asked;

  /** When patience ends. */
  final long impatientAtNanos;

  volatile State state = State.QUEUED;

  // Of the caller's thread alone, while it asks.

  /** It waits for the answer, and may as well fetch it. */
  boolean isFetched;

  /** The session that it is to wait in by itself. */
  @Nullable AdvisorySession servedHere;

  // The store's.

  /** Where it stands in line; null if it does not. */
  @Nullable KeyLine line;

  /** The index of the claim that was busy last. */
  volatile int blockedOn;

  /** How often the session broke under it. */
  int breaks;

  Ticker.@Nullable Alarm patienceAlarm;
  Ticker.@Nullable Alarm maxHoldAlarm;

  // Written before the answer is completed.
  volatile @Nullable AdvisorySession session;
  volatile long token;
  volatile long maxHoldDeadlineNanos = NO_DEADLINE;

  volatile @Nullable LossReason lost;
  private volatile @Nullable Consumer<LossReason> listener;

  PostgresRequest(
      PostgresStore store, AcquireRequest asked, List<Claim> claims, long impatientAtNanos) {
    this.store = store;
    this.asked = asked;
    this.claims = claims;
    this.impatientAtNanos = impatientAtNanos;
  }

  long callerThread() {
    return asked.callerThread();
  }

  boolean mayWait() {
    return asked.maxWaitNanos() > 0;
  }

  boolean waitsWithoutBound() {
    return asked.maxWaitNanos() == AcquireRequest.LONGEST_WAIT_NANOS;
  }

  /** How long it may be held; empty without a bound. */
  Optional<Duration> maxHold() {
    return asked.options().maxHold();
  }

  boolean isHeld() {
    return state == State.HELD;
  }

  /** Leaves the line; what was granted and not yet handed over is given back. */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    if (cancelled) {
      store.leave(this);
    }
    return cancelled;
  }

  @Override
  public long token() {
    return store.tokenOf(this);
  }

  @Override
  public long deadlineNanos() {
    AdvisorySession holding = session;
    return holding == null
        ? NO_DEADLINE
        : AdvisorySession.earlier(holding.deadlineNanos(), maxHoldDeadlineNanos);
  }

  @Override
  public Optional<LossReason> lost() {
    LossReason reason = lost;
    if (reason == null && isHeld() && store.ticker().nanos() - deadlineNanos() >= 0) {
      reason = LossReason.EXPIRED; // an alarm is about to say so
    }
    return Optional.ofNullable(reason);
  }

  @Override
  public CompletableFuture<Void> release() {
    return store.release(this);
  }

  @Override
  public void whenLost(Consumer<LossReason> listener) {
    // Before `lost` is read, as the other side writes `lost` before it reads this.
    this.listener = listener;
    LossReason reason = lost;
    if (reason != null) {
      listener.accept(reason);
    }
  }

  void tellLoss() {
    Consumer<LossReason> told = listener;
    LossReason reason = lost;
    if (told != null && reason != null) {
      told.accept(reason);
    }
  }

  @Override
  public String toString() {
    return asked.targets().toString();
  }
}
