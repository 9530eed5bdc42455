package io.holdfast.testkit.history;

import io.holdfast.LossReason;

/**
 * One request, one fate: one token however often it is answered (P9), one end of its wait (P10), nothing for a client that is
 * closed or was given up (P11), and a loss that is told once, in time, and never without a cause (P12).
 */
final class LifecycleCheck {
  private final Timeline timeline;
  private final Rules rules;
  private final Report report;

  LifecycleCheck(Timeline timeline, Rules rules, Report report) {
    this.timeline = timeline;
    this.rules = rules;
    this.report = report;
  }

  void run() {
    for (Attempt attempt : timeline.attempts()) {
      checkEnds(attempt);
      checkUses(attempt);
      checkClient(attempt);
      if (attempt.wasLost()) {
        checkCause(attempt);
      }
      checkTold(attempt);
    }
    timeline.sessions().forEach(this::checkSession);
  }

  private void checkEnds(Attempt attempt) {
    HistoryEvent ended = null;
    HistoryEvent holdEnded = null;
    boolean releasing = false;
    boolean asked = false;
    for (HistoryEvent event : attempt.events) {
      if (event instanceof HistoryEvent.Asked) {
        if (asked) {
          report.add("P10", attempt + " was asked twice", attempt);
        }
        asked = true;
      } else if (event instanceof HistoryEvent.Queued) {
        if (attempt.asked.maxWait().isZero()) {
          report.add("P10", attempt + " would not wait, and yet it stood in line", attempt);
        }
      } else if (event instanceof HistoryEvent.Acquired again
          && ended instanceof HistoryEvent.Acquired first) {
        if (again.token() != first.token()) {
          report.add(
              "P9",
              "request "
                  + first.request()
                  + " was granted twice, with token "
                  + first.token()
                  + " and "
                  + again.token(),
              attempt);
        }
      } else if (event instanceof HistoryEvent.Acquired
          || event instanceof HistoryEvent.GaveUp
          || (event instanceof HistoryEvent.Unknown && !releasing)) {
        if (event instanceof HistoryEvent.GaveUp gaveUp) {
          checkWhy(attempt, gaveUp);
        }
        if (ended != null) {
          report.add("P10", endedTwice(attempt, ended, event), attempt);
        }
        ended = event;
      } else if (event instanceof HistoryEvent.Releasing
          || event instanceof HistoryEvent.Released) {
        releasing |= event instanceof HistoryEvent.Releasing;
        if (!(ended instanceof HistoryEvent.Acquired) || !releasing) {
          report.add(
              "P10",
              attempt + " was released before it was acquired or asked to be released",
              attempt);
        }
        if (event instanceof HistoryEvent.Released) {
          if (holdEnded != null) {
            report.add("P10", endedTwice(attempt, holdEnded, event), attempt);
          }
          holdEnded = event;
        }
      } else if (event instanceof HistoryEvent.Lost) {
        if (!(ended instanceof HistoryEvent.Acquired)) {
          report.add("P12", attempt + " was lost before it was acquired", attempt);
        } else if (holdEnded != null) {
          report.add("P12", endedTwice(attempt, holdEnded, event), attempt);
        }
        holdEnded = event;
      }
    }
    long closed = attempt.session.closedAt;
    if (ended == null
        && closed != Attempt.NEVER
        && Attempt.plus(closed, rules.livenessNanos) < timeline.end()) {
      report.add("P10", attempt + " never ended, though its client was closed", attempt);
    }
  }

  /** Nobody is told an end that nothing has brought about. */
  private void checkWhy(Attempt attempt, HistoryEvent.GaveUp gaveUp) {
    long at = timeline.at(gaveUp);
    Session session = attempt.session;
    boolean hasCause =
        switch (gaveUp.why()) {
          case BUSY -> attempt.asked.maxWait().isZero();
          case TIMED_OUT -> true; // whether it was time, P14 says
          case CANCELLED -> attempt.cancellingAt <= at;
          case CLIENT_CLOSED ->
              session.closingAt <= at || session.expiredFrom(attempt.askedAt) <= at;
          case REFUSED ->
              timeline.disturbance().touches(attempt.askedAt, at + 1)
                  || session.expiredFrom(attempt.askedAt) <= at
                  || attempt.endedUnseenFrom(rules) <= at;
        };
    if (!hasCause) {
      report.add(
          "P10",
          attempt
              + " was told "
              + gaveUp.why()
              + (gaveUp.why() == HistoryEvent.Why.BUSY
                  ? ", but it was willing to wait"
                  : ", but nothing had happened that could be the cause"),
          attempt);
    }
  }

  private void checkUses(Attempt attempt) {
    if (attempt.lastUsedAt < 0) {
      return;
    }
    if (attempt.lastUsedAt < attempt.acquiredAt) {
      report.add("P3", attempt + " was used before it was acquired", attempt);
    }
    if (attempt.lastUsedAt > Math.min(attempt.releasedAt, attempt.lostAt)) {
      report.add(
          "P3",
          attempt + " believed that it held the lock after it had been released or lost",
          attempt);
    }
    if (attempt.lastUsedAt > attempt.session.closedAt) {
      report.add(
          "P11", attempt + " believed that it held the lock after its client was closed", attempt);
    }
    if (attempt.lastUsedAt > attempt.session.expiredFrom(attempt.askedAt)) {
      report.add(
          "P3",
          attempt + " believed that it held the lock after the store had given up on its client",
          attempt);
    }
  }

  private void checkClient(Attempt attempt) {
    Session session = attempt.session;
    if (!attempt.wasAcquired()) {
      return;
    }
    if (attempt.acquiredAt > session.closedAt || attempt.askedAt > session.closingAt) {
      report.add("P11", attempt + " was granted to a client that had been closed", attempt);
    }
    if (attempt.askedAt > session.expiredAt()
        || timeline.disturbance().calmNanos(session.expiredAt(), attempt.acquiredAt)
            > rules.livenessNanos) {
      report.add("P11", attempt + " was granted to a client that the store had given up", attempt);
    }
  }

  private void checkSession(Session session) {
    if (session.wasExpired() && session.lastRenewalBy(Attempt.NEVER) > session.expiredAt()) {
      report.add(
          "P11", "client " + session.client + " was renewed after the store had given up on it");
    }
  }

  private void checkCause(Attempt attempt) {
    LossReason reason = attempt.lossReason;
    if (reason == null) {
      return;
    }
    Session session = attempt.session;
    boolean leaseOver =
        rules.hasLease()
            && withMargin(attempt.lostAt, rules.leaseNanos)
                >= session.lapsesAt(attempt.askedAt, rules);
    boolean hasCause =
        switch (reason) {
          case REVOKED -> attempt.revokingAt <= attempt.lostAt;
          case EXPIRED -> leaseOver || maxHoldOver(attempt);
          case SESSION_ENDED ->
              session.closingAt <= attempt.lostAt
                  || session.expiredFrom(attempt.askedAt) <= attempt.lostAt
                  || leaseOver;
          case CONNECTION_LOST -> leaseOver || attempt.lostInDisturbance;
        };
    if (!hasCause) {
      report.add(
          "P12",
          attempt + " was told " + reason + ", but nothing had happened that could be the cause",
          attempt);
    }
  }

  private boolean maxHoldOver(Attempt attempt) {
    long maxHold = attempt.maxHoldNanos();
    if (maxHold == Attempt.NEVER) {
      return false;
    }
    long over = Attempt.plus(attempt.grantedFrom, rules.atLeast(maxHold));
    if (!rules.hasLease() || rules.askingRenews) {
      return withMargin(attempt.lostAt, maxHold) >= over;
    }
    // Who compares clocks by heartbeats counts from the last one that was answered, as if it had
    // been there at once.
    return withMargin(attempt.lostAt, Attempt.plus(maxHold, rules.leaseNanos)) >= over
        || timeline.disturbance().touches(attempt.lostAt - rules.leaseNanos, attempt.lostAt + 1);
  }

  /** A holder believes less than the store, by a margin. A tenth of the span is more than any. */
  private static long withMargin(long lostAt, long span) {
    return Attempt.plus(lostAt, span == Attempt.NEVER ? 0 : span / 10);
  }

  private void checkTold(Attempt attempt) {
    if (!attempt.wasAcquired() || rules.pauses) {
      return;
    }
    checkToldSince(attempt, "revoked", Math.max(attempt.revokedAt, attempt.acquiredAt));
    checkToldSince(
        attempt,
        "given up with its client",
        Math.max(attempt.session.expiredFrom(attempt.askedAt), attempt.acquiredAt));
  }

  private void checkToldSince(Attempt attempt, String what, long since) {
    if (since == Attempt.NEVER) {
      return;
    }
    long over =
        Math.min(
            Math.min(attempt.lostAt, attempt.releasingAt),
            Math.min(attempt.session.closingAt, attempt.session.diedAt));
    long told = Math.min(over, timeline.end());
    if (timeline.disturbance().calmNanos(since, told) > rules.lossToldNanos) {
      report.add(
          "P12",
          attempt
              + " was "
              + what
              + " at "
              + Report.ms(since)
              + ", and its holder was not told within "
              + Report.ms(rules.lossToldNanos),
          attempt);
    } else if (timeline.disturbance().calmNanos(since, attempt.lastUsedAt) > rules.lossToldNanos) {
      report.add(
          "P12",
          attempt + " was " + what + " at " + Report.ms(since) + ", and its holder went on",
          attempt);
    }
  }

  private static String endedTwice(Attempt attempt, HistoryEvent first, HistoryEvent then) {
    return attempt + " ended twice: " + name(first) + ", then " + name(then);
  }

  private static String name(HistoryEvent event) {
    return event.getClass().getSimpleName();
  }
}
