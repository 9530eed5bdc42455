package io.holdfast;

import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The right to a lock, from its grant until it is closed or lost.
 *
 * <p>A hold belongs to whoever has it, not to a thread: any thread may use and close it. It is renewed for as long as it is
 * open. It is never acquired again behind its user's back: once lost it stays lost.
 *
 * <p>No lock service can stop a holder that is paused just after it checked. So hand {@link #token} to the resource with
 * every write, and let the resource refuse a token lower than the highest it has seen. (Martin Kleppmann, <a
 * href="https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html">How to do distributed locking</a>,
 * 2016.)
 *
 * <p>Thread-safe. Callbacks run on the client's {@link ClientOptions#executor}; one that blocks keeps a thread of it from the
 * next.
 */
public final class Hold implements AutoCloseable {
  /*
   * A hold ends once: `ending` goes from null to its value by one compare-and-set, whoever comes first of close(), the
   * store's loss signal, a heartbeat that stays out, and nobody else. `ended` is made only if somebody wants to be told (it
   * would be the larger part of a hold's memory); maker and ender each write their own field before they read the other's,
   * so one of the two completes it.
   */
  private static final AtomicReferenceFieldUpdater<Hold, Ending> ENDING =
      AtomicReferenceFieldUpdater.newUpdater(Hold.class, Ending.class, "ending");

  private static final AtomicReferenceFieldUpdater<Hold, CompletableFuture<Ending>> ENDED =
      endedUpdater();

  private final DistributedLock lock;
  private final Lease lease;
  private volatile @Nullable Ending ending;
  private volatile @Nullable CompletableFuture<Ending> ended;
  private volatile @Nullable CompletionStage<LossReason> lost;

  private Hold(DistributedLock lock, Lease lease) {
    this.lock = lock;
    this.lease = lease;
  }

  static Hold of(DistributedLock lock, Lease lease) {
    Hold hold = new Hold(lock, lease);
    lease.whenLost(hold::lose);
    return hold;
  }

  /** What is held, in the order asked for. */
  public List<LockTarget> targets() {
    return lock.targets();
  }

  /**
   * The fencing token: larger than that of every earlier grant of each name held, for ever. Holds that are no longer held
   * keep theirs.
   *
   * @throws UnsupportedOperationException if the store keeps no tokens ({@link Capability#FENCING})
   */
  public long token() {
    return lease.token();
  }

  /** The data that travels with the hold. */
  public HoldData data() {
    return lock.options().data();
  }

  /**
   * Whether the lock is held at this moment as far as can be known here: neither closed nor lost, nor past the deadline that
   * the holder counts for itself. What an operator has just taken away may not be known yet. Local; costs no I/O.
   */
  public boolean isHeld() {
    return endingByNow() == null;
  }

  /**
   * Returns if {@link #isHeld}.
   *
   * @throws HoldLostException if the hold was lost
   * @throws IllegalStateException if it was closed
   */
  public void checkHeld() {
    Ending over = endingByNow();
    if (over instanceof Lost lost) {
      throw tell(lost);
    }
    if (over != null) {
      throw new IllegalStateException(this + " was closed");
    }
  }

  /**
   * How long the lock stays held if nobody renews it from now on; zero once it is closed or lost; empty if time alone does
   * not end it. Local; costs no I/O.
   */
  public Optional<Duration> remaining() {
    if (endingByNow() != null) {
      return Optional.of(Duration.ZERO);
    }
    long left = nanosLeft();
    return left == Lease.NO_DEADLINE
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(Math.max(0, left)));
  }

  /**
   * Asks to be told, once, when {@link #remaining} has shrunk to {@code before}: renewal is failing, or {@code maxHold} is
   * near. Never called for a hold that was closed or lost first, nor if time alone does not end the hold. Where a lease is
   * renewed, {@code before} is to be shorter than what is left at a renewal (a little more than half of the lease), or a healthy
   * hold is called at risk.
   *
   * @param before how long before the end; more than zero, at most 365 days
   * @throws InvalidRequestException if {@code before} is outside these bounds
   */
  public void onAtRisk(Duration before, Consumer<? super Hold> callback) {
    Durations.requireBetween("AT_RISK", "before", before, Duration.ofNanos(1), Durations.LONGEST);
    Objects.requireNonNull(callback, "callback");
    new DeadlineWatch(this, before.toNanos(), callback).start();
  }

  /**
   * Lets the hold last only as long as a condition says yes: that the work it is for still gets on,
   * for one. The condition is asked now and then three times a {@link HoldOptions#leaseDuration};
   * when it has not said yes for that long, for it said no, threw, or did not return, the hold is
   * lost ({@link LossReason#EXPIRED}) and the lock given back. Of several conditions each must say
   * yes. {@link #remaining} knows nothing of it.
   *
   * @param condition asked on the client's executor, never twice at a time
   */
  public void heartbeatWhile(BooleanSupplier condition) {
    Objects.requireNonNull(condition, "condition");
    new Heartbeats(this, condition, lock.options().leaseDuration().toNanos()).start();
  }

  /** Asks to be told, once, if the hold is lost; at once if it is. */
  public void onLost(Consumer<? super LossReason> callback) {
    Objects.requireNonNull(callback, "callback");
    ended()
        .thenAccept(
            ending -> {
              if (ending instanceof Lost lost) {
                callBack(() -> callback.accept(lost.reason));
              }
            });
  }

  /** Completes with the reason if the hold is lost; never if it is closed in time. The same stage each time. */
  public CompletionStage<LossReason> lost() {
    CompletionStage<LossReason> existing = lost;
    if (existing == null) {
      CompletableFuture<LossReason> made = new CompletableFuture<>();
      onLost(made::complete);
      existing = made.minimalCompletionStage();
      lost = existing; // two threads at once make two, both of which complete
    }
    return existing;
  }

  /**
   * Gives the lock back and waits until the store has done so. Closing a second time does nothing.
   *
   * @throws HoldLostException if the hold was lost and neither {@link #checkHeld} nor an earlier {@code close} has thrown it:
   *     a {@code try} block whose lock was lost does not end as if it had been held throughout
   * @throws UncertainOutcomeException if the store did not answer; there the lock ends with its lease
   */
  @Override
  public void close() {
    CompletableFuture<Void> closing = end(true);
    try {
      closing.join();
    } catch (CompletionException e) {
      throw DistributedLock.unwrap(e);
    }
  }

  /** Gives the lock back like {@link #close}, without waiting: what {@code close} would throw, the future fails with. */
  public CompletableFuture<Void> closeAsync() {
    CompletableFuture<Void> closing = end(false);
    if (closing.isDone()) {
      return closing;
    }
    // The thread that completes it may be the one that carries all answers of the store's: it shall
    // not run our user's
    // code.
    CompletableFuture<Void> result = new CompletableFuture<>();
    closing.whenComplete(
        (released, failure) ->
            lock.client()
                .handOverSurely(
                    () -> {
                      if (failure == null) {
                        result.complete(null);
                      } else {
                        result.completeExceptionally(cause(failure));
                      }
                    }));
    return result;
  }

  /** What failed, without what a stage after it has wrapped it in. */
  private static Throwable cause(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : null;
    return cause == null ? failure : cause;
  }

  private CompletableFuture<Void> end(boolean waits) {
    if (endingByNow() == null && end(Closed.CLOSED)) {
      return release(waits);
    }
    if (ending instanceof Lost lost && !lost.told) {
      return CompletableFuture.failedFuture(tell(lost));
    }
    return CompletableFuture.completedFuture(null);
  }

  /** A store that has nothing left to give back says so: then the lock was not held to the end. */
  private CompletableFuture<Void> release(boolean waits) {
    CompletableFuture<Void> released = waits ? lease.releaseHere() : lease.release();
    return released.isDone() && lease.lost().isEmpty()
        ? released
        : released.thenRun(
            () ->
                lease
                    .lost()
                    .ifPresent(
                        reason -> {
                          throw new HoldLostException(toString(), reason);
                        }));
  }

  /** What is held, with which token. */
  @Override
  public String toString() {
    return lock.client().capabilities().contains(Capability.FENCING)
        ? targets() + " token=" + token()
        : targets().toString();
  }

  /** Completes when the hold ends, either way, in the thread that ends it. */
  CompletableFuture<Ending> ended() {
    if (ended == null) {
      ENDED.compareAndSet(this, null, new CompletableFuture<>());
    }
    CompletableFuture<Ending> published = Objects.requireNonNull(ended);
    Ending over = ending;
    if (over != null) {
      published.complete(over);
    }
    return published;
  }

  /** {@link #close} that throws a loss even if the user has been told of it. */
  void closeOrThrowLoss() {
    if (endingByNow() instanceof Lost lost) {
      throw tell(lost);
    }
    close();
  }

  boolean hasEnded() {
    return ending != null;
  }

  boolean wasLost() {
    return ending instanceof Lost;
  }

  /**
   * How the hold has ended; null while it is held. A loss that the store knows of ends it here and now, though the listener
   * is yet to be told. So does a deadline that has passed, and a renewal that arrives later changes nothing.
   */
  private @Nullable Ending endingByNow() {
    if (ending == null) {
      lease.lost().ifPresent(this::lose);
    }
    if (ending == null && nanosLeft() <= 0) {
      lose(LossReason.EXPIRED);
    }
    return ending;
  }

  /** Loses it though its lease still runs, and gives the lock back. */
  void expire() {
    if (endingByNow() == null && end(new Lost(LossReason.EXPIRED))) {
      CompletableFuture<Void> unused = lease.release(); // if it fails, the lease ends by itself
    }
  }

  private void lose(LossReason reason) {
    end(new Lost(reason));
  }

  private boolean end(Ending how) {
    if (!ENDING.compareAndSet(this, null, how)) {
      return false;
    }
    CompletableFuture<Ending> waiting = ended;
    if (waiting != null) {
      waiting.complete(how);
    }
    return true;
  }

  private HoldLostException tell(Lost lost) {
    lost.told = true;
    return new HoldLostException(toString(), lost.reason);
  }

  /** Until the deadline as it stands now; {@link Lease#NO_DEADLINE} if there is none. */
  long nanosLeft() {
    long deadline = lease.deadlineNanos();
    return deadline == Lease.NO_DEADLINE ? Lease.NO_DEADLINE : deadline - ticker().holderNanos();
  }

  Ticker ticker() {
    return lock.client().ticker();
  }

  void callBack(Runnable callback) {
    lock.client().callBack(callback);
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // a class literal has no type argument
  private static AtomicReferenceFieldUpdater<Hold, CompletableFuture<Ending>> endedUpdater() {
    return (AtomicReferenceFieldUpdater)
        AtomicReferenceFieldUpdater.newUpdater(Hold.class, CompletableFuture.class, "ended");
  }

  /** How a hold ended. */
  sealed interface Ending {}

  /** By its user. */
  private enum Closed implements Ending {
    CLOSED
  }

  /** Against its user's will. */
  private static final class Lost implements Ending {
    private final LossReason reason;
    private volatile boolean told;

    private Lost(LossReason reason) {
      this.reason = reason;
    }
  }
}
