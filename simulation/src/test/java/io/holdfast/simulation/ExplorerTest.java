package io.holdfast.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Run it with {@code -Dholdfast.deeper=1} at night. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class ExplorerTest {
  private static final int DEEPER = Integer.getInteger("holdfast.deeper", 0);

  @ParameterizedTest
  @MethodSource("io.holdfast.simulation.Alphabet#all")
  void everySequenceOfCommandsDoesWhatTheRulesSay(Alphabet alphabet) {
    Explorer.Result result = Explorer.explore(alphabet, alphabet.depth() + DEEPER);
    assertThat(result.counterexample()).isNull();
    assertThat(result.states()).as("it went somewhere").isGreaterThan(1_000);
    assertThat(result.complete() || !alphabet.comesToAnEnd()).as("it came to the end").isTrue();
    Figures.print(
        "explorer, %s, %d moves: %,d states, %,d commands compared%s%n",
        alphabet,
        alphabet.moves().size(),
        result.states(),
        result.steps(),
        result.complete() ? ", complete" : ", " + (alphabet.depth() + DEEPER) + " deep");
  }
}
