package io.holdfast.faults;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Whether a fault really happened: what must have been seen of it, and how often it was. */
final class Evidence {
  private final Map<String, Long> counts = new LinkedHashMap<>();

  /** Without this the fault proves nothing. */
  void requires(String what) {
    counts.putIfAbsent(what, 0L);
  }

  /** It was seen so often more. */
  void saw(String what, long times) {
    counts.merge(what, times, Long::sum);
  }

  /** It was seen, or not. */
  void saw(String what, boolean seen) {
    saw(what, seen ? 1 : 0);
  }

  /** What was required, or looked for, and never seen. */
  List<String> missing() {
    return counts.entrySet().stream()
        .filter(count -> count.getValue() == 0)
        .map(Map.Entry::getKey)
        .toList();
  }

  @Override
  public String toString() {
    return counts.entrySet().stream()
        .map(count -> count.getKey() + " " + count.getValue())
        .collect(Collectors.joining(", "));
  }
}
