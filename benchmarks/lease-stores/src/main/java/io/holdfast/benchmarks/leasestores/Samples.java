package io.holdfast.benchmarks.leasestores;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What the rounds of one measurement gave. For one thread. */
final class Samples {
  private final List<Double> rounds = new ArrayList<>();

  void add(double figure) {
    rounds.add(figure);
  }

  double median() {
    return percentile(50);
  }

  double percentile(int percent) {
    double[] sorted = sorted();
    return sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)];
  }

  /** The middle one, and by how much the outermost is away from it. */
  String withSpread() {
    double median = median();
    double outermost = 0;
    for (double each : rounds) {
      outermost = Math.max(outermost, Math.abs(each - median));
    }
    return String.format(Locale.ROOT, "%,.0f ± %.0f %%", median, 100 * outermost / median)
        .replace(',', ' ');
  }

  /** The ratio round by round: the middle one, the least and the most. */
  String ratioTo(Samples other) {
    Samples ratios = new Samples();
    for (int i = 0; i < rounds.size(); i++) {
      ratios.add(rounds.get(i) / other.rounds.get(i));
    }
    double[] sorted = ratios.sorted();
    return String.format(
        Locale.ROOT, "%.2f (%.2f – %.2f)", ratios.median(), sorted[0], sorted[sorted.length - 1]);
  }

  private double[] sorted() {
    double[] sorted = rounds.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted;
  }
}
