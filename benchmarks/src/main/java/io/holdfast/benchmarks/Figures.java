package io.holdfast.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.util.Statistics;

/**
 * Runs the benchmarks and writes what came of them into a page: a table for each part, between its lines {@code <!--
 * figures: PART -->} and {@code <!-- end -->}. Ratios are of one run. JMH's own reports go into a folder.
 *
 * <p>{@code Figures PAGE FOLDER [--quick] [PART…]}; {@code --quick} only shows that everything runs.
 */
final class Figures {
  private static final List<String> PARTS =
      List.of("uncontended", "independence", "handoff", "scaling", "latency", "memory");

  /** More of the machine than this, used by others, makes figures preliminary. */
  private static final double BUSY = 0.1;

  private final Path page;
  private final Path folder;
  private final boolean quick;

  private Figures(Path page, Path folder, boolean quick) {
    this.page = page;
    this.folder = folder;
    this.quick = quick;
  }

  /** Runs the parts that are named, or else all that every JDK can run. */
  public static void main(String[] args) throws Exception {
    List<String> parts = new ArrayList<>(Arrays.asList(args).subList(2, args.length));
    boolean quick = parts.remove("--quick");
    Path folder = Files.createDirectories(Path.of(args[1]));
    Figures figures = new Figures(Path.of(args[0]), folder, quick);
    for (String part : parts.isEmpty() ? PARTS : parts) {
      long from = System.nanoTime();
      List<String> lines = new ArrayList<>(List.of(figures.machine(), ""));
      lines.addAll(figures.table(part));
      figures.insert(part, lines);
      lines.forEach(System.out::println);
      System.out.printf("(%s took %d s)%n%n", part, (System.nanoTime() - from) / 1_000_000_000);
    }
  }

  private List<String> table(String part) throws Exception {
    return switch (part) {
      case "uncontended" -> uncontended();
      case "independence" -> independence();
      case "handoff" -> handOff();
      case "virtual" -> virtualThreads();
      case "scaling" -> scaling();
      case "latency" -> latency();
      case "memory" -> memory();
      default -> throw new IllegalArgumentException("there is no part " + part);
    };
  }

  private List<String> uncontended() throws IOException, RunnerException {
    Results results =
        run("uncontended", options("UncontendedBenchmark").addProfiler(GCProfiler.class));
    List<String> lines =
        header("acquire and release", "a second", "bytes", "÷ locks at hand", "÷ lock map");
    for (String depth : List.of("", "1", "5", "20")) {
      String benchmark = depth.isEmpty() ? "name" : "subtree";
      Measure atHand = results.score(benchmark + "Locks", depth);
      Measure byMap = results.score(benchmark + "LockMap", depth);
      for (Row row :
          List.of(
              new Row("Table", "the table"),
              new Row("StoreKept", "the store, lock object kept"),
              new Row("Store", "the store"),
              new Row("Locks", "JDK, locks at hand"),
              new Row("LockMap", "JDK, lock map"))) {
        Measure rate = results.score(benchmark + row.benchmark, depth);
        Measure bytes = results.counter(benchmark + row.benchmark, depth, "gc.alloc.rate.norm");
        lines.add(
            line(
                (depth.isEmpty() ? "a name: " : "depth " + depth + ": ") + row.called,
                rate.withSpread(),
                bytes,
                rate.ratioTo(atHand),
                rate.ratioTo(byMap)));
      }
    }
    return lines;
  }

  private List<String> independence() throws IOException, RunnerException {
    Results results = run("independence", options("IndependenceBenchmark"));
    List<String> sizes = List.of("10", "100", "1000", "10000", "100000");
    List<String> lines =
        header("ns, and × those with 10", "10", "100", "1 000", "10 000", "100 000", "spread");
    for (Row row :
        List.of(
            new Row("jdkMap", "JDK map: entries in it"),
            new Row("tableSiblings", "table: siblings written"),
            new Row("tableNephews", "table: below a sibling written"),
            new Row("tableReadersBelow", "table: below it read, as it is"),
            new Row("tableNames", "table: other names held"),
            new Row("tableOtherLine", "table: waiters elsewhere"),
            new Row("tableHandOff", "table: hand-off, waiters in line"),
            new Row("tableCancel", "table: giving up amid the line"),
            new Row("tableTry", "table: try in vain, waiters in line"),
            new Row("storeSiblings", "store: siblings written"),
            new Row("storeNames", "store: other names held"),
            new Row("storeOtherLine", "store: waiters elsewhere"),
            new Row("storeHandOff", "store: hand-off, waiters in line"),
            new Row("storeCancel", "store: giving up amid the line"),
            new Row("storeTry", "store: try in vain, waiters in line"))) {
      List<Object> cells = new ArrayList<>(List.of(row.called));
      double first = results.score(row.benchmark, "10").median();
      long spread = 0;
      for (String size : sizes) {
        Measure nanos = results.score(row.benchmark, size);
        cells.add(String.format(Locale.ROOT, "%s ×%.2f", nanos, nanos.median() / first));
        spread = Math.max(spread, nanos.spread());
      }
      cells.add("± " + spread + " %");
      lines.add(line(cells.toArray()));
    }
    return lines;
  }

  private List<String> handOff() throws IOException, RunnerException {
    Results results =
        run("handoff", options("HandoffBenchmark.(store|fairLock|unfairLock|storeFutures)$"));
    List<String> lines =
        header(
            "hand-offs a second among",
            "store",
            "fair lock",
            "store ÷ fair lock",
            "unfair lock",
            "its acquisitions");
    for (String callers : List.of("2", "16", "128", "1000")) {
      Measure store = results.counter("store", callers, "handOffs");
      Measure fair = results.counter("fairLock", callers, "handOffs");
      lines.add(
          line(
              callers + " threads",
              store.withSpread(),
              fair.withSpread(),
              store.ratioTo(fair),
              results.counter("unfairLock", callers, "handOffs").withSpread(),
              results.counter("unfairLock", callers, "acquisitions").withSpread()));
    }
    for (String callers : List.of("16", "1000", "100000")) {
      Measure store = results.counter("storeFutures", callers, "handOffs");
      lines.add(line(callers + " futures", store.withSpread(), "", "", "", ""));
    }
    return lines;
  }

  private List<String> virtualThreads() throws IOException, RunnerException {
    Results results = run("virtual", options("HandoffBenchmark.*Virtual$"));
    List<String> lines =
        header("hand-offs a second among", "store", "fair lock", "store ÷ fair lock");
    for (String callers : List.of("2", "16", "128", "1000")) {
      Measure store = results.counter("storeVirtual", callers, "handOffs");
      Measure fair = results.counter("fairLockVirtual", callers, "handOffs");
      lines.add(
          line(
              callers + " virtual threads",
              store.withSpread(),
              fair.withSpread(),
              store.ratioTo(fair)));
    }
    return lines;
  }

  private List<String> scaling() throws IOException, RunnerException {
    Results byOne = run("scaling-1", options("ScalingBenchmark").threads(1));
    Results byTwo = run("scaling-2", options("ScalingBenchmark").threads(2));
    Results byFour = run("scaling-4", options("ScalingBenchmark").threads(4));
    List<String> lines =
        header("acquire and release a second", "1 thread", "2", "4", "2 ÷ 1", "4 ÷ 1");
    for (Row row :
        List.of(
            new Row("namesStore", "names, store"),
            new Row("namesLockMap", "names, JDK lock map"),
            new Row("subtreesStore", "sub-trees, store"),
            new Row("subtreesLockMap", "sub-trees, JDK lock map"))) {
      Measure one = byOne.score(row.benchmark, "");
      Measure two = byTwo.score(row.benchmark, "");
      Measure four = byFour.score(row.benchmark, "");
      lines.add(
          line(
              row.called,
              one.withSpread(),
              two.withSpread(),
              four.withSpread(),
              two.ratioTo(one),
              four.ratioTo(one)));
    }
    return lines;
  }

  private List<String> latency() throws IOException, RunnerException {
    List<String> lines =
        header("µs for acquire and release", "50 %", "99 %", "99.9 %", "99.99 %", "longest");
    for (int threads : new int[] {1, 2, 4}) {
      Results results =
          run(
              "latency-" + threads,
              options("ScalingBenchmark.names")
                  .threads(threads)
                  .mode(Mode.SampleTime)
                  .timeUnit(TimeUnit.MICROSECONDS)
                  .forks(1));
      for (Row row :
          List.of(new Row("namesStore", "store"), new Row("namesLockMap", "JDK lock map"))) {
        Statistics samples = results.find(row.benchmark, "").getPrimaryResult().getStatistics();
        List<Object> cells = new ArrayList<>(List.of(row.called + ", threads: " + threads));
        for (double percent : new double[] {50, 99, 99.9, 99.99, 100}) {
          cells.add(String.format(Locale.ROOT, "%.1f", samples.getPercentile(percent)));
        }
        lines.add(line(cells.toArray()));
      }
    }
    return lines;
  }

  private List<String> memory() throws IOException, InterruptedException {
    Path output = folder.resolve("memory.md");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-XX:MarkSweepAlwaysCompactCount=1",
                "-cp",
                System.getProperty("java.class.path"),
                MemoryReport.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(output.toFile())
            .start();
    if (process.waitFor() != 0) {
      throw new IllegalStateException("the memory report failed");
    }
    return Files.readAllLines(output, StandardCharsets.UTF_8);
  }

  private ChainedOptionsBuilder options(String benchmarks) {
    ChainedOptionsBuilder options =
        new OptionsBuilder().include("\\b" + benchmarks).shouldFailOnError(true);
    return quick
        ? options
            .forks(1)
            .warmupIterations(1)
            .warmupTime(TimeValue.milliseconds(100))
            .measurementIterations(1)
            .measurementTime(TimeValue.milliseconds(100))
        : options;
  }

  private Results run(String called, ChainedOptionsBuilder options)
      throws IOException, RunnerException {
    options
        .output(folder.resolve(called + ".log").toString())
        .resultFormat(ResultFormatType.JSON)
        .result(folder.resolve(called + ".json").toString());
    return new Results(
        new Runner(options.build())
            .run().stream().collect(Collectors.toMap(Results::key, result -> result)));
  }

  /** What the figures that follow are of, for those of two machines must not be compared. */
  private String machine() throws InterruptedException {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    system.getCpuLoad(); // the next one is since this one
    TimeUnit.SECONDS.sleep(1);
    double others = system.getCpuLoad();
    return String.format(
        Locale.ROOT,
        "_%s%d cores, of which others used %.0f %% just before; %s %s, %s %s._",
        quick ? "A quick run, to be ignored. " : others > BUSY ? "Preliminary. " : "",
        system.getAvailableProcessors(),
        100 * others,
        system.getName(),
        system.getArch(),
        System.getProperty("java.vm.name"),
        System.getProperty("java.vm.version"));
  }

  private void insert(String part, List<String> lines) throws IOException {
    String text = Files.readString(page);
    String begin = "<!-- figures: " + part + " -->\n";
    int from = text.indexOf(begin) + begin.length();
    int to = text.indexOf("<!-- end -->", from);
    if (from < begin.length() || to < 0) {
      throw new IllegalStateException(page + " has no place for " + part);
    }
    Files.writeString(
        page, text.substring(0, from) + String.join("\n", lines) + "\n" + text.substring(to));
  }

  private static List<String> header(String... cells) {
    return new ArrayList<>(
        List.of(line((Object[]) cells), "|---|" + "--:|".repeat(cells.length - 1)));
  }

  private static String line(Object... cells) {
    return Arrays.stream(cells).map(String::valueOf).collect(Collectors.joining(" | ", "| ", " |"));
  }

  /** A benchmark, and what it is called in the table. */
  private record Row(String benchmark, String called) {}

  /** Of one run of JMH, by benchmark and parameter. */
  private record Results(Map<String, RunResult> byKey) {
    static String key(RunResult result) {
      String benchmark = result.getParams().getBenchmark();
      String parameters =
          result.getParams().getParamsKeys().stream()
              .map(result.getParams()::getParam)
              .collect(Collectors.joining(","));
      return benchmark.substring(benchmark.lastIndexOf('.') + 1) + ":" + parameters;
    }

    Measure score(String benchmark, String parameter) {
      return Measure.of(find(benchmark, parameter).getPrimaryResult().getStatistics());
    }

    Measure counter(String benchmark, String parameter, String counter) {
      Result<?> result = find(benchmark, parameter).getSecondaryResults().get(counter);
      if (result == null) {
        throw new IllegalStateException("no " + counter + " of " + benchmark);
      }
      return Measure.of(result.getStatistics());
    }

    RunResult find(String benchmark, String parameter) {
      RunResult result = byKey.get(benchmark + ":" + parameter);
      if (result == null) {
        throw new IllegalStateException("no result of " + benchmark + ":" + parameter);
      }
      return result;
    }
  }
}
