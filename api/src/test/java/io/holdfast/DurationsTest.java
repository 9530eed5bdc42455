package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.spi.AcquireRequest;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class DurationsTest {
  @Test
  void aWaitIsTakenToTheNanosecond() {
    assertThat(Durations.waitNanos(Duration.ZERO)).isZero();
    assertThat(Durations.waitNanos(Duration.ofNanos(1))).isEqualTo(1);
    assertThat(Durations.waitNanos(Duration.ofSeconds(5))).isEqualTo(5_000_000_000L);
  }

  /** Longer than anybody means is a bound all the same: just below what acquire() waits, and not in the past. */
  @Test
  void aWaitBeyondAYearIsCutToIt() {
    Duration year = Duration.ofDays(365);
    assertThat(AcquireRequest.LONGEST_WAIT_NANOS).isEqualTo(year.toNanos());
    for (Duration longer :
        new Duration[] {
          year,
          year.plusNanos(1),
          Duration.ofNanos(Long.MAX_VALUE),
          Duration.ofMillis(Long.MAX_VALUE),
          Duration.ofSeconds(Long.MAX_VALUE, 999_999_999)
        }) {
      assertThat(Durations.waitNanos(longer)).isEqualTo(AcquireRequest.LONGEST_WAIT_NANOS - 1);
    }
    assertThat(Durations.waitNanos(year.minusNanos(1)))
        .isEqualTo(AcquireRequest.LONGEST_WAIT_NANOS - 1);
  }
}
