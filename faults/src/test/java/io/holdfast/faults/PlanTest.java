package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A run that leaves out what it was to do must not look like one that did it. */
class PlanTest {
  private static final List<Nemesis> WANTED = List.of(new PowerLoss(), new RollingRestart());

  @Test
  void whatIsPossibleIsDone() {
    Plan plan = Plan.of(WANTED, true, nemesis -> Optional.empty());
    assertThat(plan).isEqualTo(new Plan(WANTED, List.of(), List.of()));
  }

  @Test
  void whatWasNamedAndCannotBeDoneMakesTheRunWorthNothing() {
    Plan plan = Plan.of(WANTED, true, PlanTest::withoutDisks);
    assertThat(plan.gaps())
        .containsExactly("asked for, and cannot be done here: power-loss needs disks");
  }

  @Test
  void ofAllThatThereIsSomeMayBeLeftOutAndIsSaid() {
    Plan plan = Plan.of(WANTED, false, PlanTest::withoutDisks);
    assertThat(plan.harm()).extracting(Nemesis::name).containsExactly("rolling-restart");
    assertThat(plan.leftOut()).containsExactly("power-loss needs disks");
    assertThat(plan.gaps()).isEmpty();
  }

  @Test
  void withoutAnyHarmARunIsWorthNothing() {
    Plan plan = Plan.of(WANTED, false, nemesis -> Optional.of("needs luck"));
    assertThat(plan.harm()).isEmpty();
    assertThat(plan.gaps()).containsExactly("no harm at all can be done here");
  }

  private static Optional<String> withoutDisks(Nemesis nemesis) {
    return nemesis instanceof PowerLoss ? Optional.of("needs disks") : Optional.empty();
  }
}
