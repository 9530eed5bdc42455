package io.holdfast.testkit.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LegalHistoryTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
  void aLegalHistoryPasses(long seed) {
    History history = LegalHistory.of(seed, 8, Duration.ofSeconds(20));
    System.err.println(history.events().size());
    assertThat(LegalHistory.CHECKER.check(history)).isEmpty();
  }
}
