package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** A history sorted by what it is about: requests, clients, resources, faults. */
final class Timeline {
  private final long origin;
  private final long end;
  private final List<HistoryEvent> events;
  private final Map<Long, Attempt> attempts = new LinkedHashMap<>();
  private final Map<String, Session> sessions = new HashMap<>();
  private final Map<Grant, Long> revoking = new HashMap<>();
  private final Map<Grant, Long> revoked = new HashMap<>();
  private final Map<String, List<HistoryEvent.Wrote>> writes = new LinkedHashMap<>();
  private final Map<String, Integer> counts = new HashMap<>();
  private final Disturbance disturbance;

  private record Grant(LockKey key, long token) {}

  Timeline(History history, Rules rules, Report report) {
    events = history.events();
    origin = events.isEmpty() ? 0 : events.get(0).atNanos();
    end = events.isEmpty() ? 0 : at(events.get(events.size() - 1));
    disturbance = new Disturbance(end, rules.settleNanos);
    events.forEach(this::countAndOpen);
    for (HistoryEvent event : events) {
      if (event instanceof HistoryEvent.OfRequest ofRequest
          && !(event instanceof HistoryEvent.Asked)) {
        Attempt attempt = attempts.get(ofRequest.request());
        if (attempt == null) {
          report.add(
              "P10",
              "request " + ofRequest.request() + " was never asked, and yet there is " + event,
              event);
        } else {
          note(attempt, ofRequest);
        }
      }
    }
    noteRevocations();
    disturbance.seal();
    for (Attempt attempt : attempts.values()) {
      attempt.lostInDisturbance = attempt.wasLost() && disturbance.covers(attempt.lostAt);
    }
    new EarliestGrants(rules).note(attempts.values());
  }

  /** By the moment they were asked. */
  Collection<Attempt> attempts() {
    return attempts.values();
  }

  Collection<Session> sessions() {
    return sessions.values();
  }

  List<HistoryEvent> events() {
    return events;
  }

  Attempt attempt(HistoryEvent.OfRequest event) {
    Attempt attempt = attempts.get(event.request());
    if (attempt == null) {
      throw new IllegalArgumentException("no request " + event.request());
    }
    return attempt;
  }

  boolean knows(HistoryEvent.OfRequest event) {
    return attempts.containsKey(event.request());
  }

  /** Each resource's decisions, in order. */
  Map<String, List<HistoryEvent.Wrote>> writes() {
    return writes;
  }

  /** How often an event of this kind occurred, or a fault of this name began, or something of this name happened. */
  int count(String what) {
    return counts.getOrDefault(what, 0);
  }

  Disturbance disturbance() {
    return disturbance;
  }

  /** The last event. */
  long end() {
    return end;
  }

  /** Since the first event. */
  long at(HistoryEvent event) {
    return event.atNanos() - origin;
  }

  private void countAndOpen(HistoryEvent event) {
    counts.merge(event.getClass().getSimpleName(), 1, Integer::sum);
    long at = at(event);
    if (event instanceof HistoryEvent.Asked asked) {
      Attempt first =
          attempts.putIfAbsent(asked.request(), new Attempt(asked, session(asked.client()), at));
      if (first != null) {
        first.events.add(asked);
      }
    } else if (event instanceof HistoryEvent.OfClient ofClient) {
      note(session(ofClient.client()), ofClient, at);
    } else if (event instanceof HistoryEvent.Revoking r) {
      revoking.merge(new Grant(r.key(), r.token()), at, Math::min);
    } else if (event instanceof HistoryEvent.Revoked r) {
      revoked.merge(new Grant(r.key(), r.token()), at, Math::min);
    } else if (event instanceof HistoryEvent.Wrote wrote) {
      writes.computeIfAbsent(wrote.resource(), r -> new ArrayList<>()).add(wrote);
    } else if (event instanceof HistoryEvent.FaultBegan fault) {
      counts.merge(fault.what(), 1, Integer::sum);
      disturbance.began(fault.what(), at);
    } else if (event instanceof HistoryEvent.FaultEnded fault) {
      disturbance.ended(fault.what(), at);
    } else if (event instanceof HistoryEvent.Happened happened) {
      counts.merge(happened.what(), 1, Integer::sum);
    }
  }

  private static void note(Session session, HistoryEvent.OfClient event, long at) {
    if (event instanceof HistoryEvent.SessionRenewed) {
      session.renewed(at);
    } else if (event instanceof HistoryEvent.SessionExpired) {
      session.expired(at);
    } else if (event instanceof HistoryEvent.ClientClosing) {
      session.closingAt = Math.min(session.closingAt, at);
    } else if (event instanceof HistoryEvent.ClientClosed) {
      session.closedAt = Math.min(session.closedAt, at);
      session.closingAt = Math.min(session.closingAt, at);
    } else if (event instanceof HistoryEvent.ClientDied) {
      session.diedAt = Math.min(session.diedAt, at);
    }
  }

  /** The first of each kind counts; that there is only one is for {@link LifecycleCheck} to say. */
  private void note(Attempt attempt, HistoryEvent.OfRequest event) {
    attempt.events.add(event);
    long at = at(event);
    if (event instanceof HistoryEvent.Queued) {
      attempt.queuedAt = Math.min(attempt.queuedAt, at);
    } else if (event instanceof HistoryEvent.Acquired acquired) {
      if (!attempt.wasAcquired()) {
        attempt.acquiredAt = at;
        attempt.token = acquired.token();
      }
    } else if (event instanceof HistoryEvent.Cancelling) {
      attempt.cancellingAt = Math.min(attempt.cancellingAt, at);
    } else if (event instanceof HistoryEvent.GaveUp gaveUp) {
      if (attempt.why == null) {
        attempt.gaveUpAt = at;
        attempt.why = gaveUp.why();
      }
    } else if (event instanceof HistoryEvent.Unknown) {
      attempt.unknownAt = Math.min(attempt.unknownAt, at);
    } else if (event instanceof HistoryEvent.Used) {
      attempt.lastUsedAt = at;
    } else if (event instanceof HistoryEvent.Releasing) {
      attempt.releasingAt = Math.min(attempt.releasingAt, at);
    } else if (event instanceof HistoryEvent.Released) {
      attempt.releasedAt = Math.min(attempt.releasedAt, at);
    } else if (event instanceof HistoryEvent.Lost lost) {
      if (!attempt.wasLost()) {
        attempt.lostAt = at;
        attempt.lossReason = lost.reason();
      }
    }
  }

  private void noteRevocations() {
    Map<Grant, Long> ofUnknown = new HashMap<>(revoking);
    for (Attempt attempt : attempts.values()) {
      for (LockTarget target : attempt.asked.targets()) {
        if (attempt.wasAcquired()) {
          Grant grant = new Grant(target.key(), attempt.token);
          ofUnknown.remove(grant);
          attempt.revokingAt = Math.min(attempt.revokingAt, at(revoking, grant));
          attempt.revokedAt = Math.min(attempt.revokedAt, at(revoked, grant));
        }
      }
    }
    Map<LockKey, TreeSet<Long>> ofUnknownByKey = new HashMap<>();
    ofUnknown.forEach(
        (grant, at) -> ofUnknownByKey.computeIfAbsent(grant.key, k -> new TreeSet<>()).add(at));
    for (Attempt attempt : attempts.values()) {
      for (LockTarget target : attempt.asked.targets()) {
        TreeSet<Long> at = ofUnknownByKey.get(target.key());
        Long next = attempt.wasAcquired() || at == null ? null : at.ceiling(attempt.askedAt);
        attempt.revokingAt = next == null ? attempt.revokingAt : Math.min(attempt.revokingAt, next);
      }
    }
  }

  private static long at(Map<Grant, Long> times, Grant grant) {
    return times.getOrDefault(grant, Attempt.NEVER);
  }

  private Session session(String client) {
    return sessions.computeIfAbsent(client, Session::new);
  }
}
