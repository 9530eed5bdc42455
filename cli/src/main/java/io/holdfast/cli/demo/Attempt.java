package io.holdfast.cli.demo;

import io.holdfast.LockTarget;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryEvent.Why;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * All that became of one request for a lock: for how long it was waited for, whether and for how long it was held.
 *
 * @param worker who asked
 * @param job what for
 * @param waitedUntilNanos when it was granted, or when the worker gave up
 * @param held what came of the grant; empty if there was none
 */
record Attempt(
    long request,
    String worker,
    String job,
    List<LockTarget> targets,
    long askedNanos,
    long waitedUntilNanos,
    Optional<Held> held,
    Outcome outcome) {

  /** A grant, as its holder saw it. */
  record Held(long token, long untilNanos) {}

  /** How it ended. */
  enum Outcome {
    /** Held and given back. */
    RELEASED("released"),
    /** Held until an operator took it away. */
    REVOKED("revoked by the operator"),
    /** Held until {@code maxHold} was over. */
    EXPIRED("expired, maxHold was over"),
    /** Held until it was lost in another way. */
    LOST("lost"),
    /** Not granted within {@code maxWait}. */
    TIMED_OUT("timed out"),
    /** Not granted before the future was cancelled. */
    CANCELLED("cancelled"),
    /** Not granted before the waiting thread was interrupted. */
    INTERRUPTED("interrupted"),
    /** Not free, and the worker would not wait. */
    BUSY("busy, did not wait"),
    /** Asked for while the server was away, and not answered. */
    UNANSWERED("not answered, the server was away"),
    /** Held, or waited for, until its process was killed. */
    KILLED("its process was killed"),
    /** Never heard of again. */
    OPEN("never ended");

    final String text;

    Outcome(String text) {
      this.text = text;
    }
  }

  long waitedNanos() {
    return waitedUntilNanos - askedNanos;
  }

  /** The attempts of a history, in the order in which they began. */
  static List<Attempt> of(Log log) {
    Map<Long, Draft> drafts = new LinkedHashMap<>();
    long endNanos = log.originNanos();
    for (HistoryEvent event : log.history().events()) {
      endNanos = event.atNanos();
      if (event instanceof HistoryEvent.Asked asked) {
        drafts.put(asked.request(), new Draft(asked));
      } else if (event instanceof HistoryEvent.ClientDied died) {
        drafts.values().forEach(draft -> draft.noteDeath(died));
      } else if (event instanceof HistoryEvent.OfRequest about) {
        Draft draft = drafts.get(about.request());
        if (draft != null) {
          draft.note(about, log);
        }
      }
    }
    List<Attempt> attempts = new ArrayList<>(drafts.size());
    for (Draft draft : drafts.values()) {
      attempts.add(draft.finish(log, endNanos));
    }
    return attempts;
  }

  /** An attempt of which not everything is known yet. */
  private static final class Draft {
    private final HistoryEvent.Asked asked;
    private HistoryEvent.@Nullable Acquired acquired;
    private @Nullable Long endedNanos;
    private Outcome outcome = Outcome.OPEN;

    private Draft(HistoryEvent.Asked asked) {
      this.asked = asked;
    }

    private void note(HistoryEvent.OfRequest event, Log log) {
      if (event instanceof HistoryEvent.Acquired grant) {
        acquired = grant;
      } else if (event instanceof HistoryEvent.GaveUp gaveUp) {
        end(gaveUp, outcome(gaveUp.why(), log));
      } else if (event instanceof HistoryEvent.Releasing releasing) {
        end(releasing, Outcome.RELEASED);
      } else if (event instanceof HistoryEvent.Unknown unknown && endedNanos == null) {
        end(unknown, Outcome.UNANSWERED);
      } else if (event instanceof HistoryEvent.Lost lost) {
        end(
            lost,
            switch (lost.reason()) {
              case REVOKED -> Outcome.REVOKED;
              case EXPIRED -> Outcome.EXPIRED;
              default -> Outcome.LOST;
            });
      }
    }

    private void noteDeath(HistoryEvent.ClientDied died) {
      if (endedNanos == null && asked.client().equals(died.client())) {
        end(died, Outcome.KILLED);
      }
    }

    private Outcome outcome(Why why, Log log) {
      return switch (why) {
        case TIMED_OUT -> Outcome.TIMED_OUT;
        case CANCELLED ->
            log.wasInterrupted(asked.request()) ? Outcome.INTERRUPTED : Outcome.CANCELLED;
        case BUSY -> Outcome.BUSY;
        default -> Outcome.UNANSWERED;
      };
    }

    private void end(HistoryEvent event, Outcome how) {
      endedNanos = event.atNanos();
      outcome = how;
    }

    private Attempt finish(Log log, long endOfHistoryNanos) {
      Log.Asker asker = log.asker(asked.request());
      long ended = endedNanos == null ? endOfHistoryNanos : endedNanos;
      HistoryEvent.Acquired grant = acquired;
      return new Attempt(
          asked.request(),
          asker.worker(),
          asker.job(),
          asked.targets(),
          asked.atNanos(),
          grant == null ? ended : grant.atNanos(),
          grant == null ? Optional.empty() : Optional.of(new Held(grant.token(), ended)),
          outcome);
    }
  }
}
