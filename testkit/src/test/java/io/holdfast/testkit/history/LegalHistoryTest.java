package io.holdfast.testkit.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that keep every promise pass; each way of spoiling one is found. */
class LegalHistoryTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void aLegalHistoryPasses(long seed) {
    History history = LegalHistory.of(seed, 8, Duration.ofSeconds(10));
    assertThat(history.events()).hasSizeGreaterThan(10_000);
    assertThat(LegalHistory.CHECKER.check(history)).isEmpty();
  }

  /** Odd seeds: nobody is cut off, so nobody is excused. */
  @ParameterizedTest
  @EnumSource
  void aSpoiltHistoryDoesNot(Corruption corruption) {
    for (long seed : List.of(101L, 103L, 105L)) {
      History spoilt = corruption.of(LegalHistory.of(seed, 8, Duration.ofSeconds(8)), seed);
      assertThat(LegalHistory.CHECKER.check(spoilt))
          .as("seed %d", seed)
          .extracting(Violation::property)
          .containsAnyElementsOf(corruption.properties());
    }
  }
}
