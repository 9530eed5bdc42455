package io.holdfast.remote.internal;

import io.holdfast.LossReason;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a client asked for, from being asked until nothing is left to be said about it. Changed by its {@link SessionCore}
 * only; {@link #deadlineNanos} and {@link #token} may be read by any thread that was handed the grant.
 */
public final class ClientRequest {
  enum State {
    /** Asked, or about to be; nothing has come back. */
    ASKED,
    /** The server said that it stands in line. */
    WAITING,
    /** Granted, and nothing to the contrary known. */
    HELD,
    /** Its asker has left; the server is being asked to forget it, until it says it has. */
    CANCELLING,
    /** The hold is being given back, until the server says it has been. */
    RELEASING,
    /** Over on both sides. */
    ENDED
  }

  /** What an asker who ran out of patience is to be told when the server has had its chance to name the holders. */
  enum Farewell {
    /** Nothing: it has been told, or left by itself. */
    SAID,
    /** Out of patience, in line or not: it was busy. */
    TIMED_OUT,
    /** The server was asked and never answered. */
    UNANSWERED
  }

  /** The asker. Called by the core, once for each thing; it must not call the core in return. */
  public interface Listener {
    /**
     * It stands in line.
     *
     * @param behindOwn holds of the same session that it waits for
     */
    void queued(List<Listener> behindOwn);

    /** It holds. */
    void granted(ClientRequest request);

    /** Its patience is over, or it had none; it stands in line no longer. */
    void busy(List<Holder> holders);

    /** The server will not have it; nothing has changed there. */
    void refused(Error error);

    /** Its patience ended before any server could be asked. */
    void neverAsked();

    /** Its session ended before any server could be asked: it may be asked again, in another session. */
    void orphaned();

    /** What became of it, or of giving it back, will never be known. */
    void uncertain(String why);

    /** It was held, and is no more. */
    void lost(LossReason reason);

    /** It was given back. */
    void released();

    /** The client was closed. */
    void closed();
  }

  final long id;
  final Wish wish;
  final Listener listener;
  final SessionCore session;

  State state = State.ASKED;
  Farewell farewell = Farewell.SAID;

  /** Some server was told of it. */
  boolean wasSent;

  long firstSentAtNanos;

  /** Sent on the stream there is now, and not answered. */
  boolean isAwaited;

  long sentAtNanos;

  /** The holder has been told that it is over, or never knew; it is given back all the same. */
  boolean isSilent;

  /** A refusal says: not now. It is sent again after a rest, and until then nothing is awaited. */
  boolean isResting;

  private volatile long token;

  /** When {@code maxHold} ends in table time; {@link Lease#NO_DEADLINE} without one. */
  long until = Lease.NO_DEADLINE;

  /** The same on the client's clock, so early that it surely is not later. */
  private volatile long limitNanos = Lease.NO_DEADLINE;

  /** Ends its asker's patience, then the wait for a farewell or for the answer to its release. */
  Ticker.@Nullable Alarm patience;

  Ticker.@Nullable Alarm limit;

  ClientRequest(long id, Wish wish, Listener listener, SessionCore session) {
    this.id = id;
    this.wish = wish;
    this.listener = listener;
    this.session = session;
  }

  /** Its number in its session. */
  public long id() {
    return id;
  }

  /** The session that it was made in. */
  public SessionCore session() {
    return session;
  }

  /** 0 until it is granted. */
  public long token() {
    return token;
  }

  /** When its right surely still stands until, unless renewed. */
  public long deadlineNanos() {
    long lease = session.leaseDeadlineNanos();
    long limited = limitNanos;
    return limited == Lease.NO_DEADLINE || lease - limited < 0 ? lease : limited;
  }

  /** Whether it surely holds, as far as is known; the {@linkplain #deadlineNanos deadline} has to be looked at besides. */
  public boolean isHeld() {
    return state == State.HELD;
  }

  boolean isUnanswered() {
    return state == State.ASKED || state == State.CANCELLING || state == State.RELEASING;
  }

  void granted(long token) {
    this.token = token;
  }

  long limitNanos() {
    return limitNanos;
  }

  void limitAt(long nanos) {
    limitNanos = nanos;
  }

  void cancelAlarms() {
    if (patience != null) {
      patience.cancel();
      patience = null;
    }
    if (limit != null) {
      limit.cancel();
      limit = null;
    }
  }

  @Override
  public String toString() {
    return "request " + id + ", token " + token + ", " + state;
  }
}
