package io.holdfast.simulation;

import io.holdfast.testkit.history.HistoryChecker;
import io.holdfast.testkit.history.Violation;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Some minutes in the life of locks that stand in a map of records, in one thread and in virtual time: the real lease engine in
 * processes on machines with clocks of their own, a bad network, an operator. One seed decides everything.
 */
final class LeaseSimulation {
  /*
   * Two storms, each followed by a calm in which nobody may lose what it holds. At the end the applications stop asking; then
   * every wait must have come to its end, and every lock must be there for a newcomer.
   */
  private static final long STORM = 60 * Nanos.SECOND;
  private static final long CALM = 40 * Nanos.SECOND;
  private static final long SETTLE = 45 * Nanos.SECOND;

  /** What the checker can judge without knowing of leases that hold on to nobody. */
  private static final Set<String> SAFETY = Set.of("P1", "P3", "P4", "P9");

  private LeaseSimulation() {}

  /**
   * What came of a run.
   *
   * @param breach which promise was broken, and how; null if none was
   * @param evidence how often what happened
   */
  record Outcome(long seed, @Nullable String breach, Map<String, Integer> evidence, long events) {}

  static Outcome run(long seed) {
    LeaseWorld world = new LeaseWorld(seed);
    String breach;
    try {
      breach = live(world);
    } catch (Breach e) {
      breach = e.getMessage();
    } catch (RuntimeException | AssertionError e) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      breach = "broke down: " + trace;
    }
    if (breach != null) {
      breach = String.format("seed %d, %.6f s: %s", seed, world.time.now() / 1e9, breach);
    }
    long events = world.time.happened();
    world.end();
    return new Outcome(seed, breach, world.evidence, events);
  }

  private static @Nullable String live(LeaseWorld world) {
    for (int i = 0; i < 2; i++) {
      world.beginStorm();
      world.time.runUntil(world.time.now() + STORM);
      world.endStorm();
      world.time.runUntil(world.time.now() + CALM);
    }
    world.beQuiet();
    world.time.runUntil(world.time.now() + SETTLE);
    world.checkAllAnswered();
    world.askAsNewcomer();
    world.time.runUntil(world.time.now() + SETTLE);
    world.checkNewcomerHasAll();
    HistoryChecker checker =
        HistoryChecker.unfair()
            .lease(Duration.ofSeconds(10))
            .clockRateBound(LeaseWorld.CLOCK_ERROR)
            .withPauses();
    return checker.check(world.recorder.history()).stream()
        .filter(violation -> SAFETY.contains(violation.property()))
        .findFirst()
        .map(Violation::toString)
        .orElse(null);
  }
}
