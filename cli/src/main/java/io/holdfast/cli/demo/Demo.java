package io.holdfast.cli.demo;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.cli.output.Terminal;
import io.holdfast.inprocess.InProcessLocks;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.HistoryChecker;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.Violation;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Two dozen workers, each a client of its own, rename, copy, write, read and delete files that they share. Then the files
 * and the history of all that anybody saw are checked, and written up as a page.
 */
public final class Demo {
  /** From here on slow counts as never. */
  private static final Duration SLOW = Duration.ofSeconds(3);

  private final DemoSettings settings;
  private final PrintWriter out;
  private final Terminal terminal;
  private final Ticker ticker = Ticker.system();

  private Demo(DemoSettings settings, PrintWriter out, Terminal terminal) {
    this.settings = settings;
    this.out = out;
    this.terminal = terminal;
  }

  /**
   * Runs a demo from the first file to the last line.
   *
   * @return whether the locks did what they promise
   * @throws IOException if the files or the report cannot be written
   */
  public static boolean run(DemoSettings settings, PrintWriter out, Terminal terminal)
      throws IOException, InterruptedException {
    return new Demo(settings, out, terminal).run();
  }

  private boolean run() throws IOException, InterruptedException {
    Path home = newFolder();
    Path tree = home.resolve("tree");
    Path report = settings.report().orElse(home.resolve("report.html"));
    if (settings.keep()) {
      return run(tree, report);
    }
    Thread sweeper = new Thread(() -> sweep(tree, home));
    Runtime.getRuntime().addShutdownHook(sweeper); // for Ctrl-C
    try {
      return run(tree, report);
    } finally {
      sweep(tree, home);
      try {
        Runtime.getRuntime().removeShutdownHook(sweeper);
      } catch (IllegalStateException e) {
        // Ctrl-C just now: it runs, and finds nothing left to do
      }
    }
  }

  private boolean run(Path tree, Path reportFile) throws IOException, InterruptedException {
    announce();
    Log log = new Log(ticker, settings.json());
    FileWorld world = new FileWorld(tree, log);
    work(world, log);
    world.damage().forEach(damage -> log.damage(0, damage));
    log.end();

    List<Finding> findings = new ArrayList<>();
    for (Violation violation : checker().check(log.history())) {
      findings.add(Finding.of(violation, log.originNanos()));
    }
    log.damage().forEach(damage -> findings.add(Finding.of(damage)));
    long untold = log.damages.sum() - log.damage().size();
    List<Attempt> attempts = Attempt.of(log);
    Summary summary = Summary.of(attempts, log, world.fileCount(), findings.size() + untold);
    new Report(settings, summary, findings, attempts, world.promises(), log).write(reportFile);
    conclude(tree, reportFile, summary, findings, log);
    return summary.violations() == 0;
  }

  private void work(FileWorld world, Log log) throws InterruptedException {
    Function<ClientOptions, LockClient> store =
        settings.sabotage() ? new UnlockedStore()::client : InProcessLocks.create()::client;
    try (Crew crew = new Crew(store, world, log, ticker)) {
      Onlooker onlooker = new Onlooker(crew.client("onlooker"), log);
      Progress progress = new Progress(settings, log, ticker, out, terminal);
      crew.work(
          settings,
          () -> {
            progress.updateIfDue(onlooker.look());
            printLines(log);
          });
      progress.clear();
    }
  }

  /** Not blaming a busy machine for being slow. Where the locks are on, the run must have had what it is there to show. */
  private HistoryChecker checker() {
    HistoryChecker patient = HistoryChecker.fair().grantsWithin(SLOW).tellsLossWithin(SLOW);
    return settings.sabotage()
        ? patient
        : patient.requires(1, HistoryEvent.Revoked.class).requires(2, HistoryEvent.Lost.class);
  }

  private void announce() {
    if (!settings.json()) {
      out.println(
          "holdfast demo: "
              + settings.workers()
              + " workers for "
              + settings.duration().toMillis() / 1000.0
              + " s, seed "
              + settings.seed()
              + (settings.sabotage() ? ", SABOTAGE: the locks are switched off" : ""));
      out.flush();
    }
  }

  private void conclude(
      Path tree, Path reportFile, Summary summary, List<Finding> findings, Log log) {
    String report = reportFile.toAbsolutePath().toUri().toString();
    if (settings.json()) {
      for (Finding finding : findings) {
        log.emit(log.line("violation").field("rule", finding.rule()).field("what", finding.what()));
      }
      log.emit(
          summary
              .addTo(log.line("summary").field("seed", settings.seed()))
              .field("report", report));
      printLines(log);
      return;
    }
    out.println();
    summary.lines().forEach(line -> out.println("  " + line));
    findings.stream().limit(10).forEach(finding -> out.println("    " + finding));
    if (summary.violations() > 10) {
      out.println("    and " + (summary.violations() - 10) + " more, see the report");
    }
    out.println();
    if (settings.keep()) {
      out.println("  files       " + tree);
    }
    out.println("  report      " + report);
    out.flush();
  }

  private void printLines(Log log) {
    for (String line : log.takeLines()) {
      out.println(line);
    }
    out.flush();
  }

  private static Path newFolder() throws IOException {
    try {
      return Files.createTempDirectory("holdfast-demo-");
    } catch (IOException e) {
      throw new IOException(
          "no folder can be made in " + System.getProperty("java.io.tmpdir") + ": " + e, e);
    }
  }

  /** Removes the tree, and its folder unless the report is in there. */
  private void sweep(Path tree, Path home) {
    try {
      FileWorld.delete(tree);
      Files.deleteIfExists(home);
    } catch (DirectoryNotEmptyException e) {
      // the report stays
    } catch (IOException e) {
      out.println("holdfast demo: cannot remove " + tree + ": " + e);
      out.flush();
    }
  }
}
