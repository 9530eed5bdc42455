package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * One thing that a client, an operator or the run itself saw, and when. A history of these is all that {@link
 * HistoryChecker} knows: it judges what users can see, not what a store thinks of itself.
 *
 * <p>All times of a history are readings of one monotonic clock. What is about to be asked of a store is stamped before it is
 * asked ({@code Asked}, {@code Releasing}), what was learned from it is stamped after ({@code Acquired}, {@code Released}):
 * so what the store did lies surely between the two.
 *
 * <p>A {@code request} is a number that is unique in the history; everything that becomes of one wish to acquire carries it.
 * A {@code client} is one session: who comes back with a new session is a new client.
 */
public sealed interface HistoryEvent {
  /** When; a reading of the history's clock. */
  long atNanos();

  /** What became of one request. */
  sealed interface OfRequest extends HistoryEvent {
    /** Which request; unique in the history. */
    long request();
  }

  /** What became of one client, and with it of all its requests. */
  sealed interface OfClient extends HistoryEvent {
    /** Which client; one session. */
    String client();
  }

  /**
   * A client is about to ask for targets as one.
   *
   * @param maxWait its patience, as given to {@code acquire}; zero for one that never waits
   * @param maxHold the longest it may hold what it is granted; empty if there is no such bound
   */
  record Asked(
      long atNanos,
      long request,
      String client,
      List<LockTarget> targets,
      Duration maxWait,
      Optional<Duration> maxHold)
      implements OfRequest, OfClient {
    /** Copies the list. */
    public Asked {
      targets = List.copyOf(targets);
    }
  }

  /** The store has said, or shown, that the request stands in line. From here on later requests must not overtake it. */
  record Queued(long atNanos, long request) implements OfRequest {}

  /**
   * The client has the lock in hand.
   *
   * @param token the fencing token; 0 if the store keeps none
   */
  record Acquired(long atNanos, long request, long token) implements OfRequest {}

  /** The client is about to leave the line of its own accord: by cancelling a future, by interrupting a thread. */
  record Cancelling(long atNanos, long request) implements OfRequest {}

  /** The request is over without a grant, for certain. */
  record GaveUp(long atNanos, long request, Why why) implements OfRequest {}

  /**
   * What was asked last for this request, the lock or its release, will never be answered: the client cannot know whether it
   * was carried out, and does nothing more about it.
   */
  record Unknown(long atNanos, long request) implements OfRequest {}

  /**
   * A moment at which the holder believed it held the lock, and touched what the lock guards. The time must be read
   * <em>before</em> {@code isHeld()} is asked; see {@link HistoryRecorder#used}.
   */
  record Used(long atNanos, long request) implements OfRequest {}

  /**
   * A resource that fences decided on a write.
   *
   * @param atNanos when it decided; stamped by the resource, which decides on one write at a time
   * @param resource which one
   * @param token what the holder handed it
   * @param accepted whether it took the write
   */
  record Wrote(long atNanos, long request, String resource, long token, boolean accepted)
      implements OfRequest {}

  /** The holder is about to give the lock back. */
  record Releasing(long atNanos, long request) implements OfRequest {}

  /** The store has answered that the lock was given back. */
  record Released(long atNanos, long request) implements OfRequest {}

  /** The holder was told that it lost the lock. */
  record Lost(long atNanos, long request, LossReason reason) implements OfRequest {}

  /** An operator is about to take a grant away. */
  record Revoking(long atNanos, LockKey key, long token) implements HistoryEvent {}

  /** The store has answered that it took this grant away. */
  record Revoked(long atNanos, LockKey key, long token) implements HistoryEvent {}

  /**
   * The store has heard from the client, and the client knows.
   *
   * @param atNanos when the renewal was <em>sent</em>: the lease counts from there at the earliest
   */
  record SessionRenewed(long atNanos, String client) implements OfClient {}

  /** The store has given up on the client. Only a run that looks into the store, such as the simulation, can tell. */
  record SessionExpired(long atNanos, String client) implements OfClient {}

  /** The client is about to close. */
  record ClientClosing(long atNanos, String client) implements OfClient {}

  /** The client has been closed, and the store has answered. */
  record ClientClosed(long atNanos, String client) implements OfClient {}

  /** The client was killed: it believes nothing and hears nothing from here on. */
  record ClientDied(long atNanos, String client) implements OfClient {}

  /** The run began to do harm. Until it stops, and a while after, nobody is blamed for being slow. */
  record FaultBegan(long atNanos, String what) implements HistoryEvent {}

  /** The run stopped doing this harm. */
  record FaultEnded(long atNanos, String what) implements HistoryEvent {}

  /** Anything else that a run wants to show did happen, such as {@code "leader changed"}. */
  record Happened(long atNanos, String what) implements HistoryEvent {}

  /** Why a request ended without a grant. */
  enum Why {
    /** Somebody else had the lock, and the request would not wait. */
    BUSY,
    /** Its patience was over. */
    TIMED_OUT,
    /** The client thought better of it. */
    CANCELLED,
    /** The store said no, or could not be asked. */
    REFUSED,
    /** The client was closed meanwhile, or before. */
    CLIENT_CLOSED
  }
}
