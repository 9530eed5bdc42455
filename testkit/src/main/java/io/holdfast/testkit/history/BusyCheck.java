package io.holdfast.testkit.history;

import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** A try that was answered with "busy" met somebody: a conflicting request held, or waited, at some moment of the try (P16). */
final class BusyCheck {
  private final Timeline timeline;
  private final Rules rules;
  private final Report report;
  private final KeyIndex<Presence> presences = new KeyIndex<>(Presence::new);

  BusyCheck(Timeline timeline, Rules rules, Report report) {
    this.timeline = timeline;
    this.rules = rules;
    this.report = report;
  }

  void run() {
    List<Moment> moments = new ArrayList<>();
    for (Attempt attempt : timeline.attempts()) {
      if (attempt.why == HistoryEvent.Why.BUSY) {
        moments.add(new Moment(attempt.gaveUpAt, Kind.IS_BUSY, attempt));
      } else {
        moments.add(new Moment(attempt.askedAt, Kind.COMES, attempt));
        moments.add(new Moment(goneBy(attempt), Kind.GOES, attempt));
      }
    }
    moments.sort(Comparator.comparingLong(Moment::at).thenComparing(Moment::kind));
    for (Moment moment : moments) {
      Attempt attempt = moment.attempt;
      switch (moment.kind) {
        case COMES -> attempt.asked.targets().forEach(t -> presences.change(t, p -> p.present++));
        case IS_BUSY -> check(attempt);
        case GOES ->
            attempt
                .asked
                .targets()
                .forEach(
                    t ->
                        presences.change(
                            t,
                            p -> {
                              p.present--;
                              p.lastGone = moment.at;
                            }));
      }
    }
  }

  private long goneBy(Attempt attempt) {
    if (attempt.wasAcquired() || attempt.grantIsUnknown()) {
      return attempt.mustBeFreedBy(rules);
    }
    // A grant that came too late for its client is given back, a little later.
    return attempt.why == null
        ? Attempt.NEVER
        : Attempt.plus(attempt.gaveUpAt, rules.livenessNanos);
  }

  private void check(Attempt busy) {
    boolean[] met = new boolean[1];
    for (LockTarget target : busy.asked.targets()) {
      presences.meet(target, p -> met[0] |= p.present > 0 || p.lastGone >= busy.askedAt);
    }
    if (!met[0]) {
      report.add(
          "P16",
          busy
              + " was told at "
              + Report.ms(busy.gaveUpAt)
              + " that "
              + busy.asked.targets()
              + " is busy, but since it asked at "
              + Report.ms(busy.askedAt)
              + " nobody held it or waited for it",
          busy);
    }
  }

  /** In the order in which those of the same instant are looked at. */
  private enum Kind {
    COMES,
    IS_BUSY,
    GOES
  }

  private record Moment(long at, Kind kind, Attempt attempt) {}

  /** Who holds or waits, perhaps. */
  private static final class Presence {
    private int present;
    private long lastGone = -1;
  }
}
