package io.holdfast.cli.demo;

import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.Violation;
import java.util.ArrayList;
import java.util.List;

/**
 * A violation: something that locks promise, and that did not hold.
 *
 * @param rule which promise: a property of the history checker, or {@code "files"}
 * @param atNanos when it showed, on the history's clock
 * @param requests those that were part of it; empty if nobody in particular
 */
record Finding(String rule, String what, long atNanos, List<Long> requests) {

  static Finding of(Log.Damage damage) {
    List<Long> requests = damage.request() > 0 ? List.of(damage.request()) : List.of();
    return new Finding("files", damage.what(), damage.atNanos(), requests);
  }

  static Finding of(Violation violation, long otherwiseNanos) {
    List<Long> requests = new ArrayList<>();
    long atNanos = otherwiseNanos;
    for (HistoryEvent event : violation.evidence()) {
      if (requests.isEmpty()
          || event instanceof HistoryEvent.Acquired) { // it is a grant that breaks a promise
        atNanos = event.atNanos();
      }
      if (event instanceof HistoryEvent.OfRequest about && !requests.contains(about.request())) {
        requests.add(about.request());
      }
    }
    return new Finding(violation.property(), violation.message(), atNanos, requests);
  }

  @Override
  public String toString() {
    return rule + ": " + what;
  }
}
