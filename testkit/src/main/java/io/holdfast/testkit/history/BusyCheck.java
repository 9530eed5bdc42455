package io.holdfast.testkit.history;

import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** A try that was answered with "busy" met somebody: a conflicting request held, or waited, at some moment of the try (P16). */
final class BusyCheck {
  /*
   * Whether such answers fit into one order with all others is in general a search (Wing and Gong, 1993; Lowe, 2017). Here
   * tokens give the order of grants, so none is needed: each grant is taken to have come as early, and gone as late, as it
   * can have, which only ever makes a busy answer easier to explain. Who waits is there from the moment it asks; who does
   * not wait, and whoever asks a store that keeps no line, is there only from its grant, which came after all those with
   * lower tokens had been given back.
   */
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
        boolean waits = rules.fair && !attempt.asked.maxWait().isZero();
        long from = waits ? attempt.askedAt : attempt.grantedFrom;
        moments.add(new Moment(from, Kind.COMES, attempt));
        moments.add(new Moment(Math.max(from, goneBy(attempt)), Kind.GOES, attempt));
      }
    }
    moments.sort(Comparator.comparingLong(Moment::at).thenComparing(Moment::kind));
    for (Moment moment : moments) {
      for (LockTarget target : moment.attempt.asked.targets()) {
        switch (moment.kind) {
          case COMES -> presences.change(target, Presence::come);
          case GOES -> presences.change(target, presence -> presence.go(moment.at));
          case IS_BUSY -> {}
        }
      }
      if (moment.kind == Kind.IS_BUSY) {
        check(moment.attempt);
      }
    }
  }

  private long goneBy(Attempt attempt) {
    if (attempt.wasAcquired() || attempt.why == null) {
      boolean stillAsks = !attempt.wasAcquired() && attempt.over() == Attempt.NEVER;
      return stillAsks ? Attempt.NEVER : attempt.mustBeFreedBy(rules);
    }
    // A grant that came too late for its client is given back, a little later.
    return Attempt.plus(attempt.gaveUpAt, rules.livenessNanos);
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

    void come() {
      present++;
    }

    void go(long at) {
      present--;
      lastGone = at;
    }
  }
}
