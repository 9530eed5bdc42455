package io.holdfast.testkit.history;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/** What a history is held to. Changed only by the {@link HistoryChecker} that made the copy, before it hands it out. */
final class Rules {
  boolean fair = true;
  boolean pauses;

  /** Whether whoever takes a lock away takes at once what was granted with it; otherwise that goes once the holder knows. */
  boolean revokesAsOne = true;

  /** {@link Attempt#NEVER} if time alone frees nothing. */
  long leaseNanos = Attempt.NEVER;

  /** Whether a lease counts from what the client asked last, too; otherwise from its last renewal alone. */
  boolean askingRenews = true;

  double clockRateBound;
  long livenessNanos = Duration.ofSeconds(2).toNanos();
  long settleNanos = Duration.ofSeconds(10).toNanos();
  long lossToldNanos = Duration.ofSeconds(2).toNanos();
  final Map<String, Integer> evidence = new TreeMap<>();

  Rules copy() {
    Rules copy = new Rules();
    copy.fair = fair;
    copy.pauses = pauses;
    copy.revokesAsOne = revokesAsOne;
    copy.leaseNanos = leaseNanos;
    copy.askingRenews = askingRenews;
    copy.clockRateBound = clockRateBound;
    copy.livenessNanos = livenessNanos;
    copy.settleNanos = settleNanos;
    copy.lossToldNanos = lossToldNanos;
    copy.evidence.putAll(evidence);
    return copy;
  }

  boolean hasLease() {
    return leaseNanos != Attempt.NEVER;
  }

  /** The shortest that a span measured on one clock may be on another. */
  long atLeast(long nanos) {
    return nanos == Attempt.NEVER ? nanos : (long) (nanos * (1 - clockRateBound));
  }

  /** The longest that a span measured on one clock may be on another. */
  long atMost(long nanos) {
    double most = nanos * (1 + clockRateBound);
    return nanos == Attempt.NEVER || most >= Attempt.NEVER ? Attempt.NEVER : (long) most;
  }
}
