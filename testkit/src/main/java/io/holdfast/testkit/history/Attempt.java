package io.holdfast.testkit.history;

import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that became of one request. Times are nanoseconds since the first event of the history, {@link #NEVER} for what did
 * not happen.
 */
final class Attempt {
  static final long NEVER = Long.MAX_VALUE;

  final HistoryEvent.Asked asked;
  final Session session;
  final List<HistoryEvent> events = new ArrayList<>(6);

  final long askedAt;
  long queuedAt = NEVER;
  long acquiredAt = NEVER;
  long cancellingAt = NEVER;
  long gaveUpAt = NEVER;
  long unknownAt = NEVER;
  long releasingAt = NEVER;
  long releasedAt = NEVER;
  long lostAt = NEVER;

  /**
   * When somebody began to take the grant away, and when the store said it had. Of a request that was not acquired: when
   * somebody began to take away a grant of one of its keys that nobody knows.
   */
  long revokingAt = NEVER;

  long revokedAt = NEVER;

  /** The first moment at which the store can have granted it, if it did. Where tokens do not tell, when it was asked. */
  long grantedFrom;

  /** Whether the run did harm, or was still getting over it, when the holder learned of its loss. */
  boolean lostInDisturbance;

  /** -1 if never. */
  long lastUsedAt = -1;

  /** 0 if none is known. */
  long token;

  HistoryEvent.@Nullable Why why;
  @Nullable LossReason lossReason;

  Attempt(HistoryEvent.Asked asked, Session session, long askedAt) {
    this.asked = asked;
    this.session = session;
    this.askedAt = askedAt;
    this.grantedFrom = askedAt;
    events.add(asked);
  }

  boolean wasAcquired() {
    return acquiredAt != NEVER;
  }

  boolean wasLost() {
    return lostAt != NEVER;
  }

  /** When the client learned how its wish to acquire ended. */
  long answeredAt() {
    return Math.min(Math.min(acquiredAt, gaveUpAt), wasAcquired() ? NEVER : unknownAt);
  }

  /** When a {@code maxHold} that counts from there may be over, {@link #NEVER} if there is no such bound. */
  private long maxHoldOverFrom(long grantedAt, Rules rules) {
    return plus(grantedAt, rules.atLeast(maxHoldNanos()));
  }

  long maxHoldNanos() {
    return asked.maxHold().map(Attempt::nanos).orElse(NEVER);
  }

  /**
   * The first moment at which the store may rightly have freed what it had granted: somebody had asked it to, or time
   * allowed it.
   */
  long mayBeFreedFrom(Rules rules) {
    long from =
        Math.min(
            Math.min(releasingAt, revokingAt),
            Math.min(session.closingAt, session.expiredFrom(askedAt)));
    from = Math.min(from, maxHoldOverFrom(grantedFrom, rules));
    if (lossReason == LossReason.EXPIRED) {
      // Who judges by its own clock that its time is over gives back before the store would end it.
      // That it did not judge so too early is for LifecycleCheck to say.
      from = Math.min(from, Math.max(acquiredAt, lastUsedAt));
    }
    if (rules.hasLease()) {
      return Math.min(from, session.lapsesAt(askedAt, rules));
    }
    from = Math.min(from, session.diedAt);
    // Of what a fault took the store knew first, and nobody saw when.
    boolean byFault = lossReason == LossReason.CONNECTION_LOST;
    return byFault && lostInDisturbance ? Math.min(from, Math.max(acquiredAt, lastUsedAt)) : from;
  }

  /** The last moment at which the store may still have what it had granted, if all goes well. */
  long mustBeFreedBy(Rules rules) {
    long by =
        Math.min(
            Math.min(releasedAt, isRevokedAtOnce(rules) ? revokedAt : NEVER),
            Math.min(session.closedAt, session.expiredFrom(askedAt)));
    if (wasLost()) {
      by = Math.min(by, plus(lostAt, outlivesLoss(rules)));
    }
    if (wasAcquired()) {
      long longest = plus(rules.atMost(maxHoldNanos()), rules.livenessNanos);
      by = Math.min(by, plus(acquiredAt, longest));
    }
    if (rules.hasLease()) {
      long lease = rules.atMost(rules.leaseNanos);
      by = Math.min(by, plus(unknownAt, lease));
      by = Math.min(by, plus(session.diedAt, lease));
    }
    return by;
  }

  /**
   * For how long the store may still have what its holder knows to be lost. What somebody took away was gone before the
   * holder heard of it; any other loss is the holder's to know first.
   */
  private long outlivesLoss(Rules rules) {
    if (lossReason == LossReason.REVOKED && isRevokedAtOnce(rules)) {
      return 0;
    }
    return rules.hasLease() ? rules.atMost(rules.leaseNanos) : rules.livenessNanos;
  }

  /** Whether nothing of it is left once the store has said that it was taken away. */
  private boolean isRevokedAtOnce(Rules rules) {
    return rules.revokesAsOne
        || asked.targets().stream().map(LockTarget::key).distinct().count() == 1;
  }

  /** Until when the holder surely believed that it held the lock. */
  long believedUntil(Rules rules) {
    boolean closedInTime = releasingAt != NEVER && !wasLost() && !rules.pauses;
    long until = closedInTime ? releasingAt : Math.max(acquiredAt, lastUsedAt);
    // Nothing can stop a holder from believing while it is being revoked.
    return Math.min(until, revokingAt);
  }

  /** The first moment at which it may rightly have left the line. */
  long mayLeaveLineFrom(Rules rules) {
    long from =
        Math.min(
            Math.min(answeredAt(), cancellingAt),
            plus(askedAt, rules.atLeast(nanos(asked.maxWait()))));
    from =
        Math.min(
            from,
            Math.min(session.closingAt, Math.min(session.diedAt, session.expiredFrom(askedAt))));
    from = Math.min(from, endedUnseenFrom(rules));
    return rules.hasLease() ? Math.min(from, session.lapsesAt(askedAt, rules)) : from;
  }

  /** The first moment at which it may have been granted, and that have been ended, before its client knew of it. */
  long endedUnseenFrom(Rules rules) {
    return Math.min(revokingAt, maxHoldOverFrom(grantedFrom, rules));
  }

  /** When nobody is left who waits for an answer. */
  long over() {
    return Math.min(
        answeredAt(),
        Math.min(session.closingAt, Math.min(session.diedAt, session.expiredFrom(askedAt))));
  }

  @Override
  public String toString() {
    String who = "request " + asked.request() + " of " + asked.client();
    return token > 0 ? who + " (token " + token + ")" : who;
  }

  static long plus(long at, long nanos) {
    return at > NEVER - nanos ? NEVER : at + nanos;
  }

  static long nanos(Duration duration) {
    return duration.toSeconds() > NEVER / 1_000_000_000 - 1 ? NEVER : duration.toNanos();
  }
}
