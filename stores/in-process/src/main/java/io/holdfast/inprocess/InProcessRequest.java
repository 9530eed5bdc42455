package io.holdfast.inprocess;

import io.holdfast.LossReason;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.Refusal;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A request of this process, from being asked until it ends: the future of its answer and, once granted, the lease.
 *
 * <p>{@link #note} runs under the mutex of the locks and only writes down; what it returns is run after, and tells. Since
 * others may note in between, a teller that goes by {@code state} asks for it again, with the mutex.
 */
final class InProcessRequest extends CompletableFuture<AcquireOutcome> implements Lease {
  private enum State {
    /** Stands in line, or is about to. */
    WAITING,
    /** Was granted. */
    HELD,
    /** Is in the table no longer. */
    ENDED
  }

  /** What {@link #note} returns when there is nobody to tell. */
  static final Runnable NOTHING = () -> {};

  private final InProcessLocks locks;
  private final InProcessSession session;

  private final AcquireRequest asked;

  /** Its number in the table; set, with the mutex held, before anybody else sees it. */
  long id;

  /** Guarded by the mutex. */
  private State state = State.WAITING;

  private long token;
  private long deadlineNanos = NO_DEADLINE;
  private volatile @Nullable LossReason lost;
  private volatile @Nullable Consumer<LossReason> listener;

  private volatile Ticker.@Nullable Alarm patience;
  private volatile Ticker.@Nullable Alarm expiry;

  InProcessRequest(InProcessLocks locks, InProcessSession session, AcquireRequest asked) {
    this.locks = locks;
    this.session = session;
    this.asked = asked;
  }

  /** The thread that waits for the answer; 0 if none does. */
  long callerThread() {
    return asked.callerThread();
  }

  boolean waitsWithoutBound() {
    return asked.maxWaitNanos() == AcquireRequest.LONGEST_WAIT_NANOS;
  }

  /** With the mutex held, like its siblings. */
  boolean isWaiting() {
    return state == State.WAITING;
  }

  boolean isHeld() {
    return state == State.HELD;
  }

  boolean isEnded() {
    return state == State.ENDED;
  }

  long session() {
    return session.id();
  }

  @Override
  public String toString() {
    return asked.targets().toString();
  }

  Command.Acquire toCommand(long now) {
    Optional<Duration> maxHold = asked.options().maxHold();
    long maxHoldNanos = maxHold.isPresent() ? maxHold.get().toNanos() : Command.FOREVER;
    boolean mayWait = asked.maxWaitNanos() > 0;
    // Acknowledged with the asking: within a process nothing is lost on the way, and nothing is
    // sent twice.
    return new Command.Acquire(
        now, session.id(), id, id, mayWait, asked.targets(), asked.options().data(), maxHoldNanos);
  }

  /** Writes down what the table says of this request. With the mutex held. */
  Runnable note(Event event) {
    if (event instanceof Event.Granted granted) {
      state = State.HELD;
      token = granted.token();
      deadlineNanos =
          granted.until() == Command.FOREVER ? NO_DEADLINE : locks.nanos(granted.until());
      return this::handOver;
    }
    if (event instanceof Event.Queued) {
      return this::limitPatience;
    }
    if (event instanceof Event.Refused refused && refused.reason() != Refusal.UNKNOWN_SESSION) {
      return NOTHING; // a timer that came too early, or a release that came second: nothing has
      // changed
    }
    state = State.ENDED;
    if (event instanceof Event.Lost loss) {
      lost = loss.reason();
      return this::tellLoss;
    }
    if (event instanceof Event.Busy busy) {
      return () -> complete(new AcquireOutcome.Busy(locks.holders(busy.holders()), ""));
    }
    if (event instanceof Event.Released) {
      Ticker.Alarm set = expiry;
      return set == null ? NOTHING : set::cancel;
    }
    // Cancelled, or Refused for there is no such session: whoever gave up has completed the answer,
    // or the client is closed.
    return () -> {
      cancel(patience);
      completeExceptionally(session.closed());
    };
  }

  /** Leaves the line; what was granted and not yet handed over is given back. */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    if (cancelled) {
      locks.cancel(this);
    }
    return cancelled;
  }

  @Override
  public long token() {
    return token;
  }

  @Override
  public long deadlineNanos() {
    return deadlineNanos == NO_DEADLINE ? NO_DEADLINE : locks.holderNanos(deadlineNanos);
  }

  @Override
  public Optional<LossReason> lost() {
    return Optional.ofNullable(lost);
  }

  @Override
  public CompletableFuture<Void> release() {
    locks.release(this);
    return InProcessLocks.DONE;
  }

  @Override
  public void whenLost(Consumer<LossReason> listener) {
    this.listener =
        listener; // before `lost` is read, as the other side writes `lost` before it reads this
    LossReason reason = lost;
    if (reason != null) {
      listener.accept(reason);
    }
  }

  private void handOver() {
    cancel(patience);
    if (deadlineNanos != NO_DEADLINE) {
      Ticker.Alarm set = alarm(deadlineNanos, () -> locks.expire(this));
      expiry = set;
      if (!locks.read(this::isHeld)) {
        set.cancel();
      }
    }
    if (!complete(new AcquireOutcome.Granted(this))) {
      locks.cancel(this);
    }
  }

  private void limitPatience() {
    long deadline = locks.ticker().nanos() + asked.maxWaitNanos();
    Ticker.Alarm set = alarm(deadline, () -> locks.timeOut(this));
    patience = set;
    if (!locks.read(this::isWaiting)) {
      set.cancel();
    }
  }

  /** Sets an alarm; a request that cannot have one fails, rather than wait or hold without a bound. */
  private Ticker.Alarm alarm(long deadline, Runnable task) {
    try {
      return locks.ticker().schedule(deadline, task);
    } catch (RuntimeException | Error e) {
      completeExceptionally(e);
      locks.cancel(this);
      throw e;
    }
  }

  private void tellLoss() {
    cancel(expiry);
    Consumer<LossReason> told = listener;
    LossReason reason = lost;
    if (told != null && reason != null) {
      told.accept(reason);
    }
  }

  private static void cancel(Ticker.@Nullable Alarm alarm) {
    if (alarm != null) {
      alarm.cancel();
    }
  }
}
