package io.holdfast.simulation;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** How often each {@link Fact} occurred. */
final class Evidence {
  private final Map<Fact, Long> counts = new EnumMap<>(Fact.class);

  void count(Fact fact) {
    counts.merge(fact, 1L, Long::sum);
  }

  long of(Fact fact) {
    return counts.getOrDefault(fact, 0L);
  }

  void add(Evidence other) {
    other.counts.forEach((fact, count) -> counts.merge(fact, count, Long::sum));
  }

  /** The facts that never occurred. */
  Set<Fact> missing() {
    Set<Fact> missing = EnumSet.allOf(Fact.class);
    missing.removeAll(counts.keySet());
    return missing;
  }

  @Override
  public String toString() {
    StringBuilder lines = new StringBuilder();
    for (Fact fact : Fact.values()) {
      lines.append(String.format("%,15d  %s%n", of(fact), fact));
    }
    return lines.toString();
  }
}
