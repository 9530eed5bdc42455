package io.holdfast.spi;

import io.holdfast.HoldOptions;
import io.holdfast.LockTarget;
import java.util.List;

/**
 * What a client asks of a store.
 *
 * @param targets at least one; a key may stand in it more than once, its modes then combine
 * @param maxWaitNanos how long to wait; 0 to answer at once, and never to stand in line
 * @param options how the lock shall be held
 * @param callerThread the id of the thread that will wait for the answer, 0 if none will. A store that sees that this very
 *     thread holds what it is about to wait for says so, for locks are not reentrant. It is no part of who holds a lock.
 */
public record AcquireRequest(
    List<LockTarget> targets, long maxWaitNanos, HoldOptions options, long callerThread) {
  /** The {@link #maxWaitNanos} of {@code acquire()}, which was given no bound: 365 days. */
  public static final long LONGEST_WAIT_NANOS = 365L * 24 * 60 * 60 * 1_000_000_000;
}
