package io.holdfast.testkit.history;

import java.util.Arrays;

/** One client from its first request to its end. Times as in {@link Attempt}. */
final class Session {
  final String client;
  long closingAt = Attempt.NEVER;
  long closedAt = Attempt.NEVER;
  long diedAt = Attempt.NEVER;
  private long expiredAt = Attempt.NEVER;

  /** When the renewals that succeeded were sent, ascending. */
  private long[] renewals = {};

  private int renewalCount;

  /** By renewal: when the unbroken chain of renewals it belongs to ends. Computed when first asked for, then kept. */
  private long[] chainEnds = {};

  private long chainEndsFor = -1;

  Session(String client) {
    this.client = client;
  }

  void renewed(long at) {
    if (renewalCount == renewals.length) {
      renewals = Arrays.copyOf(renewals, Math.max(8, 2 * renewalCount));
    }
    renewals[renewalCount++] = at;
  }

  void expired(long at) {
    expiredAt = Math.min(expiredAt, at);
  }

  boolean wasExpired() {
    return expiredAt != Attempt.NEVER;
  }

  long expiredAt() {
    return expiredAt;
  }

  /** When the store gave up on the client, if that was after the given moment. */
  long expiredFrom(long at) {
    return expiredAt >= at ? expiredAt : Attempt.NEVER;
  }

  /** The last sign of life that the store answered, at or before the given moment; -1 if none. */
  long lastRenewalBy(long at) {
    int i = Arrays.binarySearch(renewals, 0, renewalCount, at);
    int index = i >= 0 ? i : -i - 2;
    return index < 0 ? -1 : renewals[index];
  }

  /** When the lease of what was asked then may first run out. Before that moment if it had run out already. */
  long lapsesAt(long askedAt, Rules rules) {
    long renewedAt = rules.askingRenews ? -1 : lastRenewalBy(askedAt);
    return lapsesAt(renewedAt < 0 ? askedAt : renewedAt, rules.atLeast(rules.leaseNanos));
  }

  /** The end of the unbroken chain of renewals that begins at {@code from}. */
  private long lapsesAt(long from, long leaseNanos) {
    prepareChains(leaseNanos);
    int i = Arrays.binarySearch(renewals, 0, renewalCount, from);
    int next = i >= 0 ? i : -i - 1;
    long end = Attempt.plus(from, leaseNanos);
    return next < renewalCount && renewals[next] <= end ? chainEnds[next] : end;
  }

  private void prepareChains(long leaseNanos) {
    if (chainEndsFor == leaseNanos) {
      return;
    }
    chainEnds = new long[renewalCount];
    for (int i = renewalCount - 1; i >= 0; i--) {
      long end = Attempt.plus(renewals[i], leaseNanos);
      chainEnds[i] = i + 1 < renewalCount && renewals[i + 1] <= end ? chainEnds[i + 1] : end;
    }
    chainEndsFor = leaseNanos;
  }
}
