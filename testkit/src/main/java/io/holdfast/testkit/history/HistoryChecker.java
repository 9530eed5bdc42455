package io.holdfast.testkit.history;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * Judges a history by the promises of a lock service. It knows only what clients saw, and shares no code with any store.
 *
 * <table>
 * <caption>What a {@link Violation#property} says</caption>
 * <tr><td>P1</td><td>tokens of a key are unique, and what was acquired before another was asked for has the lower one
 * <tr><td>P2</td><td>two holders by the store's own answers; or a session given up before its lease was over
 * <tr><td>P3</td><td>two holders by their own belief; or one that believes in a hold that has ended
 * <tr><td>P4</td><td>a fenced resource took writes out of the order of tokens, or refused one without a reason
 * <tr><td>P5</td><td>a request overtook a conflicting one that stood in line before it asked
 * <tr><td>P6</td><td>a lock was withheld from who waited for it while nobody had it
 * <tr><td>P7</td><td>P2 between a reader and a writer; P5 by a reader
 * <tr><td>P8</td><td>P2 between two nodes of a tree; P6 in a tree
 * <tr><td>P9</td><td>one request was granted twice
 * <tr><td>P10</td><td>a wait did not end exactly once; a try stood in line; events that cannot follow each other
 * <tr><td>P11</td><td>a client that was closed or given up was granted something, or still held
 * <tr><td>P12</td><td>a loss was told late, twice, or without a cause
 * <tr><td>P14</td><td>a call went on after its patience, or lost it too early
 * <tr><td>P15</td><td>the run lacks the events that would make it worth anything
 * <tr><td>P16</td><td>a try was answered with "busy" while nobody held or waited
 * </table>
 *
 * <p>P13, that replicas agree, cannot be seen from outside. Immutable; each method that changes a rule returns a new checker.
 *
 * <pre>{@code
 * assertThat(HistoryChecker.fair().lease(Duration.ofSeconds(10)).check(recorder.history())).isEmpty();
 * }</pre>
 */
public final class HistoryChecker {
  private final Rules rules;

  private HistoryChecker(Rules rules) {
    this.rules = rules;
  }

  /**
   * For stores that grant in the order of arrival. No lease, exact clocks, no pauses; 2 s until slow counts as never, and
   * until a loss must have been told; 10 s to get over a fault.
   */
  public static HistoryChecker fair() {
    return new HistoryChecker(new Rules());
  }

  /** For stores that promise no order; otherwise the same. */
  public static HistoryChecker unfair() {
    return fair().with(rules -> rules.fair = false);
  }

  /** The store may free what a client holds once it has not heard from it for so long, and not a moment earlier. */
  public HistoryChecker lease(Duration lease) {
    return with(rules -> rules.leaseNanos = lease.toNanos());
  }

  /**
   * A lease counts from the last {@link HistoryEvent.SessionRenewed} alone, as where heartbeats renew it and nothing else
   * does. Otherwise it counts from the asking if that is later, as where each hold has a lease of its own.
   */
  public HistoryChecker renewedByHeartbeatsAlone() {
    return with(rules -> rules.askingRenews = false);
  }

  /** Whoever takes a lock away takes no more than that: what was granted with it is freed once its holder has learned of it. */
  public HistoryChecker revokesOneByOne() {
    return with(rules -> rules.revokesAsOne = false);
  }

  /** The clocks of client and store may run apart by this share, 0.01 for one in a hundred. */
  public HistoryChecker clockRateBound(double rho) {
    return with(rules -> rules.clockRateBound = rho);
  }

  /** Clients were stopped and continued: what they believed is known only where they looked, and they hear of losses late. */
  public HistoryChecker withPauses() {
    return with(rules -> rules.pauses = true);
  }

  /** A free lock must not be withheld for longer than this from who waits for it, nor an answer. */
  public HistoryChecker grantsWithin(Duration liveness) {
    return with(rules -> rules.livenessNanos = liveness.toNanos());
  }

  /** How long after a fault nobody is blamed for being slow. */
  public HistoryChecker settlesWithin(Duration settle) {
    return with(rules -> rules.settleNanos = settle.toNanos());
  }

  /** A holder must have been told of its loss so soon after the lock was taken away. */
  public HistoryChecker tellsLossWithin(Duration lossTold) {
    return with(rules -> rules.lossToldNanos = lossTold.toNanos());
  }

  /** The run proves nothing unless this kind of event occurred at least so often. */
  public HistoryChecker requires(int atLeast, Class<? extends HistoryEvent> kind) {
    return requires(atLeast, kind.getSimpleName());
  }

  /** The run proves nothing unless a fault of this name began, or this {@linkplain HistoryEvent.Happened happened}, so often. */
  public HistoryChecker requires(int atLeast, String what) {
    return with(rules -> rules.evidence.put(what, atLeast));
  }

  /** The promises that the history shows to be broken; empty if none. Of many breaches of one, the first. */
  public List<Violation> check(History history) {
    Report report = new Report();
    Timeline timeline = new Timeline(history, rules, report);
    new TokenCheck(timeline, report).run();
    new ExclusionCheck(timeline, rules, report).run();
    new FencingCheck(timeline, report).run();
    if (rules.fair) {
      new OrderCheck(timeline, rules, report).run();
    }
    new LivenessCheck(timeline, rules, report).run();
    new LifecycleCheck(timeline, rules, report).run();
    new BusyCheck(timeline, rules, report).run();
    checkEvidence(timeline, report);
    return report.violations();
  }

  private void checkEvidence(Timeline timeline, Report report) {
    rules.evidence.forEach(
        (what, atLeast) -> {
          int count = timeline.count(what);
          if (count < atLeast) {
            report.add(
                "P15",
                "the run proves nothing: "
                    + what
                    + " "
                    + count
                    + " times, at least "
                    + atLeast
                    + " needed");
          }
        });
  }

  private HistoryChecker with(Consumer<Rules> change) {
    Rules copy = rules.copy();
    change.accept(copy);
    return new HistoryChecker(copy);
  }
}
