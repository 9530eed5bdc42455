package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import java.util.List;

/** What a client or an operator sends to a server. May be lost, come twice, and overtake others. */
sealed interface ToServer {
  /** A message of an open session. */
  sealed interface OfSession extends ToServer {
    long session();
  }

  /**
   * Wishes for a session.
   *
   * @param nonce the client's own number for this wish; comes back in the answer
   */
  record Open(String client, long nonce) implements ToServer {}

  /**
   * A sign of life.
   *
   * @param number comes back in the answer, and tells which heartbeat was answered
   * @param requests those that the client believes to wait or hold
   */
  record Heartbeat(long session, long number, List<Named> requests) implements OfSession {}

  /** A request by its number and one of its keys. */
  record Named(long request, LockKey key) {}

  record Acquire(
      long session,
      long request,
      long acknowledged,
      boolean mayWait,
      List<LockTarget> targets,
      long maxHoldNanos)
      implements OfSession {}

  record Cancel(long session, long request) implements OfSession {}

  record Release(long session, long request, long token) implements OfSession {}

  record Close(long session) implements OfSession {}

  /** An operator wants to know who holds a key. */
  record Describe(LockKey key) implements ToServer {}

  /** An operator takes a hold away. */
  record Revoke(LockKey key, long token) implements ToServer {}
}
