package io.holdfast.testkit.history;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Judges a history by the promises of a lock service. Immutable; each method that changes a rule returns a new checker.
 *
 * <pre>{@code
 * assertThat(HistoryChecker.fair().lease(Duration.ofSeconds(10)).check(recorder.history())).isEmpty();
 * }</pre>
 */
public final class HistoryChecker {
  /** What the checker holds a history to. */
  record Rules(
      boolean fair,
      boolean pauses,
      Optional<Duration> lease,
      double clockRateBound,
      Duration liveness,
      Duration settle,
      Duration lossTold,
      Map<String, Integer> evidence) {}

  private final Rules rules;

  private HistoryChecker(Rules rules) {
    this.rules = rules;
  }

  /** For stores that grant in the order of arrival: no leases, exact clocks, 2 s until slow counts as never. */
  public static HistoryChecker fair() {
    return new HistoryChecker(
        new Rules(
            true,
            false,
            Optional.empty(),
            0,
            Duration.ofSeconds(2),
            Duration.ofSeconds(10),
            Duration.ofSeconds(2),
            Map.of()));
  }

  /** For stores that promise no order. */
  public static HistoryChecker unfair() {
    Rules fair = fair().rules;
    return new HistoryChecker(
        new Rules(
            false,
            fair.pauses,
            fair.lease,
            fair.clockRateBound,
            fair.liveness,
            fair.settle,
            fair.lossTold,
            fair.evidence));
  }

  /** The store may free what a client holds once it has not heard from it for so long; not a moment earlier. */
  public HistoryChecker lease(Duration lease) {
    return new HistoryChecker(
        new Rules(
            rules.fair,
            rules.pauses,
            Optional.of(lease),
            rules.clockRateBound,
            rules.liveness,
            rules.settle,
            rules.lossTold,
            rules.evidence));
  }

  /** Clocks of different machines may run apart by this share, 0.01 for one in a hundred. */
  public HistoryChecker clockRateBound(double rho) {
    return new HistoryChecker(
        new Rules(
            rules.fair,
            rules.pauses,
            rules.lease,
            rho,
            rules.liveness,
            rules.settle,
            rules.lossTold,
            rules.evidence));
  }

  /** Clients were stopped and continued: what they believed is known only where they looked, and they hear of losses late. */
  public HistoryChecker withPauses() {
    return new HistoryChecker(
        new Rules(
            rules.fair,
            true,
            rules.lease,
            rules.clockRateBound,
            rules.liveness,
            rules.settle,
            rules.lossTold,
            rules.evidence));
  }

  /** A free lock must not be withheld from who waits for it for longer than this. */
  public HistoryChecker grantsWithin(Duration liveness) {
    return new HistoryChecker(
        new Rules(
            rules.fair,
            rules.pauses,
            rules.lease,
            rules.clockRateBound,
            liveness,
            rules.settle,
            rules.lossTold,
            rules.evidence));
  }

  /** How long after a fault nobody is blamed for being slow. */
  public HistoryChecker settlesWithin(Duration settle) {
    return new HistoryChecker(
        new Rules(
            rules.fair,
            rules.pauses,
            rules.lease,
            rules.clockRateBound,
            rules.liveness,
            settle,
            rules.lossTold,
            rules.evidence));
  }

  /** A holder must have been told of its loss so soon after the store answered that the lock was taken away. */
  public HistoryChecker tellsLossWithin(Duration lossTold) {
    return new HistoryChecker(
        new Rules(
            rules.fair,
            rules.pauses,
            rules.lease,
            rules.clockRateBound,
            rules.liveness,
            rules.settle,
            lossTold,
            rules.evidence));
  }

  /** The run proves nothing unless this kind of event occurred at least so often. */
  public HistoryChecker requires(int atLeast, Class<? extends HistoryEvent> kind) {
    return requires(atLeast, kind.getSimpleName());
  }

  /** The run proves nothing unless this fault began, or this happened, at least so often. */
  public HistoryChecker requires(int atLeast, String what) {
    Map<String, Integer> evidence = new TreeMap<>(rules.evidence);
    evidence.put(what, atLeast);
    return new HistoryChecker(
        new Rules(
            rules.fair,
            rules.pauses,
            rules.lease,
            rules.clockRateBound,
            rules.liveness,
            rules.settle,
            rules.lossTold,
            Map.copyOf(evidence)));
  }

  /** The promises that the history shows to be broken; empty if none. */
  public List<Violation> check(History history) {
    throw new UnsupportedOperationException("no rules yet for " + history.events().size() + " events");
  }
}
