package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.cli.bench.Bench;
import io.holdfast.cli.bench.Round;
import io.holdfast.cli.output.Json;
import io.holdfast.spi.Ticker;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast bench}: what to type, and how the figures look. */
@Command(
    name = "bench",
    description = {
      "Measures pairs of acquire and release, from the threads of one client, round by round.",
      "It uses names of its own, below holdfast-bench/, and leaves nothing held."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class BenchCommand implements Callable<Integer> {
  private static final int MOST_THREADS = 1_000;
  private static final int MOST_ROUNDS = 100;
  private static final Duration SHORTEST = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofHours(1);

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "8",
      description = "How many threads, 1 to " + MOST_THREADS + " (${DEFAULT-VALUE}).")
  private int threads;

  @Option(
      names = "--duration",
      paramLabel = "TIME",
      defaultValue = "3s",
      converter = DurationText.class,
      description = "How long a round lasts, 100ms to 1h (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Duration duration;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "How many rounds count, 1 to "
              + MOST_ROUNDS
              + " (${DEFAULT-VALUE}); one half as long goes before them.")
  private int rounds;

  @Option(
      names = "--contended",
      description = "All threads fight over one lock, rather than each having its own.")
  private boolean contended;

  @Override
  public Integer call() throws InterruptedException {
    require("--threads", threads, MOST_THREADS);
    require("--rounds", rounds, MOST_ROUNDS);
    if (duration.compareTo(SHORTEST) < 0 || duration.compareTo(LONGEST) > 0) {
      throw Arguments.mistake(
          spec,
          "--duration is "
              + DurationText.show(duration)
              + ", but a round lasts "
              + DurationText.show(SHORTEST)
              + " to "
              + DurationText.show(LONGEST));
    }
    PrintWriter out = spec.commandLine().getOut();
    try (LockClient locks = store.connect()) {
      String base =
          "holdfast-bench/"
              + ProcessHandle.current().pid()
              + "-"
              + Long.toHexString(Ticker.system().nanos())
              + "/";
      List<String> names =
          IntStream.range(0, threads).mapToObj(i -> base + (contended ? 0 : i)).toList();
      if (!store.json()) {
        out.println(
            threads
                + (threads == 1 ? " thread, " : " threads, ")
                + (contended ? "one lock" : "a lock each")
                + ", rounds of "
                + DurationText.show(duration)
                + "; "
                + locks);
        out.println("  pairs/s     p50 us     p90 us     p99 us   p99.9 us     max us");
        out.flush();
      }
      List<Round> results =
          new Bench(locks, names).run(rounds, duration, round -> tell(out, round));
      conclude(out, results);
      return ExitCode.OK;
    }
  }

  private void require(String option, int value, int most) {
    if (value < 1 || value > most) {
      throw Arguments.mistake(spec, option + " is " + value + ", but it takes 1 to " + most);
    }
  }

  private void tell(PrintWriter out, Round round) {
    out.println(
        store.json()
            ? write(new Json().object().field("event", "round"), round).end()
            : line(round));
    out.flush();
  }

  private void conclude(PrintWriter out, List<Round> rounds) {
    Round median = Round.median(rounds);
    double spread = Round.spreadPercent(rounds);
    if (store.json()) {
      out.println(
          write(new Json().object().field("event", "median"), median)
              .field("threads", threads)
              .field("contended", contended)
              .field("rounds", rounds.size())
              .field("spreadPercent", spread)
              .end());
    } else {
      out.println("median round:");
      out.println(line(median));
      out.println(
          String.format(
              Locale.ROOT, "spread of pairs/s over %d rounds: %.1f %%", rounds.size(), spread));
    }
    out.flush();
  }

  private static String line(Round round) {
    return String.format(
        Locale.ROOT,
        "%9.0f %10.1f %10.1f %10.1f %10.1f %10.1f",
        round.perSecond(),
        round.p50Nanos() / 1e3,
        round.p90Nanos() / 1e3,
        round.p99Nanos() / 1e3,
        round.p999Nanos() / 1e3,
        round.longestNanos() / 1e3);
  }

  private static Json write(Json json, Round round) {
    return json.field("pairs", round.pairs())
        .field("perSecond", round.perSecond())
        .field("p50Micros", round.p50Nanos() / 1e3)
        .field("p90Micros", round.p90Nanos() / 1e3)
        .field("p99Micros", round.p99Nanos() / 1e3)
        .field("p999Micros", round.p999Nanos() / 1e3)
        .field("maxMicros", round.longestNanos() / 1e3);
  }
}
