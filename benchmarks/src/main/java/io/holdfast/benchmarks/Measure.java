package io.holdfast.benchmarks;

import java.util.Locale;
import org.openjdk.jmh.util.Statistics;

/** What the iterations of one benchmark say: the middle one of their scores, the lowest and the highest. */
record Measure(double median, double lowest, double highest) {
  static Measure of(Statistics iterations) {
    return new Measure(iterations.getPercentile(50), iterations.getMin(), iterations.getMax());
  }

  /** How far the outermost score is from the middle one, in percent. */
  long spread() {
    return Math.round(100 * Math.max(highest - median, median - lowest) / median);
  }

  String withSpread() {
    return this + " ± " + spread() + " %";
  }

  /** Against another, with the least and the most that it can be for all that was seen of both. */
  String ratioTo(Measure other) {
    return String.format(
        Locale.ROOT,
        "%.2f (%.2f – %.2f)",
        median / other.median,
        lowest / other.highest,
        highest / other.lowest);
  }

  /** As many digits as a table can take: {@code 4.23 M}, {@code 85 k}. */
  @Override
  public String toString() {
    if (median >= 1e6) {
      return String.format(Locale.ROOT, "%.2f M", median / 1e6);
    }
    return median >= 1e4
        ? String.format(Locale.ROOT, "%.0f k", median / 1e3)
        : String.format(Locale.ROOT, "%.0f", median);
  }
}
