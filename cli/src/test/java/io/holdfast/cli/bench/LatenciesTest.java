package io.holdfast.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LatenciesTest {
  @ParameterizedTest
  @ValueSource(longs = {0, 1, 63, 64, 65, 127, 128, 999, 1_000_000_007, Long.MAX_VALUE})
  void aSingleValueIsEveryPercentile(long nanos) {
    Latencies one = new Latencies();
    one.add(nanos);
    assertThat(one.percentile(0.001)).isEqualTo(nanos);
    assertThat(one.percentile(100)).isEqualTo(nanos);
    assertThat(one.longest()).isEqualTo(nanos);
  }

  @Test
  void percentilesAreNeverTooShortAndAtMostA32ndTooLong() {
    SplittableRandom random = new SplittableRandom(1);
    long[] values = random.longs(10_000, 0, 63).map(bits -> random.nextLong(1L << bits)).toArray();
    Latencies all = new Latencies();
    Latencies half = new Latencies();
    for (int i = 0; i < values.length; i++) {
      (i % 2 == 0 ? all : half).add(values[i]);
    }
    all.addAll(half);
    Arrays.sort(values);
    assertThat(all.count()).isEqualTo(values.length);
    for (double percent : new double[] {1, 10, 50, 90, 99, 99.9, 100}) {
      long exact = values[(int) Math.ceil(values.length * percent / 100) - 1];
      assertThat(all.percentile(percent))
          .as(percent + " %% of %s", exact)
          .isBetween(exact, exact + exact / 32);
    }
  }

  @Test
  void ofNothingThereAreNoPercentiles() {
    assertThat(new Latencies().percentile(50)).isZero();
  }
}
