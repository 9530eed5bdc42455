package io.holdfast.faults;

import io.holdfast.LossReason;
import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryChecker;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.Violation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Judges the history of a run: by the checker of the testkit, and by what the rig alone knows of harm and harmed. */
final class Judge {
  /** How far the clocks of two processes on one machine can be apart, as a share: they are the same clock. */
  private static final double CLOCK_RATE_BOUND = 0.01;

  /** On few processors that many processes share, slower than this counts as never. */
  private static final Duration SLOW = Duration.ofSeconds(4);

  /** After the last harm: a new leader grants every session a full lease, and then has to tell. */
  private static final Duration AFTER_LEASE = Duration.ofSeconds(5);

  private final History history;
  private final List<Strike> strikes;
  private final Duration lease;
  private final Set<String> mayLose;
  private final Map<Long, HistoryEvent.Asked> asked = new HashMap<>();
  private final List<Long> grants = new ArrayList<>();

  /**
   * Of a run.
   *
   * @param mayLose the clients that were harmed so that they may lose what they hold
   */
  Judge(History history, List<Strike> strikes, Duration lease, Set<String> mayLose) {
    this.history = history;
    this.strikes = strikes;
    this.lease = lease;
    this.mayLose = mayLose;
    for (HistoryEvent event : history.events()) {
      if (event instanceof HistoryEvent.Asked a) {
        asked.put(a.request(), a);
      } else if (event instanceof HistoryEvent.Acquired acquired) {
        grants.add(acquired.atNanos());
      }
    }
  }

  /** How long after a fault nobody is blamed for being slow. */
  static Duration settling(Duration lease) {
    return lease.plus(AFTER_LEASE);
  }

  /**
   * Adds what it finds to a verdict.
   *
   * @param leastGrants with fewer the run proves nothing
   */
  void judge(Verdict verdict, int leastGrants) {
    HistoryChecker checker =
        HistoryChecker.fair()
            .lease(lease)
            .renewedByHeartbeatsAlone()
            .clockRateBound(CLOCK_RATE_BOUND)
            .settlesWithin(settling(lease))
            .grantsWithin(SLOW)
            .tellsLossWithin(SLOW);
    if (strikes.stream().anyMatch(strike -> strike.scope() == Nemesis.Scope.CLIENTS)) {
      checker = checker.withPauses();
    }
    for (Violation violation : checker.check(history)) {
      if (!isExcused(violation)) {
        verdict.broken(violation + evidence(violation));
      }
    }
    checkLosses(verdict);
    for (Strike strike : strikes) {
      strike
          .evidence()
          .missing()
          .forEach(what -> verdict.lacks(strike.name() + " was struck, but not seen: " + what));
    }
    if (grants.size() < leastGrants) {
      verdict.lacks("only " + grants.size() + " grants, at least " + leastGrants + " needed");
    }
    for (Class<? extends HistoryEvent> kind :
        List.of(HistoryEvent.Queued.class, HistoryEvent.Wrote.class, HistoryEvent.Used.class)) {
      if (history.events().stream().noneMatch(kind::isInstance)) {
        verdict.lacks("the history has no " + kind.getSimpleName());
      }
    }
  }

  /** How often something of this kind was seen. */
  long count(Class<? extends HistoryEvent> kind) {
    return history.events().stream().filter(kind::isInstance).count();
  }

  /** The last grant before a strike, in nanoseconds before it; -1 if there was none. */
  long lastGrantBefore(Strike strike) {
    long last = -1;
    for (long grant : grants) {
      if (grant - strike.beganAtNanos() <= 0) {
        last = strike.beganAtNanos() - grant;
      }
    }
    return last;
  }

  /** The longest time without a grant that touches the strike. */
  Silence silence(Strike strike) {
    return silence(grants, strike.beganAtNanos(), strike.endedAtNanos());
  }

  /**
   * A time without a grant.
   *
   * @param lastedNanos from the later of its begin and the strike's
   * @param overAfterNanos from the begin of the strike to the grant that ended it
   */
  record Silence(long lastedNanos, long overAfterNanos) {}

  /** Of grants in the order of time. */
  static Silence silence(List<Long> grants, long began, long ended) {
    long before = began;
    Silence longest = new Silence(0, 0);
    for (long grant : grants) {
      if (grant - began <= 0) {
        continue;
      }
      if (before - ended > 0) {
        break;
      }
      if (grant - before > longest.lastedNanos) {
        longest = new Silence(grant - before, grant - began);
      }
      before = grant;
    }
    return longest;
  }

  /** Whoever was not harmed loses nothing by a fault of one server, nor without one. */
  private void checkLosses(Verdict verdict) {
    for (HistoryEvent event : history.events()) {
      if (event instanceof HistoryEvent.Lost lost
          && lost.reason() != LossReason.REVOKED
          && !mayBeLost(lost)) {
        HistoryEvent.Asked request = asked.get(lost.request());
        verdict.broken(
            "H1: request "
                + lost.request()
                + (request == null ? "" : " of " + request.client() + " on " + request.targets())
                + " was lost ("
                + lost.reason()
                + ") at "
                + seconds(lost.atNanos())
                + ", though no more than one server was harmed");
      }
    }
  }

  private boolean mayBeLost(HistoryEvent.Lost lost) {
    HistoryEvent.Asked request = asked.get(lost.request());
    if (request == null) {
      return true; // for the checker to say
    }
    boolean byMaxHold = request.maxHold().isPresent() && lost.reason() == LossReason.EXPIRED;
    return byMaxHold
        || mayLose.contains(request.client())
        || strikes.stream()
            .anyMatch(
                strike ->
                    strike.scope() == Nemesis.Scope.SERVICE && isAround(strike, lost.atNanos()));
  }

  /** What the checker cannot know. */
  private boolean isExcused(Violation violation) {
    boolean disturbed =
        violation.evidence().stream()
            .anyMatch(
                event -> strikes.stream().anyMatch(strike -> isAround(strike, event.atNanos())));
    if (!disturbed) {
      return false;
    }
    // Heartbeats renew a lease, and no history tells of them.
    if (violation.property().equals("P12") && violation.message().contains("was told ")) {
      return true;
    }
    // What was granted and over before its client knew seems to have stood in line all the while;
    // who gave up is in line until its cancellation comes through.
    return violation.aboutOrder() || violation.property().equals("P16");
  }

  private boolean isAround(Strike strike, long at) {
    return at - strike.beganAtNanos() >= 0
        && at - strike.endedAtNanos() <= settling(lease).toNanos();
  }

  private String evidence(Violation violation) {
    StringBuilder lines = new StringBuilder();
    violation
        .evidence()
        .forEach(
            event ->
                lines
                    .append("\n      ")
                    .append(seconds(event.atNanos()))
                    .append("  ")
                    .append(event));
    return lines.toString();
  }

  private String seconds(long at) {
    return String.format("%.6f s", (at - history.events().get(0).atNanos()) / 1e9);
  }
}
