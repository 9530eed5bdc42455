package io.holdfast.cli.bench;

import java.util.Comparator;
import java.util.List;

/**
 * The figures of one round. A pair is an acquire and its release.
 *
 * @param pairs how many
 * @param perSecond pairs of all threads together
 */
public record Round(
    long pairs,
    double perSecond,
    long p50Nanos,
    long p90Nanos,
    long p99Nanos,
    long p999Nanos,
    long longestNanos) {

  static Round of(Latencies latencies, long nanos) {
    return new Round(
        latencies.count(),
        latencies.count() * 1e9 / nanos,
        latencies.percentile(50),
        latencies.percentile(90),
        latencies.percentile(99),
        latencies.percentile(99.9),
        latencies.longest());
  }

  /** The one in the middle of at least one, by its speed. */
  public static Round median(List<Round> rounds) {
    return rounds.stream()
        .sorted(Comparator.comparingDouble(Round::perSecond))
        .toList()
        .get(rounds.size() / 2);
  }

  /** By how much of the median the slowest and the fastest differ, in per cent. */
  public static double spreadPercent(List<Round> rounds) {
    double slowest = rounds.stream().mapToDouble(Round::perSecond).min().orElseThrow();
    double fastest = rounds.stream().mapToDouble(Round::perSecond).max().orElseThrow();
    return 100 * (fastest - slowest) / median(rounds).perSecond();
  }
}
