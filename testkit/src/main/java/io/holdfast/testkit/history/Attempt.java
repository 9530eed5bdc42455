package io.holdfast.testkit.history;

import io.holdfast.LossReason;
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
    events.add(asked);
  }

  boolean wasAcquired() {
    return acquiredAt != NEVER;
  }

  boolean wasLost() {
    return lostAt != NEVER;
  }

  /** Whether what was unknown is the grant; otherwise it is the release. */
  boolean grantIsUnknown() {
    return unknownAt != NEVER && !wasAcquired();
  }

  /** When the client learned how its wish to acquire ended. */
  long answeredAt() {
    return Math.min(Math.min(acquiredAt, gaveUpAt), wasAcquired() ? NEVER : unknownAt);
  }

  /** When its patience is over, on the client's clock. */
  long deadline() {
    return plus(askedAt, nanos(asked.maxWait()));
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
    if (asked.maxHold().isPresent()) {
      from = Math.min(from, plus(askedAt, rules.atLeast(nanos(asked.maxHold().get()))));
    }
    if (rules.hasLease()) {
      return Math.min(from, session.lapsesAt(askedAt, rules.atLeast(rules.leaseNanos)));
    }
    from = Math.min(from, session.diedAt);
    if (lossReason == LossReason.CONNECTION_LOST || lossReason == LossReason.TAKEN) {
      return Math.min(
          from, Math.max(acquiredAt, lastUsedAt)); // the store knew first, and nobody saw when
    }
    return from;
  }

  /** The last moment at which the store may still have what it had granted, if all goes well. */
  long mustBeFreedBy(Rules rules) {
    long by =
        Math.min(
            Math.min(releasedAt, revokedAt),
            Math.min(session.closedAt, session.expiredFrom(askedAt)));
    if (wasLost()) {
      by = Math.min(by, plus(lostAt, outlivesLoss(rules)));
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
    if (lossReason == LossReason.REVOKED || lossReason == LossReason.TAKEN) {
      return 0;
    }
    return rules.hasLease() ? rules.atMost(rules.leaseNanos) : rules.livenessNanos;
  }

  /** Until when the holder surely believed that it held the lock. */
  long believedUntil(Rules rules) {
    boolean closedInTime = releasingAt != NEVER && !wasLost() && !rules.pauses;
    long until = closedInTime ? releasingAt : Math.max(acquiredAt, lastUsedAt);
    return Math.min(
        until, revokingAt); // nothing can stop a holder from believing while it is being revoked
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
    if (!wasAcquired()) { // it may have been granted all the same, and been ended before anybody
      // knew
      from = Math.min(from, revokingAt);
      if (asked.maxHold().isPresent()) {
        from = Math.min(from, plus(askedAt, rules.atLeast(nanos(asked.maxHold().get()))));
      }
    }
    return rules.hasLease()
        ? Math.min(from, session.lapsesAt(askedAt, rules.atLeast(rules.leaseNanos)))
        : from;
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

  static long nanos(java.time.Duration duration) {
    return duration.toSeconds() > NEVER / 1_000_000_000 - 1 ? NEVER : duration.toNanos();
  }
}
