package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class HoldOptionsTest {
  private static final HoldOptions DEFAULTS = HoldOptions.defaults();

  @Test
  void defaultsAreALeaseOfTenSecondsAndNothingElse() {
    assertThat(DEFAULTS.leaseDuration()).isEqualTo(Duration.ofSeconds(10));
    assertThat(DEFAULTS.maxHold()).isEmpty();
    assertThat(DEFAULTS.data()).isEqualTo(HoldData.empty());
  }

  @Test
  void boundsAreAllowed() {
    for (Duration lease : new Duration[] {HoldOptions.MIN_LEASE, HoldOptions.MAX_LEASE}) {
      assertThat(DEFAULTS.leaseDuration(lease).leaseDuration()).isEqualTo(lease);
    }
    for (Duration maxHold : new Duration[] {Duration.ofMillis(1), Duration.ofDays(365)}) {
      assertThat(DEFAULTS.maxHold(maxHold).maxHold()).contains(maxHold);
    }
  }

  @Test
  void eachChangeKeepsTheOthersAndTheOriginal() {
    HoldOptions all =
        DEFAULTS
            .data("import")
            .maxHold(Duration.ofMinutes(30))
            .leaseDuration(Duration.ofSeconds(20));
    assertThat(all.data().text()).isEqualTo("import");
    assertThat(all.maxHold()).contains(Duration.ofMinutes(30));
    assertThat(all.leaseDuration()).isEqualTo(Duration.ofSeconds(20));

    HoldOptions other = all.maxHold(Duration.ofMinutes(1)).data(HoldData.empty());
    assertThat(other.leaseDuration()).isEqualTo(Duration.ofSeconds(20));
    assertThat(other.maxHold()).contains(Duration.ofMinutes(1));
    assertThat(other.data().isEmpty()).isTrue();
    assertThat(all.maxHold()).contains(Duration.ofMinutes(30));
    defaultsAreALeaseOfTenSecondsAndNothingElse();
  }

  @Test
  void noDataIsSaidByEmptyData() {
    assertThatThrownBy(() -> DEFAULTS.data((HoldData) null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("data");
  }
}
