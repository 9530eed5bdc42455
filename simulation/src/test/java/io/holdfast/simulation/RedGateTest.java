package io.holdfast.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A check that never failed proves little: these find every bug that is put in front of them. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class RedGateTest {
  /** A bug that takes more is not found soon enough. */
  private static final int SEEDS = 200;

  /** Worlds of leases are smaller. */
  private static final int LEASE_SEEDS = 400;

  private static final int DEPTH = 5;

  /**
   * Seeds for a bug that the explorer has found already: whether the simulation would find it too is for the README.
   */
  private static final int SEEDS_IF_EXPLORED = Integer.getInteger("holdfast.seedsIfExplored", 0);

  @ParameterizedTest
  @MethodSource("io.holdfast.simulation.Mutants#all")
  void everyMutantIsConvicted(Mutant mutant) throws IOException {
    MutantTrial trial = MutantTrial.of(mutant);
    if (mutant.isOfEngine()) {
      String breach = simulateLeases(trial, LEASE_SEEDS);
      Figures.print("mutant: %s%n  simulation of leases: %s%n", mutant, breach);
      assertThat(breach).as("the simulation of leases has not found: " + mutant).isNotNull();
      return;
    }
    String counterexample = mutant.isOfTable() ? explore(trial) : null;
    String breach = simulate(trial, counterexample == null ? SEEDS : SEEDS_IF_EXPLORED);
    Figures.print("mutant: %s%n  simulation: %s%n  explorer: %s%n", mutant, breach, counterexample);
    assertThat(counterexample != null || breach != null)
        .as("neither the explorer nor the simulation has found: " + mutant)
        .isTrue();
  }

  @Test
  void theRealCodeIsAcquitted() {
    MutantTrial trial = MutantTrial.ofNobody();
    assertThat(trial.explore(3)).isNull();
    assertThat(simulate(trial, 3)).isNull();
    assertThat(simulateLeases(trial, 3)).isNull();
  }

  @Test
  void theReadmeNamesEveryMutant() throws IOException {
    String readme = Files.readString(Path.of("README.md")); // tests run in the module's folder
    assertThat(Mutants.all())
        .allSatisfy(mutant -> assertThat(readme).contains("| " + mutant.bug() + " |"));
  }

  private static @Nullable String simulateLeases(MutantTrial trial, int seeds) {
    String found = null;
    for (int seed = 0; seed < seeds && found == null; seed++) {
      found = trial.simulateLeases(seed);
    }
    return found;
  }

  private static @Nullable String explore(MutantTrial trial) {
    String found = null;
    for (int depth = 1; depth <= DEPTH && found == null; depth++) {
      found = trial.explore(depth);
    }
    return found;
  }

  private static @Nullable String simulate(MutantTrial trial, int seeds) {
    String found = null;
    for (int seed = 0; seed < seeds && found == null; seed++) {
      found = trial.simulate(seed);
    }
    return found;
  }
}
