package io.holdfast.cli.demo;

import io.holdfast.LossReason;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Terminal;
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
import java.util.Optional;

/**
 * Worker processes, clients of a lock server that is a process too, rename, copy, write, read and delete files that they
 * share. One of them is killed while it holds a lock, and so is the server, which is started again. Then the files and the
 * history of all that anybody saw are checked, and written up as a page.
 */
public final class Demo {
  /** From here on slow counts as never. */
  private static final Duration SLOW = Duration.ofSeconds(4);

  /** After the server is back: it grants everybody a full lease, and then has to tell. */
  private static final Duration SETTLES = DemoSettings.LEASE.plusSeconds(3);

  /** How far the clocks of processes of one machine can be apart, as a share: they are the same clock. */
  private static final double CLOCK_RATE_BOUND = 0.01;

  /** A client believes in this much of a {@code maxHold} at least; a little less for two readings of the clock. */
  private static final double CLIENTS_SHARE = 0.89;

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
    Files.createDirectory(home.resolve("logs"));
    Log log = new Log(ticker, settings.json());
    Crew crew = new Crew(settings, home, tree, log, ticker);
    Thread sweeper =
        new Thread(
            () -> {
              crew.kill();
              sweep(home);
            });
    Runtime.getRuntime().addShutdownHook(sweeper); // for Ctrl-C
    try {
      return run(crew, log, tree, report);
    } finally {
      crew.close();
      sweep(home);
      try {
        Runtime.getRuntime().removeShutdownHook(sweeper);
      } catch (IllegalStateException e) {
        // Ctrl-C just now: it runs, and finds nothing left to do
      }
    }
  }

  private boolean run(Crew crew, Log log, Path tree, Path reportFile)
      throws IOException, InterruptedException {
    announce();
    FileWorld world = new FileWorld(tree, crew.diary());
    world.setUp();
    work(crew, log);
    log.end();
    world.damage(log.history()).forEach(log::damage);

    List<Finding> findings = new ArrayList<>();
    for (Violation violation : checker().check(log.history())) {
      if (!isExcused(violation, log)) {
        findings.add(Finding.of(violation, log.originNanos()));
      }
    }
    log.damage().forEach(damage -> findings.add(Finding.of(damage)));
    long untold = log.damages.sum() - log.damage().size();
    List<Attempt> attempts = Attempt.of(log);
    Summary summary = Summary.of(attempts, log, world.fileCount(), findings.size() + untold);
    Aftermath aftermath = Aftermath.of(attempts, log);
    new Report(settings, summary, aftermath, findings, attempts, world.promises(), log)
        .write(reportFile);
    conclude(tree, reportFile, summary, aftermath, findings, log);
    return summary.violations() == 0;
  }

  private void work(Crew crew, Log log) throws IOException, InterruptedException {
    Progress progress = new Progress(settings, log, ticker, out, terminal);
    crew.work(
        sight -> {
          progress.updateIfDue(sight);
          printLines(log);
        });
    progress.clear();
  }

  /** Not blaming a busy machine for being slow. Where the locks are on, the run must have had what it is there to show. */
  private HistoryChecker checker() {
    HistoryChecker patient =
        HistoryChecker.fair()
            .lease(DemoSettings.LEASE)
            .clockRateBound(CLOCK_RATE_BOUND)
            .settlesWithin(SETTLES)
            .grantsWithin(SLOW)
            .tellsLossWithin(SLOW);
    return settings.sabotage()
        ? patient
        : patient
            .requires(1, HistoryEvent.Revoked.class)
            .requires(2, HistoryEvent.Lost.class)
            .requires(1, HistoryEvent.ClientDied.class)
            .requires(1, Harm.KILLED_IN_MID_HOLD)
            .requires(1, Harm.PASSED_ON)
            .requires(1, Harm.RESTARTED);
  }

  /** What looks like a broken promise to one who cannot see heartbeats, nor when a dead client was given up. */
  private static boolean isExcused(Violation violation, Log log) {
    String property = violation.property();
    boolean afterDeath =
        touches(log.first(HistoryEvent.ClientDied.class), Optional.empty(), violation);
    boolean afterRestart =
        touches(
            log.first(HistoryEvent.FaultBegan.class),
            log.first(HistoryEvent.FaultEnded.class),
            violation);
    if (property.equals("P12") && ranOutSinceItWasAsked(violation)) {
      return true;
    }
    // Who died in line, or holding, is given up a little later than a lease after its last word.
    if (property.equals("P16")) {
      return afterDeath || afterRestart;
    }
    // Heartbeats renew a lease. And what was granted and over before its client knew seems to have
    // stood in line all the while.
    return afterRestart
        && (violation.aboutOrder()
            || (property.equals("P12") && violation.message().contains("was told ")));
  }

  /** A client that cannot know when it was granted may count a {@code maxHold} from when it asked, less a margin. */
  private static boolean ranOutSinceItWasAsked(Violation violation) {
    long latest = Long.MAX_VALUE;
    for (HistoryEvent event : violation.evidence()) {
      if (event instanceof HistoryEvent.Asked asked && asked.maxHold().isPresent()) {
        latest = asked.atNanos() + (long) (asked.maxHold().get().toNanos() * CLIENTS_SHARE);
      } else if (event instanceof HistoryEvent.Lost lost && latest != Long.MAX_VALUE) {
        return lost.reason() == LossReason.EXPIRED && lost.atNanos() - latest >= 0;
      }
    }
    return false;
  }

  /** Whether some of it happened during a harm, or before that had settled. */
  private static boolean touches(Optional<Long> began, Optional<Long> ended, Violation violation) {
    if (began.isEmpty()) {
      return false;
    }
    long from = began.get();
    long settled = ended.orElse(from) + SETTLES.toNanos();
    return violation.evidence().stream()
        .mapToLong(HistoryEvent::atNanos)
        .anyMatch(at -> at - from >= 0 && at - settled < 0);
  }

  private void announce() {
    if (!settings.json()) {
      out.println(
          "holdfast demo: "
              + settings.workers()
              + " workers in "
              + settings.processes()
              + " processes for "
              + settings.duration().toMillis() / 1000.0
              + " s, seed "
              + settings.seed()
              + (settings.sabotage()
                  ? ", SABOTAGE: the locks of a process mean nothing to the others"
                  : ""));
      out.flush();
    }
  }

  private void conclude(
      Path tree,
      Path reportFile,
      Summary summary,
      Aftermath aftermath,
      List<Finding> findings,
      Log log) {
    String report = reportFile.toAbsolutePath().toUri().toString();
    if (settings.json()) {
      for (Finding finding : findings) {
        log.emit(log.line("violation").field("rule", finding.rule()).field("what", finding.what()));
      }
      Json line = summary.addTo(log.line("summary").field("seed", settings.seed()));
      if (settings.keep()) {
        line.field("files_in", tree.toString());
      }
      log.emit(line.field("report", report));
      printLines(log);
      return;
    }
    out.println();
    aftermath.lines(log).forEach(line -> out.println("  " + line));
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
      return Files.createTempDirectory("holdfast-demo-" + ProcessHandle.current().pid() + "-");
    } catch (IOException e) {
      throw new IOException(
          "no folder can be made in " + System.getProperty("java.io.tmpdir") + ": " + e, e);
    }
  }

  /** Removes all that is not to be kept, and the folder unless the report is in there. */
  private void sweep(Path home) {
    try {
      FileWorld.delete(home.resolve("server"));
      if (!settings.keep()) {
        FileWorld.delete(home.resolve("tree"));
        FileWorld.delete(home.resolve("logs"));
      }
      Files.deleteIfExists(home);
    } catch (DirectoryNotEmptyException e) {
      // the report stays, or what is to be kept
    } catch (IOException e) {
      out.println("holdfast demo: cannot remove what is in " + home + ": " + e);
      out.flush();
    }
  }
}
