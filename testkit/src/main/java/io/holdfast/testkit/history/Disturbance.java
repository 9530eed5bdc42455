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
  private final Map<String, Open> open = new HashMap<>();
  private final List<Stretch> stretches = new ArrayList<>();

  Disturbance(long end, long settleNanos) {
    this.end = end;
    this.settleNanos = settleNanos;
  }

  /** Of one name there may be several at once, such as links that are cut one after the other. */
  void began(String what, long at) {
    open.computeIfAbsent(what, w -> new Open(at)).count++;
  }

  void ended(String what, long at) {
    Open fault = open.get(what);
    if (fault != null && --fault.count == 0) {
      open.remove(what);
      stretches.add(new Stretch(fault.from, Attempt.plus(at, settleNanos)));
    }
  }

  /** What never ended lasts to the end. Sorts and joins; nothing is added from here on. */
  void seal() {
    open.values()
        .forEach(fault -> stretches.add(new Stretch(fault.from, Attempt.plus(end, settleNanos))));
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

  boolean covers(long at) {
    return touches(at, at + 1);
  }

  /** Faults of one name that are not over. */
  private static final class Open {
    private final long from;
    private int count;

    Open(long from) {
      this.from = from;
    }
  }
}
