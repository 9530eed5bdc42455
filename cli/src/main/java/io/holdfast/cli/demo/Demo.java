package io.holdfast.cli.demo;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
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
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Two dozen workers, each a client of its own, rename, copy, write, read and delete files that they share. Then the files
 * and the history of all that anybody saw are checked, and written up as a page.
 */
public final class Demo {
  /** After the end of the work, who has not come back within this has got stuck in a lock. */
  private static final Duration LAST_CALL = Duration.ofSeconds(8);

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
    Path home = Files.createTempDirectory("holdfast-demo-");
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
    announce(tree);
    Log log = new Log(ticker, settings.json());
    FileWorld world = new FileWorld(tree, log);
    Function<ClientOptions, LockClient> store =
        settings.sabotage() ? new UnlockedStore()::client : InProcessLocks.create()::client;
    work(store, world, log);

    for (String damage : world.damage()) {
      log.damage(0, damage);
    }
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

  private void work(Function<ClientOptions, LockClient> store, FileWorld world, Log log)
      throws InterruptedException {
    SplittableRandom random = new SplittableRandom(settings.seed());
    ExecutorService callbacks = Executors.newFixedThreadPool(2, daemon("callbacks"));
    ClientOptions options = ClientOptions.defaults().executor(callbacks);
    rehearse(store);
    log.begin();
    long startNanos = log.originNanos();
    long endNanos = startNanos + settings.duration().toNanos();
    Duration patience = atMost(Duration.ofMillis(600), settings.duration().dividedBy(8));
    try (LockClient operatorLocks = store.apply(options.name(Operator.NAME));
        LockClient watcherLocks = store.apply(options.name("watcher"))) {
      Operator operator = new Operator(operatorLocks, world.noticeBoard(), log, ticker, patience);
      Overstays overstays = new Overstays(world.noticeBoard(), operator, log, ticker);
      List<LockClient> clients = new ArrayList<>();
      List<Thread> threads = new ArrayList<>();
      for (int i = 1; i <= settings.workers(); i++) {
        String name = String.format("w%02d", i);
        LockClient locks = store.apply(options.name(name));
        clients.add(locks);
        Worker worker =
            new Worker(
                name,
                locks,
                world,
                log,
                ticker,
                random.split(),
                overstays,
                () -> ticker.nanos() - endNanos >= 0);
        threads.add(daemon(name).newThread(worker));
      }
      int first = random.nextInt(settings.workers());
      int second = (first + 1 + random.nextInt(settings.workers() - 1)) % settings.workers();
      overstays.revoke(
          threads.get(first).getName(), startNanos + settings.duration().toNanos() * 3 / 10);
      overstays.expire(
          threads.get(second).getName(),
          startNanos + settings.duration().toNanos() * 6 / 10,
          patience.dividedBy(2));

      threads.forEach(Thread::start);
      watch(
          threads,
          operator,
          new Progress(settings, watcherLocks, log, ticker, out, terminal),
          endNanos,
          log);
      overstays
          .unplayed()
          .ifPresent(who -> log.damage(0, who + " never came to hold the notice for too long"));
      for (LockClient client : clients) {
        client.close();
      }
    } finally {
      callbacks.shutdown();
    }
  }

  /**
   * The JVM links code when it is first used, which can take longer than all else that a lock does. What happens once in the
   * whole run shall not happen for the first time while everybody waits for it.
   */
  private static void rehearse(Function<ClientOptions, LockClient> store)
      throws InterruptedException {
    try (LockClient locks = store.apply(ClientOptions.defaults())) {
      for (Duration maxHold : List.of(Duration.ofHours(1), Duration.ofMillis(1))) {
        CountDownLatch told = new CountDownLatch(1);
        Hold hold = locks.lock("rehearsal").with(HoldOptions.defaults().maxHold(maxHold)).acquire();
        hold.onLost(reason -> told.countDown());
        Optional<Hold> second = locks.lock("rehearsal").tryAcquire(Duration.ofMillis(1));
        locks.describe("rehearsal");
        locks.forceRelease("rehearsal", hold.token());
        told.await(1, TimeUnit.SECONDS);
        second.ifPresent(Hold::close); // where the locks are off, or maxHold was over
      }
    }
  }

  /** Until all workers are back, or one of them surely never will be. */
  private void watch(
      List<Thread> threads, Operator operator, Progress progress, long endNanos, Log log)
      throws InterruptedException {
    long nextUpdateNanos = ticker.nanos();
    long lastCallNanos = endNanos + LAST_CALL.toNanos();
    List<Thread> working = new ArrayList<>(threads);
    while (!working.isEmpty() && ticker.nanos() - lastCallNanos < 0) {
      operator.look();
      if (ticker.nanos() - nextUpdateNanos >= 0) {
        progress.update();
        nextUpdateNanos += progress.interval().toNanos();
      }
      printLines(log);
      Thread.sleep(10);
      working.removeIf(thread -> !thread.isAlive());
    }
    progress.clear();
    working.forEach(
        thread -> log.damage(0, thread.getName() + " did not come back from its last job"));
  }

  /** Not blaming a busy machine for being slow. Where the locks are on, the run must have had what it is there to show. */
  private HistoryChecker checker() {
    HistoryChecker patient = HistoryChecker.fair().grantsWithin(SLOW).tellsLossWithin(SLOW);
    return settings.sabotage()
        ? patient
        : patient
            .requires(1, HistoryEvent.Revoked.class)
            .requires(2, HistoryEvent.Lost.class)
            .requires(1, HistoryEvent.GaveUp.class);
  }

  private void announce(Path tree) {
    if (!settings.json()) {
      out.println(
          "holdfast demo: "
              + settings.workers()
              + " workers for "
              + settings.duration().toMillis() / 1000.0
              + " s, seed "
              + settings.seed()
              + (settings.sabotage() ? ", SABOTAGE: the locks are switched off" : "")
              + (settings.keep() ? ", files in " + tree : ""));
      out.flush();
    }
  }

  private void conclude(
      Path tree, Path reportFile, Summary summary, List<Finding> findings, Log log) {
    String report =
        reportFile.toAbsolutePath().toUri().toString().replaceFirst("^file:/(?!/)", "file:///");
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

  private static ThreadFactory daemon(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  private static Duration atMost(Duration most, Duration duration) {
    return duration.compareTo(most) < 0 ? duration : most;
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
