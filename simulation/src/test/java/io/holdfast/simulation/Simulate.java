package io.holdfast.simulation;

import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/** Runs many seeds on all cores, or replays one: for the night, and for the morning after. See the README. */
final class Simulate {
  private static final long BATCH = 1_000;

  private Simulate() {}

  /**
   * Runs from the command line.
   *
   * @param arguments a seed, to replay it; or the first seed and how many
   */
  public static void main(String[] arguments) {
    if (arguments.length == 1) {
      Simulation.Outcome outcome =
          Simulation.run(Long.parseLong(arguments[0]), System.out::println);
      System.out.println(outcome.breach() == null ? "no breach" : outcome.breach());
      System.exit(outcome.breach() == null ? 0 : 1);
    } else if (arguments.length == 2) {
      run(Long.parseLong(arguments[0]), Long.parseLong(arguments[1]));
    } else {
      System.err.println("usage: Simulate SEED | Simulate FIRST_SEED COUNT");
      System.exit(64);
    }
  }

  private static void run(long first, long count) {
    Campaign all = new Campaign();
    for (long begin = first; begin < first + count; begin += BATCH) {
      long began = System.nanoTime();
      long end = Math.min(begin + BATCH, first + count);
      LongStream.range(begin, end)
          .parallel()
          .mapToObj(
              seed -> {
                Campaign one = new Campaign();
                one.run(seed);
                return one;
              })
          .toList()
          .forEach(all::add);
      System.out.printf(
          "seeds %d to %d: %d s, %d breaches so far%n",
          begin,
          end - 1,
          TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began),
          all.breaches().size());
      all.breaches().stream().limit(10).forEach(System.out::println);
    }
    System.out.println(all);
    System.exit(all.breaches().isEmpty() ? 0 : 1);
  }
}
