package io.holdfast.simulation;

import io.holdfast.table.TableSize;
import io.holdfast.testkit.history.HistoryChecker;
import io.holdfast.testkit.history.Violation;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Ten minutes in the life of a lock service, in one thread and in virtual time: three servers with real lock tables,
 * clients, an operator, a resource that fences, a bad network. One seed decides everything, so what went wrong once
 * goes wrong again.
 */
final class Simulation {
  /*
   * Two storms, each followed by a calm in which nobody has an excuse for being slow. At the end the applications stop
   * asking, and everything must have been given back while the sessions still live; then they close, and nothing must
   * be left.
   */
  private static final long STORM = 180 * Nanos.SECOND;
  private static final long CALM = 120 * Nanos.SECOND;
  private static final long SETTLE = 20 * Nanos.SECOND;
  private static final long LAST_WORDS = 40 * Nanos.SECOND;

  /** One seed in so many has its snapshots compared after every command, the others now and then. */
  private static final int THOROUGH = 50;

  private static final int COMPARE_EVERY = 16;

  private Simulation() {}

  /**
   * What came of a run.
   *
   * @param breach which promise was broken, and how; null if none was
   * @param events so many things happened
   */
  record Outcome(long seed, @Nullable String breach, Evidence evidence, long events) {}

  static Outcome run(long seed) {
    return run(seed, null);
  }

  /** @param tracer is told all that happens; null if nobody wants to know */
  static Outcome run(long seed, @Nullable Consumer<String> tracer) {
    World world = new World(seed, seed % THOROUGH == 0 ? 1 : COMPARE_EVERY, tracer);
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
    return new Outcome(seed, breach, world.evidence, world.time.happened());
  }

  private static @Nullable String live(World world) {
    for (int i = 0; i < 2; i++) {
      world.beginStorm();
      world.time.runUntil(world.time.now() + STORM);
      world.endStorm();
      if (i == 1) {
        world.time.at(world.time.now() + CALM - LAST_WORDS, world::beQuiet);
      }
      world.time.runUntil(world.time.now() + CALM);
    }
    checkNothingIsLeft(world, true);
    world.clients.forEach(SimulatedClient::close);
    world.time.runUntil(world.time.now() + 2 * SETTLE);
    checkNothingIsLeft(world, false);
    world.cluster.compareAtEnd();
    List<Violation> violations = checker().check(world.recorder.history());
    return violations.stream()
        .filter(violation -> !isExcused(violation))
        .findFirst()
        .map(violation -> violation + "\n" + violation.evidence())
        .orElse(null);
  }

  private static HistoryChecker checker() {
    return HistoryChecker.fair()
        .lease(Duration.ofSeconds(10))
        .renewedByHeartbeatsAlone()
        .clockRateBound(World.CLOCK_ERROR)
        .withPauses()
        .settlesWithin(Duration.ofNanos(SETTLE));
  }

  /** What the checker cannot know. */
  private static boolean isExcused(Violation violation) {
    // In a storm, what was granted and over before its client knew seems to have stood in line all
    // the
    // while; and who gave up is in line until its cancellation comes through. The referee has
    // judged
    // the order of these, command by command.
    boolean isAboutOrder = violation.aboutOrder() || violation.property().equals("P16");
    return isAboutOrder
        && violation.evidence().stream().anyMatch(event -> isDisturbed(event.atNanos()));
  }

  private static boolean isDisturbed(long at) {
    return at % (STORM + CALM) < STORM + SETTLE;
  }

  private static void checkNothingIsLeft(World world, boolean sessionsLive) {
    List<String> busy = new ArrayList<>();
    TableSize size = world.referee.size();
    if (sessionsLive) {
      world.clients.stream()
          .filter(client -> !client.isIdle())
          .forEach(client -> busy.add(client.toString()));
    }
    boolean empty = size.holds() == 0 && size.waiters() == 0 && size.nodes() == 0;
    if (!sessionsLive) {
      empty &= size.sessions() == 0 && size.remembered() == 0;
    }
    if (!busy.isEmpty() || !empty) {
      throw new Breach(
          "P14", "all went home, and left are: " + world.referee.contents() + ", busy: " + busy);
    }
  }
}
