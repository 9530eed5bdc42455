package io.holdfast.faults;

import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code faults/run.sh}. */
@Command(
    name = "faults/run.sh",
    description =
        "Lets real clients use three real lock servers, harms both, and judges the history of all that anybody saw.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {"", "Exit codes: 0 nothing broke, 1 a promise was broken, 2 the run proves nothing."})
public final class Main implements Callable<Integer> {
  private static final Duration LEAST_LEASE = Duration.ofSeconds(2);

  @Option(
      names = "--short",
      description =
          "The run for each change, 2 to 3 minutes: leader kill, pause, partition and one-way cut, client kill, power loss. Skipped, with code 0, where the machine does not allow it.")
  private boolean isShort;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      description = "All scenarios, round after round, for so long.")
  private int minutes;

  @Option(
      names = "--scenario",
      paramLabel = "NAME",
      split = ",",
      description = "These scenarios alone, once each, or for so many --minutes.")
  private List<String> scenarios = List.of();

  @Option(names = "--list", description = "Names the scenarios.")
  private boolean list;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Decides what harm is done, when and to whom; any if absent.")
  private @Nullable Long seed;

  @Option(
      names = "--measure",
      paramLabel = "WHAT",
      description = "Measures instead: failover, holder-death.")
  private @Nullable String measure;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "How often to measure (50 kills of a leader, 10 of a holder).")
  private int rounds;

  @Option(
      names = "--clients",
      paramLabel = "N",
      defaultValue = "8",
      description = "So many client processes (${DEFAULT-VALUE}).")
  private int clients;

  @Option(
      names = "--workers",
      paramLabel = "N",
      defaultValue = "3",
      description = "So many threads in each that contend (${DEFAULT-VALUE}).")
  private int workers;

  @Option(
      names = "--lease-seconds",
      paramLabel = "N",
      defaultValue = "10",
      description = "The clients' lease (${DEFAULT-VALUE}).")
  private int leaseSeconds;

  @Option(
      names = "--program",
      paramLabel = "WORDS",
      split = " ",
      description = "What starts the command line of Holdfast (java -jar cli/target/holdfast.jar).")
  private List<String> program = List.of();

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      description = "Where logs and histories go (a new folder in faults/target/runs).")
  private @Nullable Path folder;

  @Option(
      names = "--lying-disks",
      description =
          "To see that the rig convicts: the servers' disks say that all is durable, and nothing is. With --scenario power-loss this must end with code 1.")
  private boolean lyingDisks;

  @Option(
      names = "--clean",
      description = "Removes what an earlier run that was killed has left on this machine.")
  private boolean clean;

  private final PrintStream out = System.out;

  /** Made by picocli. */
  Main() {}

  public static void main(String[] arguments) {
    System.exit(
        new CommandLine(new Main()).setExecutionExceptionHandler(Main::failed).execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (list) {
      Nemeses.names().forEach(out::println);
      return Verdict.GOOD;
    }
    Optional<String> impossible = Network.impossible();
    if (impossible.isPresent()) {
      out.println((isShort ? "skipped: " : "cannot run: ") + impossible.get());
      return isShort ? Verdict.GOOD : Verdict.INVALID;
    }
    Remains remains = Remains.ofMachine();
    Path guard = Path.of("/run/holdfast-faults/guard");
    Files.createDirectories(guard.getParent());
    try (FileChannel channel = new RandomAccessFile(guard.toFile(), "rw").getChannel();
        FileLock only = channel.tryLock()) {
      if (only == null) {
        out.println("cannot run: another run is at work on this machine");
        return Verdict.INVALID;
      }
      remains.sweep().forEach(what -> out.println("cannot remove " + what));
      return clean ? Verdict.GOOD : run(remains);
    }
  }

  private int run(Remains remains) throws IOException, InterruptedException {
    long chosen = seed == null ? new SplittableRandom().nextLong(1_000_000) : seed;
    RigSettings settings = settings(chosen);
    List<String> names =
        !scenarios.isEmpty() ? scenarios : isShort ? Nemeses.SHORT : Nemeses.names();
    List<Nemesis> plan = names.stream().map(Nemeses::named).toList();
    out.println("seed " + chosen + ", logs and histories in " + settings.folder());
    Thread sweeper =
        new Thread(
            () -> {
              remains.close();
              remains.sweep();
            });
    Runtime.getRuntime().addShutdownHook(sweeper); // for Ctrl-C
    try (Site site = new Site(settings, remains, work())) {
      site.shortcomings().forEach(what -> out.println("this machine " + what));
      if (lyingDisks) {
        site.lieAboutDurability();
      }
      if (measure == null) {
        return new Campaign(site, out).run(plan, !scenarios.isEmpty(), Duration.ofMinutes(minutes));
      }
      Measurement measurement = new Measurement(site, out);
      return measure.equals("failover")
          ? measurement.failOver(rounds == 0 ? 50 : rounds)
          : measurement.holderDeath(rounds == 0 ? 10 : rounds);
    } finally {
      remains.sweep().forEach(what -> out.println("cannot remove " + what));
      deleteDisks(settings.folder());
    }
  }

  private RigSettings settings(long chosen) {
    require(clients >= 2 && clients <= 100, "--clients is " + clients + ", but it takes 2 to 100");
    require(workers >= 1 && workers <= 100, "--workers is " + workers + ", but it takes 1 to 100");
    require(
        leaseSeconds >= LEAST_LEASE.toSeconds() && leaseSeconds <= 60,
        "--lease-seconds is " + leaseSeconds + ", but it takes 2 to 60");
    require(minutes >= 0 && minutes <= 24 * 60, "--minutes is " + minutes + ", at most 1440");
    require(rounds >= 0 && rounds <= 1_000, "--rounds is " + rounds + ", at most 1000");
    require(
        measure == null || List.of("failover", "holder-death").contains(measure),
        "--measure is " + measure + ", but there are failover and holder-death");
    scenarios.forEach(Nemeses::named);
    String home = System.getProperty("holdfast.home", ".");
    String stamp =
        LocalDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss"))
            + "-"
            + chosen;
    Path runs = Path.of(home, "faults", "target", "runs", stamp);
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    return new RigSettings(
        chosen,
        clients,
        workers,
        Duration.ofSeconds(leaseSeconds),
        program.isEmpty()
            ? List.of(
                java,
                "-Xmx512m",
                "-jar",
                Path.of(home, "cli", "target", "holdfast.jar").toAbsolutePath().toString())
            : program,
        (folder == null ? runs : folder).toAbsolutePath());
  }

  private String work() {
    return measure == null ? "contend" : measure.equals("failover") ? "beat" : "cling";
  }

  /** The servers' disks are large, and what is in them is in the logs. */
  private static void deleteDisks(Path folder) throws IOException {
    for (int i = 1; i <= Site.SERVERS; i++) {
      Files.deleteIfExists(folder.resolve("s" + i + ".xfs"));
    }
  }

  private static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  private static int failed(Exception failure, CommandLine line, CommandLine.ParseResult parsed) {
    line.getErr().println("faults/run.sh: " + failure.getMessage());
    if (!(failure instanceof IllegalArgumentException)) {
      failure.printStackTrace(line.getErr());
    }
    return Verdict.INVALID;
  }
}
