package io.holdfast;

/** Why a hold ended before it was closed. */
public enum LossReason {
  /** Its time ran out: the lease could not be renewed before its deadline, or {@code maxHold} was reached. */
  EXPIRED,
  /** It was taken away: by an operator with {@code forceRelease}, or by whoever else changed what the store had recorded. */
  REVOKED,
  /** The client's session ended, and its holds with it: the client was closed, or the store gave up on it. */
  SESSION_ENDED,
  /** The connection that carried the lock broke, and the store gives away what a connection held. */
  CONNECTION_LOST
}
