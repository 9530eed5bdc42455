package io.holdfast.testkit.history;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The stretches in which the run did harm, or was still getting over it. */
final class Disturbance {
  private record Stretch(long from, long to) {}

  private final long end;
  private final long settleNanos;
  private final Map<String, Long> open = new HashMap<>();
  private final List<Stretch> stretches = new ArrayList<>();

  Disturbance(long end, long settleNanos) {
    this.end = end;
    this.settleNanos = settleNanos;
  }

  void began(String what, long at) {
    open.putIfAbsent(what, at);
  }

  void ended(String what, long at) {
    Long from = open.remove(what);
    if (from != null) {
      stretches.add(new Stretch(from, Attempt.plus(at, settleNanos)));
    }
  }

  /** What never ended lasts to the end. Sorts and joins; nothing is added from here on. */
  void seal() {
    open.values().forEach(from -> stretches.add(new Stretch(from, Attempt.plus(end, settleNanos))));
    stretches.sort(Comparator.comparingLong(Stretch::from));
    List<Stretch> joined = new ArrayList<>();
    for (Stretch next : stretches) {
      int last = joined.size() - 1;
      if (last >= 0 && next.from <= joined.get(last).to) {
        joined.set(
            last, new Stretch(joined.get(last).from, Math.max(joined.get(last).to, next.to)));
      } else {
        joined.add(next);
      }
    }
    stretches.clear();
    stretches.addAll(joined);
  }

  /** How much of a stretch of time was undisturbed. */
  long calmNanos(long from, long to) {
    long calm = Math.max(0, to - from);
    for (Stretch s : stretches) {
      calm -= Math.max(0, Math.min(s.to, to) - Math.max(s.from, from));
    }
    return calm;
  }

  boolean touches(long from, long to) {
    return calmNanos(from, to) < to - from;
  }

  boolean beganBy(long at) {
    return !stretches.isEmpty() && stretches.get(0).from <= at;
  }
}
