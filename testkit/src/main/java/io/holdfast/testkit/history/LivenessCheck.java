package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Nobody waits without a reason for longer than the bound (P6; P8 in a tree), and every call ends soon after its patience
 * (P14). While the run does harm, and until it has settled, nobody is blamed.
 */
final class LivenessCheck {
  /*
   * A reason to wait is a conflicting hold, or a conflicting request that may have come first and has a reason itself. Time is
   * cut into windows as long as the bound, each half over the next. Whoever waits throughout a window must have had a reason
   * at some moment in it; whatever touches the window counts as there throughout. So nobody is blamed who had a reason, and a
   * wait without one that lasts one and a half times the bound is found.
   */
  private final Timeline timeline;
  private final Rules rules;
  private final Report report;
  private final Set<Attempt> blamed = new HashSet<>();

  LivenessCheck(Timeline timeline, Rules rules, Report report) {
    this.timeline = timeline;
    this.rules = rules;
    this.report = report;
  }

  void run() {
    timeline.attempts().forEach(this::checkCalls);
    checkWindows();
  }

  private void checkCalls(Attempt attempt) {
    long deadline =
        Attempt.plus(attempt.askedAt, rules.atMost(Attempt.nanos(attempt.asked.maxWait())));
    checkAnswered(
        attempt, "was not answered after its patience was over at", deadline, attempt.over());
    if (attempt.cancellingAt != Attempt.NEVER) {
      checkAnswered(
          attempt, "was not over after it was cancelled at", attempt.cancellingAt, attempt.over());
    }
    if (attempt.releasingAt != Attempt.NEVER) {
      long released = Math.min(Math.min(attempt.releasedAt, attempt.lostAt), attempt.unknownAt);
      released = Math.min(released, Math.min(attempt.session.closingAt, attempt.session.diedAt));
      checkAnswered(
          attempt, "was not released after that was asked at", attempt.releasingAt, released);
    }
    long patience =
        rules.atLeast(Attempt.nanos(attempt.asked.maxWait())) - 1_000_000; // clocks of milliseconds
    if (attempt.why == HistoryEvent.Why.TIMED_OUT
        && attempt.gaveUpAt - attempt.askedAt < patience) {
      report.add(
          "P14",
          attempt
              + " timed out after "
              + Report.ms(attempt.gaveUpAt - attempt.askedAt)
              + ", but its patience was "
              + attempt.asked.maxWait(),
          attempt);
    }
  }

  private void checkAnswered(Attempt attempt, String complaint, long from, long to) {
    long until = Math.min(to, timeline.end());
    if (timeline.disturbance().calmNanos(from, until) > rules.livenessNanos) {
      report.add(
          "P14",
          attempt + " " + complaint + " " + Report.ms(from) + " until " + Report.ms(until),
          attempt);
    }
  }

  private void checkWindows() {
    long stride = Math.max(1, rules.livenessNanos / 2);
    TreeMap<Long, List<Attempt>> patient = new TreeMap<>(); // by window
    List<Span> waits = new ArrayList<>();
    List<Span> holds = new ArrayList<>();
    for (Attempt attempt : timeline.attempts()) {
      if (!attempt.asked.maxWait().isZero()) {
        long over = Math.min(attempt.over(), timeline.end());
        waits.add(new Span(attempt.askedAt, over, attempt));
        long lastWindow = (over - rules.livenessNanos) / stride;
        for (long w = (attempt.askedAt + stride - 1) / stride;
            over >= rules.livenessNanos && w <= lastWindow;
            w++) {
          patient.computeIfAbsent(w, n -> new ArrayList<>()).add(attempt);
        }
      }
      if (attempt.wasAcquired()) {
        holds.add(new Span(attempt.acquiredAt, attempt.mustBeFreedBy(rules), attempt));
      } else if (attempt.why == null
          && attempt.over() != Attempt.NEVER) { // perhaps granted, and nobody there to know
        holds.add(new Span(attempt.over(), attempt.mustBeFreedBy(rules), attempt));
      }
    }
    Slider waitsNow = new Slider(waits);
    Slider holdsNow = new Slider(holds);
    for (Map.Entry<Long, List<Attempt>> window : patient.entrySet()) {
      long from = window.getKey() * stride;
      long to = from + rules.livenessNanos;
      if (!timeline.disturbance().touches(from, to)) {
        checkWindow(
            from, to, window.getValue(), holdsNow.slide(from, to), waitsNow.slide(from, to));
      }
    }
  }

  private void checkWindow(
      long from, long to, List<Attempt> patient, List<Attempt> holds, List<Attempt> waits) {
    KeyIndex<Earliest> reasons = new KeyIndex<>(Earliest::new);
    for (Attempt hold : holds) {
      hold.asked
          .targets()
          .forEach(target -> reasons.change(target, e -> e.askedAt = Earliest.HELD));
    }
    Set<Attempt> unjustified = new HashSet<>(patient);
    List<Attempt> open = new ArrayList<>(waits);
    boolean changed = true;
    while (changed && !unjustified.isEmpty()) {
      changed = false;
      for (Iterator<Attempt> i = open.iterator(); i.hasNext(); ) {
        Attempt waiter = i.next();
        if (hasReason(waiter, reasons)) {
          i.remove();
          unjustified.remove(waiter);
          changed = true;
          if (rules.fair) {
            long askedAt = waiter.askedAt;
            waiter
                .asked
                .targets()
                .forEach(t -> reasons.change(t, e -> e.askedAt = Math.min(e.askedAt, askedAt)));
          }
        }
      }
    }
    for (Attempt waiter : patient) {
      if (unjustified.contains(waiter) && blamed.add(waiter)) {
        boolean inTree = waiter.asked.targets().get(0).key() instanceof LockKey.Node;
        report.add(
            inTree ? "P8" : "P6",
            waiter
                + " waited for "
                + waiter.asked.targets()
                + " from "
                + Report.ms(from)
                + " to "
                + Report.ms(to)
                + ", while nobody held any of it and nobody in front had a reason to wait",
            waiter);
      }
    }
  }

  private static boolean hasReason(Attempt waiter, KeyIndex<Earliest> reasons) {
    boolean[] found = new boolean[1];
    for (LockTarget target : waiter.asked.targets()) {
      // Who asked only after this one stood in line is behind it, and no reason.
      reasons.meet(
          target, e -> found[0] |= e.askedAt != Attempt.NEVER && e.askedAt <= waiter.queuedAt);
    }
    return found[0];
  }

  /** When the first of those with a reason asked. */
  private static final class Earliest {
    static final long HELD = -1;

    private long askedAt = Attempt.NEVER;
  }

  private record Span(long from, long to, Attempt attempt) {}

  /** Which spans touch a window that only moves forward. */
  private static final class Slider {
    private final List<Span> spans;
    private final List<Span> now = new ArrayList<>();
    private int next;

    Slider(List<Span> spans) {
      this.spans = spans;
      spans.sort(Comparator.comparingLong(Span::from));
    }

    List<Attempt> slide(long from, long to) {
      while (next < spans.size() && spans.get(next).from <= to) {
        now.add(spans.get(next++));
      }
      now.removeIf(span -> span.to < from);
      return now.stream().map(Span::attempt).toList();
    }
  }
}
