package io.holdfast.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The lease engine in storms, suspend included. {@code -Dholdfast.leaseSeeds=N} runs more worlds. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LeaseSimulationTest {
  private static final int SEEDS = Integer.getInteger("holdfast.leaseSeeds", 60);

  @Test
  void promisesHoldInEveryWorldOfLeases() {
    List<String> breaches = new ArrayList<>();
    Map<String, Integer> evidence = new TreeMap<>();
    long events = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      LeaseSimulation.Outcome outcome = LeaseSimulation.run(seed);
      outcome.evidence().forEach((what, count) -> evidence.merge(what, count, Integer::sum));
      events += outcome.events();
      if (outcome.breach() != null) {
        breaches.add(outcome.breach());
      }
    }
    Figures.print("%d worlds of leases, %d events: %s%n", SEEDS, events, evidence);
    assertThat(breaches).isEmpty();
    assertThat(evidence)
        .as("what never happened was not tested either")
        .containsKeys(
            "granted",
            "granted together",
            "lost: EXPIRED",
            "lost: REVOKED",
            "UncertainOutcomeException",
            "CancellationException",
            "busy",
            "suspended",
            "paused",
            "killed",
            "closed",
            "lost: SESSION_ENDED",
            "cut off",
            "wall clock set",
            "turned away",
            "unanswered");
    assertThat(evidence.get("granted")).isGreaterThan(20 * SEEDS);
  }

  @Test
  void theSameSeedGivesTheSameWorldOfLeases() {
    LeaseSimulation.Outcome once = LeaseSimulation.run(7);
    assertThat(LeaseSimulation.run(7)).isEqualTo(once);
    assertThat(once.events()).isGreaterThan(10_000);
  }
}
