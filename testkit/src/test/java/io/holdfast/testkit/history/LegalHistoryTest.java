package io.holdfast.testkit.history;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import java.util.stream.Stream;
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

  /** Odd seeds: nobody is cut off, so nobody is excused. Made once, for making takes longer than judging. */
  private static final Map<Long, History> LEGAL =
      Stream.of(101L, 103L, 105L)
          .collect(toMap(seed -> seed, seed -> LegalHistory.of(seed, 8, Duration.ofSeconds(8))));

  @ParameterizedTest
  @EnumSource
  void aSpoiltHistoryDoesNot(Corruption corruption) {
    LEGAL.forEach(
        (seed, legal) ->
            assertThat(LegalHistory.CHECKER.check(corruption.of(legal, seed)))
                .as("seed %d", seed)
                .extracting(Violation::property)
                .containsAnyElementsOf(corruption.properties()));
  }
}
