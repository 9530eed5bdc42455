package io.holdfast.simulation;

import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a client asked for, from being asked until nothing is left to be said about it. Changed by {@link ClientCore}
 * only.
 */
final class ClientRequest {
  enum State {
    /** Sent, again and again; nothing has come back. */
    ASKED,
    /** The server said that it stands in line. */
    WAITING,
    /** Granted, and nothing to the contrary known. */
    HELD,
    /** The application has been told that it is over; the server is being asked to forget it, until it says it has. */
    CANCELLING,
    /** The hold is being given back, until the server says it has been. */
    RELEASING,
    /** Over on both sides. */
    ENDED
  }

  /** Why a request ended without a grant that its application got to see. */
  enum Ending {
    /** It would not wait. */
    BUSY,
    /** Its patience was over. */
    TIMED_OUT,
    /** The application thought better of it. */
    CANCELLED,
    /** No answer came in time, or what was granted was over before that was known. */
    REFUSED,
    /** The client was closed. */
    CLOSED
  }

  /** The application. Called once for each thing, and never in the middle of a call to the client. */
  interface Listener {
    /** It stands in line. */
    void queued();

    /** It holds. */
    void granted();

    /** It is over; nothing is held. */
    void gaveUp(Ending ending);

    /** It was held, and is no more. */
    void lost(LossReason reason);

    /** It was given back. */
    void released();

    /** It is over; what became of the request, or of its release, will never be known. */
    void unknown();
  }

  private final long id;
  private final List<LockTarget> targets;
  final boolean mayWait;
  final long maxHoldNanos;
  final Listener listener;

  State state = State.ASKED;
  long sentAtNanos;

  /** 0 until it is granted. */
  long token;

  /** When {@code maxHold} ends in table time. */
  long until = Command.FOREVER;

  /** The same on the client's clock, so early that it surely is not later. */
  long deadlineNanos = Long.MAX_VALUE;

  /** The application knows that it is over; it is being given back all the same. */
  boolean lost;

  Ticker.@Nullable Alarm patience;

  ClientRequest(
      long id, List<LockTarget> targets, boolean mayWait, long maxHoldNanos, Listener listener) {
    this.id = id;
    this.targets = targets;
    this.mayWait = mayWait;
    this.maxHoldNanos = maxHoldNanos;
    this.listener = listener;
  }

  long id() {
    return id;
  }

  List<LockTarget> targets() {
    return targets;
  }

  long token() {
    return token;
  }

  @Override
  public String toString() {
    return "request " + id + " of " + targets + ", token " + token + ", " + state;
  }
}
