package io.holdfast.server.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class LimitsTest {
  @Test
  void limitsAreSetByName() {
    Limits some = Limits.DEFAULTS.with(Map.of("sessions-per-connection", 7, "watches", 3));
    assertThat(some.sessionsPerConnection()).isEqualTo(7);
    assertThat(some.watches()).isEqualTo(3);
    assertThat(some.with(Map.of("sessions-per-connection", 100, "watches", 100)))
        .isEqualTo(Limits.DEFAULTS);
    assertThat(some.byName()).containsEntry("watches", 3).containsEntry("sessions", 100_000);
    assertThat(Limits.DEFAULTS.with(some.byName())).isEqualTo(some);
  }

  @Test
  void whatIsNoLimitIsRefused() {
    assertThatThrownBy(() -> Limits.DEFAULTS.with(Map.of("sesions", 7)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no limit is called sesions");
    assertThatThrownBy(() -> Limits.DEFAULTS.with(Map.of("sessions", 0)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a limit is 0, at least 1");
  }
}
