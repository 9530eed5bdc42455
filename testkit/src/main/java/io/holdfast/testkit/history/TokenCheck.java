package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tokens of a key are unique, and grow with real time: what was acquired before another was asked for has the lower one
 * (P1). That goes for the same key in any mode, and for whatever conflicts along the path of a tree, since one resource may
 * hear from both.
 */
final class TokenCheck {
  private final Timeline timeline;
  private final Report report;
  private final Map<LockKey, Map<Long, Attempt>> grants = new HashMap<>();
  private final Map<LockKey, Highest> ofKey = new HashMap<>();
  private final KeyIndex<Highest> ofConflicting = new KeyIndex<>(Highest::new);

  /** What had been acquired when the request was asked. */
  private final Map<Attempt, Highest> before = new HashMap<>();

  TokenCheck(Timeline timeline, Report report) {
    this.timeline = timeline;
    this.report = report;
  }

  void run() {
    for (HistoryEvent event : timeline.events()) {
      if (event instanceof HistoryEvent.Asked asked) {
        lookBack(timeline.attempt(asked));
      } else if (event instanceof HistoryEvent.Acquired acquired && timeline.knows(acquired)) {
        Attempt attempt = timeline.attempt(acquired);
        if (acquired.token() > 0
            && timeline.at(acquired) == attempt.acquiredAt
            && acquired.token() == attempt.token) {
          check(attempt);
        }
      }
    }
  }

  private void lookBack(Attempt attempt) {
    Highest highest = new Highest();
    for (LockTarget target : attempt.asked.targets()) {
      highest.raise(ofKey.get(target.key()));
      ofConflicting.meet(target, highest::raise);
    }
    if (highest.grant != null) {
      before.put(attempt, highest);
    }
  }

  private void check(Attempt attempt) {
    Highest bound = before.remove(attempt);
    if (bound != null && bound.grant != null && bound.grant.token >= attempt.token) {
      report.add(
          "P1",
          attempt
              + " was asked for after "
              + bound.grant
              + " had been acquired, and yet its token is not higher",
          bound.grant,
          attempt);
    }
    Set<LockKey> keys = new HashSet<>();
    for (LockTarget target : attempt.asked.targets()) {
      ofConflicting.change(target, highest -> highest.raise(attempt));
      if (keys.add(target.key())) {
        ofKey.computeIfAbsent(target.key(), k -> new Highest()).raise(attempt);
        Attempt twin =
            grants.computeIfAbsent(target.key(), k -> new HashMap<>()).put(attempt.token, attempt);
        if (twin != null && twin != attempt) {
          report.add(
              "P1",
              attempt + " has the same token on " + target.key() + " as " + twin,
              twin,
              attempt);
        }
      }
    }
  }

  private static final class Highest {
    private @Nullable Attempt grant;

    void raise(Attempt attempt) {
      if (grant == null || attempt.token > grant.token) {
        grant = attempt;
      }
    }

    void raise(@Nullable Highest other) {
      if (other != null && other.grant != null) {
        raise(other.grant);
      }
    }
  }
}
