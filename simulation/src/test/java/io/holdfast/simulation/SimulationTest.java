package io.holdfast.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * {@code -Dholdfast.seed=N} replays one seed and prints all that happens. {@link Simulate} runs millions.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class SimulationTest {
  /** A world of ten minutes takes some 0.3 s. */
  private static final int SEEDS = Integer.getInteger("holdfast.seeds", 150);

  @Test
  @DisabledIfSystemProperty(named = "holdfast.seed", matches = ".*")
  void promisesHoldInEveryWorld() {
    Campaign campaign = new Campaign();
    for (long seed = 0; seed < SEEDS; seed++) {
      campaign.run(seed);
    }
    assertThat(campaign.breaches()).as("replay with -Dholdfast.seed=N").isEmpty();
    if (SEEDS >= 150) {
      assertThat(campaign.evidence().missing())
          .as("what never happened was not tested either")
          .isSubsetOf(Fact.SESSION_RENEWED_IN_TIME); // that takes many more
    }
    Figures.print("%s%n", campaign);
  }

  @Test
  @EnabledIfSystemProperty(named = "holdfast.seed", matches = "\\d+")
  void replay() {
    Simulation.Outcome outcome = Simulation.run(Long.getLong("holdfast.seed"), System.out::println);
    assertThat(outcome.breach()).isNull();
  }

  @Test
  void theSameSeedGivesTheSameWorld() {
    List<String> once = new ArrayList<>();
    List<String> again = new ArrayList<>();
    Simulation.run(7, once::add);
    Simulation.run(7, again::add);
    assertThat(again).isEqualTo(once).hasSizeGreaterThan(1_000);
  }
}
