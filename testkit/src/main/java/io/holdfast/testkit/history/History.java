package io.holdfast.testkit.history;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/** What was seen in one run, the earliest first. Immutable. */
public final class History {
  private final List<HistoryEvent> events;

  private History(List<HistoryEvent> events) {
    this.events = events;
  }

  /** A history of these events, in any order; those of the same instant stay in the order given. */
  public static History of(Collection<? extends HistoryEvent> events) {
    List<HistoryEvent> sorted = new ArrayList<>(events);
    if (!sorted.isEmpty()) {
      long origin = sorted.get(0).atNanos();
      sorted.sort(Comparator.comparingLong(event -> event.atNanos() - origin));
    }
    return new History(List.copyOf(sorted));
  }

  /** A history of these events. */
  public static History of(HistoryEvent... events) {
    return of(List.of(events));
  }

  /** The events, the earliest first. */
  public List<HistoryEvent> events() {
    return events;
  }

  /** One event a line. */
  @Override
  public String toString() {
    return events.stream().map(HistoryEvent::toString).collect(Collectors.joining("\n"));
  }
}
