package io.holdfast.testkit.history;

import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who surely stood in line before a conflicting request was asked is granted before it, unless it has left (P5; P7 if it is a
 * reader that overtook).
 */
final class OrderCheck {
  private final Timeline timeline;
  private final Rules rules;
  private final Report report;

  /** Those who wait for certain at the moment the sweep has reached. */
  private final Set<Attempt> waiting = new HashSet<>();

  /** In the order of arrival. Who has left is dropped when it comes to the front. */
  private final KeyIndex<ArrayDeque<Attempt>> lines = new KeyIndex<>(ArrayDeque::new);

  OrderCheck(Timeline timeline, Rules rules, Report report) {
    this.timeline = timeline;
    this.rules = rules;
    this.report = report;
  }

  void run() {
    List<Moment> moments = new ArrayList<>();
    for (Attempt attempt : timeline.attempts()) {
      long leaves = attempt.mayLeaveLineFrom(rules);
      if (attempt.queuedAt < leaves) {
        moments.add(new Moment(attempt.queuedAt, Kind.QUEUES, attempt));
        moments.add(new Moment(leaves, Kind.MAY_LEAVE, attempt));
      }
      if (attempt.wasAcquired()) {
        moments.add(new Moment(attempt.acquiredAt, Kind.ACQUIRES, attempt));
      }
    }
    moments.sort(Comparator.comparingLong(Moment::at).thenComparing(Moment::kind));
    for (Moment moment : moments) {
      Attempt attempt = moment.attempt;
      switch (moment.kind) {
        case MAY_LEAVE -> waiting.remove(attempt);
        case ACQUIRES -> check(attempt);
        case QUEUES -> {
          waiting.add(attempt);
          attempt
              .asked
              .targets()
              .forEach(target -> lines.change(target, line -> line.add(attempt)));
        }
      }
    }
  }

  private void check(Attempt attempt) {
    for (LockTarget target : attempt.asked.targets()) {
      Attempt first = firstInLineAgainst(target);
      if (first != null && first.queuedAt < attempt.askedAt) {
        report.addAboutOrder(
            target.mode() == LockMode.SHARED ? "P7" : "P5",
            attempt
                + " was granted "
                + target
                + " at "
                + Report.ms(attempt.acquiredAt)
                + ", ahead of "
                + first
                + ", which conflicts and stood in line since "
                + Report.ms(first.queuedAt)
                + ", before the other asked",
            first,
            attempt);
        return;
      }
    }
  }

  private @Nullable Attempt firstInLineAgainst(LockTarget target) {
    List<Attempt> first = new ArrayList<>(1);
    lines.meet(
        target,
        line -> {
          while (!line.isEmpty() && !waiting.contains(line.peekFirst())) {
            line.removeFirst();
          }
          Attempt head = line.peekFirst();
          if (head != null && (first.isEmpty() || head.queuedAt < first.get(0).queuedAt)) {
            first.clear();
            first.add(head);
          }
        });
    return first.isEmpty() ? null : first.get(0);
  }

  /** In the order in which those of the same instant are looked at. */
  private enum Kind {
    MAY_LEAVE,
    ACQUIRES,
    QUEUES
  }

  private record Moment(long at, Kind kind, Attempt attempt) {}
}
