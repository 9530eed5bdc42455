package io.holdfast.testkit.history;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Collects violations: all of a few, the first of many. */
final class Report {
  /** Who reads more? */
  static final int MAX_PER_PROPERTY = 100;

  private final List<Violation> violations = new ArrayList<>();
  private final Map<String, Integer> counts = new HashMap<>();

  void add(String property, String message) {
    add(property, message, List.of(), false);
  }

  void add(String property, String message, HistoryEvent... evidence) {
    add(property, message, List.of(evidence), false);
  }

  void add(String property, String message, Attempt... involved) {
    add(property, message, false, involved);
  }

  /** That somebody was overtaken. */
  void addAboutOrder(String property, String message, Attempt... involved) {
    add(property, message, true, involved);
  }

  private void add(
      String property, String message, List<HistoryEvent> evidence, boolean aboutOrder) {
    if (counts.merge(property, 1, Integer::sum) <= MAX_PER_PROPERTY) {
      violations.add(new Violation(property, message, evidence, aboutOrder));
    }
  }

  private void add(String property, String message, boolean aboutOrder, Attempt... involved) {
    if (counts.getOrDefault(property, 0) < MAX_PER_PROPERTY) {
      Set<HistoryEvent> evidence = new LinkedHashSet<>();
      for (Attempt attempt : involved) {
        evidence.addAll(attempt.events);
      }
      long origin = involved[0].asked.atNanos();
      List<HistoryEvent> sorted = new ArrayList<>(evidence);
      sorted.sort(Comparator.comparingLong(event -> event.atNanos() - origin));
      add(property, message, sorted, aboutOrder);
    } else {
      counts.merge(property, 1, Integer::sum);
    }
  }

  List<Violation> violations() {
    List<Violation> all = new ArrayList<>(violations);
    counts.forEach(
        (property, count) -> {
          if (count > MAX_PER_PROPERTY) {
            all.add(
                new Violation(
                    property, "and " + (count - MAX_PER_PROPERTY) + " more", List.of(), false));
          }
        });
    return all;
  }

  static String ms(long nanos) {
    return String.format(java.util.Locale.ROOT, "%.3f ms", nanos / 1e6);
  }
}
