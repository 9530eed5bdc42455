package io.holdfast.testkit.history;

import java.util.List;

/**
 * A resource that fences takes writes in the order of their tokens, and refuses one only because it has seen a higher (P4):
 * what it took is one critical section after the other.
 */
final class FencingCheck {
  private final Timeline timeline;
  private final Report report;

  FencingCheck(Timeline timeline, Report report) {
    this.timeline = timeline;
    this.report = report;
  }

  void run() {
    timeline.writes().values().forEach(this::check);
  }

  private void check(List<HistoryEvent.Wrote> writes) {
    HistoryEvent.Wrote highest = null;
    for (HistoryEvent.Wrote write : writes) {
      checkToken(write);
      if (highest != null && write.accepted() && write.token() < highest.token()) {
        report.add(
            "P4",
            say(write) + " was accepted after one with token " + highest.token(),
            highest,
            write);
      }
      if (!write.accepted() && (highest == null || write.token() >= highest.token())) {
        report.add(
            "P4", say(write) + " was refused, though no higher token had come before it", write);
      }
      if (write.accepted() && (highest == null || write.token() > highest.token())) {
        highest = write;
      }
    }
  }

  private void checkToken(HistoryEvent.Wrote write) {
    if (!timeline.knows(write)) {
      return;
    }
    Attempt attempt = timeline.attempt(write);
    if (!attempt.wasAcquired()
        || timeline.at(write) < attempt.acquiredAt
        || attempt.token != write.token()) {
      report.add(
          "P4",
          say(write) + " came from " + attempt + ", which did not have that token then",
          attempt);
    }
  }

  private static String say(HistoryEvent.Wrote write) {
    return "a write to " + write.resource() + " with token " + write.token();
  }
}
