package io.holdfast.benchmarks;

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
import java.util.TreeMap;
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
 * figures: PART -->} and {@code <!-- end -->}. Ratios are of one run. JMH's own report goes into a folder.
 *
 * <p>{@code Figures PAGE FOLDER [--quick] [PART…]}; {@code --quick} only shows that everything runs.
 */
final class Figures {
  private static final List<String> PARTS =
      List.of("uncontended", "independence", "handoff", "scaling", "latency", "memory");

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
    addUncontended(lines, results, "name", "name", "");
    addUncontended(lines, results, "depth 1", "subtree", "1");
    addUncontended(lines, results, "depth 5", "subtree", "5");
    addUncontended(lines, results, "depth 20", "subtree", "20");
    return lines;
  }

  private static void addUncontended(
      List<String> lines, Results results, String what, String benchmark, String depth) {
    Map<String, String> sides = new TreeMap<>();
    sides.put("1Table", "the table");
    sides.put("2StoreKept", "the store, lock object kept");
    sides.put("3Store", "the store");
    sides.put("4Locks", "JDK: locks at hand");
    sides.put("5LockMap", "JDK: lock map");
    sides.forEach(
        (side, called) -> {
          String name = benchmark + side.substring(1);
          Measure rate = results.score(name, depth);
          lines.add(
              row(
                  what + ", " + called,
                  rate.withSpread(),
                  Math.round(results.of(name, depth, "gc.alloc.rate.norm").median()),
                  rate.ratioTo(results.score(benchmark + "Locks", depth)),
                  rate.ratioTo(results.score(benchmark + "LockMap", depth))));
        });
  }

  private List<String> independence() throws IOException, RunnerException {
    Results results = run("independence", options("IndependenceBenchmark"));
    String[] sizes = {"10", "100", "1000", "10000", "100000"};
    List<String> lines =
        header("ns, and × those with 10", "10", "100", "1 000", "10 000", "100 000", "spread");
    addIndependence(lines, results, sizes, "tableSiblings", "table: siblings written");
    addIndependence(lines, results, sizes, "tableNephews", "table: below a sibling written");
    addIndependence(lines, results, sizes, "tableReadersBelow", "table: below it read, as it is");
    addIndependence(lines, results, sizes, "tableNames", "table: other names held");
    addIndependence(lines, results, sizes, "tableOtherLine", "table: waiters elsewhere");
    addIndependence(lines, results, sizes, "tableHandOff", "table: hand-off, waiters in line");
    addIndependence(lines, results, sizes, "tableCancel", "table: giving up amid the line");
    addIndependence(lines, results, sizes, "tableTry", "table: try in vain, waiters in line");
    addIndependence(lines, results, sizes, "storeSiblings", "store: siblings written");
    addIndependence(lines, results, sizes, "storeNames", "store: other names held");
    addIndependence(lines, results, sizes, "storeOtherLine", "store: waiters elsewhere");
    addIndependence(lines, results, sizes, "storeHandOff", "store: hand-off, waiters in line");
    addIndependence(lines, results, sizes, "storeCancel", "store: giving up amid the line");
    addIndependence(lines, results, sizes, "storeTry", "store: try in vain, waiters in line");
    return lines;
  }

  private static void addIndependence(
      List<String> lines, Results results, String[] sizes, String benchmark, String called) {
    List<Object> cells = new ArrayList<>(List.of(called));
    double first = results.score(benchmark, sizes[0]).median();
    long spread = 0;
    for (String size : sizes) {
      Measure nanos = results.score(benchmark, size);
      cells.add(String.format(Locale.ROOT, "%s ×%.2f", nanos, nanos.median() / first));
      spread = Math.max(spread, nanos.spread());
    }
    cells.add("± " + spread + " %");
    lines.add(row(cells.toArray()));
  }

  private List<String> handOff() throws IOException, RunnerException {
    Results results =
        run("handoff", options("HandoffBenchmark.(store|fairLock|unfairLock|storeFutures)$"));
    List<String> lines =
        header(
            "hand-offs a second with",
            "store",
            "fair lock",
            "store ÷ fair lock",
            "unfair lock",
            "unfair lock, acquisitions");
    for (String callers : new String[] {"2", "16", "128", "1000"}) {
      Measure store = results.of("store", callers, "handOffs");
      Measure fair = results.of("fairLock", callers, "handOffs");
      lines.add(
          row(
              callers + " threads",
              store.withSpread(),
              fair.withSpread(),
              store.ratioTo(fair),
              results.of("unfairLock", callers, "handOffs").withSpread(),
              results.of("unfairLock", callers, "acquisitions").withSpread()));
    }
    for (String callers : new String[] {"16", "1000", "100000"}) {
      Measure store = results.of("storeFutures", callers, "handOffs");
      lines.add(row(callers + " futures", store.withSpread(), "", "", "", ""));
    }
    return lines;
  }

  private List<String> virtualThreads() throws IOException, RunnerException {
    Results results = run("virtual", options("HandoffBenchmark.*Virtual$"));
    List<String> lines =
        header("hand-offs a second with", "store", "fair lock", "store ÷ fair lock");
    for (String callers : new String[] {"2", "16", "128", "1000"}) {
      Measure store = results.of("storeVirtual", callers, "handOffs");
      Measure fair = results.of("fairLockVirtual", callers, "handOffs");
      lines.add(
          row(
              callers + " virtual threads",
              store.withSpread(),
              fair.withSpread(),
              store.ratioTo(fair)));
    }
    return lines;
  }

  private List<String> scaling() throws IOException, RunnerException {
    Results[] results = new Results[3];
    for (int i = 0; i < results.length; i++) {
      int threads = 1 << i;
      results[i] = run("scaling-" + threads, options("ScalingBenchmark").threads(threads));
    }
    List<String> lines =
        header("acquire and release a second", "1 thread", "2", "4", "2 ÷ 1", "4 ÷ 1");
    Map<String, String> benchmarks = new TreeMap<>();
    benchmarks.put("namesStore", "names, store");
    benchmarks.put("namesLockMap", "names, JDK lock map");
    benchmarks.put("subtreesStore", "sub-trees, store");
    benchmarks.put("subtreesLockMap", "sub-trees, JDK lock map");
    benchmarks.forEach(
        (benchmark, called) -> {
          Measure one = results[0].score(benchmark, "");
          Measure two = results[1].score(benchmark, "");
          Measure four = results[2].score(benchmark, "");
          lines.add(
              row(
                  called,
                  one.withSpread(),
                  two.withSpread(),
                  four.withSpread(),
                  two.ratioTo(one),
                  four.ratioTo(one)));
        });
    return lines;
  }

  private List<String> latency() throws IOException, RunnerException {
    List<String> lines =
        header("µs for acquire and release", "half within", "99 %", "99.9 %", "99.99 %", "longest");
    for (int threads : new int[] {1, 2, 4}) {
      Results results =
          run(
              "latency-" + threads,
              options("ScalingBenchmark.names")
                  .threads(threads)
                  .mode(Mode.SampleTime)
                  .timeUnit(TimeUnit.MICROSECONDS)
                  .forks(1));
      for (String side : new String[] {"Store", "LockMap"}) {
        Statistics samples = results.samples("names" + side);
        List<Object> cells =
            new ArrayList<>(List.of(threads + (threads == 1 ? " thread, " : " threads, ") + side));
        for (double percent : new double[] {50, 99, 99.9, 99.99, 100}) {
          cells.add(String.format(Locale.ROOT, "%.1f", samples.getPercentile(percent)));
        }
        lines.add(row(cells.toArray()));
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

  /** On what this is measured, for figures of two machines must not be compared. */
  private String machine() {
    return String.format(
        Locale.ROOT,
        "_%s%d cores, load %.1f when it began; %s %s, Java %s._",
        quick ? "Quick run, good for nothing but to see that it runs. " : "",
        Runtime.getRuntime().availableProcessors(),
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
        System.getProperty("os.name"),
        System.getProperty("os.arch"),
        System.getProperty("java.version"));
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
        List.of(row((Object[]) cells), "|---|" + "--:|".repeat(cells.length - 1)));
  }

  private static String row(Object... cells) {
    return Arrays.stream(cells).map(String::valueOf).collect(Collectors.joining(" | ", "| ", " |"));
  }

  /** Of one run of JMH, by benchmark and parameter. */
  private record Results(Map<String, RunResult> byKey) {
    static String key(RunResult result) {
      String method = result.getParams().getBenchmark();
      String parameters =
          result.getParams().getParamsKeys().stream()
              .map(result.getParams()::getParam)
              .collect(Collectors.joining(","));
      return method.substring(method.lastIndexOf('.') + 1) + ":" + parameters;
    }

    Measure score(String benchmark, String parameter) {
      return Measure.of(find(benchmark, parameter).getPrimaryResult().getStatistics());
    }

    Measure of(String benchmark, String parameter, String counter) {
      Result<?> result = find(benchmark, parameter).getSecondaryResults().get(counter);
      if (result == null) {
        throw new IllegalStateException("no " + counter + " of " + benchmark);
      }
      return Measure.of(result.getStatistics());
    }

    Statistics samples(String benchmark) {
      return find(benchmark, "").getPrimaryResult().getStatistics();
    }

    private RunResult find(String benchmark, String parameter) {
      RunResult result = byKey.get(benchmark + ":" + parameter);
      if (result == null) {
        throw new IllegalStateException("no result of " + benchmark + ":" + parameter);
      }
      return result;
    }
  }
}
