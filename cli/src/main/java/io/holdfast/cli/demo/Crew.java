package io.holdfast.cli.demo;

import io.holdfast.ClientOptions;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** The lock server, the worker processes, and in this process the operator, who looks on. */
final class Crew implements AutoCloseable {
  private static final Duration LOOK_EVERY = Duration.ofMillis(20);

  /** For all JVMs to start and to connect. */
  private static final Duration TO_GET_READY = Duration.ofSeconds(60);

  /** After the last call of the workers, for their process to end. */
  private static final Duration TO_END = Duration.ofSeconds(10);

  /** This process's requests are numbered from 1 on, those of the others from far above. */
  private static final long REQUESTS_ABOVE = 0;

  private final DemoSettings settings;
  private final Path tree;
  private final Path logs;
  private final Path data;
  private final Log log;
  private final Ticker ticker;
  private final Diary diary;
  private final Diary heirsDiary;
  private final Queue<ChildProcess> processes = new ConcurrentLinkedQueue<>();
  private final Queue<LockClient> clients = new ConcurrentLinkedQueue<>();
  private volatile Onlooker.Sight sight = Onlooker.Sight.NOTHING;
  private volatile boolean over;
  private volatile Runnable stopServer = () -> {};

  /** Hires nobody yet. */
  Crew(DemoSettings settings, Path home, Path tree, Log log, Ticker ticker) {
    this.settings = settings;
    this.tree = tree;
    this.logs = home.resolve("logs");
    this.data = home.resolve("server");
    this.log = log;
    this.ticker = ticker;
    this.diary = new Diary(Operator.NAME, REQUESTS_ABOVE, ticker, log::hear);
    this.heirsDiary = new Diary(Harm.HEIR, WorkerProcess.REQUESTS_OF_ONE / 2, ticker, log::hear);
  }

  /** What this process writes down. */
  Diary diary() {
    return diary;
  }

  /**
   * Does all the work of a demo.
   *
   * @param meanwhile is handed what is to be seen now and then, in this thread
   */
  void work(Consumer<Onlooker.Sight> meanwhile) throws IOException, InterruptedException {
    DemoServer server = DemoServer.start(data, logs);
    stopServer = server::close;
    SplittableRandom random = new SplittableRandom(settings.seed());
    int victim = random.nextInt(settings.processes());
    int stuck = (victim + 1 + random.nextInt(settings.processes() - 1)) % settings.processes();
    CountDownLatch ready = new CountDownLatch(settings.processes());
    List<ChildProcess> workers = new ArrayList<>();
    for (int i = 0; i < settings.processes(); i++) {
      List<String> arguments = new ArrayList<>(arguments(i, server, random.nextLong()));
      if (i == victim) {
        arguments.add("doomed=1");
      } else if (i == stuck) {
        arguments.addAll(List.of("stuck=1", "slow=2"));
      }
      ChildProcess process =
          ChildProcess.start(name(i), logs, line -> hear(line, ready), arguments);
      workers.add(process);
      processes.add(process);
    }
    LockClient operator = connect(Operator.NAME, server, stuck);
    LockClient heir = connect(Harm.HEIR, server, victim);
    awaitReady(ready, workers);

    log.begin();
    for (ChildProcess worker : workers) {
      worker.say(String.valueOf(log.originNanos()));
    }
    Harm harm =
        new Harm(server, workers.get(victim), heir, heirsDiary, log, ticker, settings.duration());
    Thread harming = daemon("harm", harm);
    Thread looking = daemon("operator", () -> look(operator));
    lookOn(workers, harming, meanwhile);
    over = true;
    looking.interrupt();
    harming.interrupt();
    workers.stream()
        .filter(ChildProcess::failed)
        .forEach(worker -> diary.damage(0, "process " + worker.failure()));
  }

  /** Ends all processes at once; for any thread, at any time. */
  void kill() {
    stopServer.run();
    processes.forEach(ChildProcess::kill);
  }

  @Override
  public void close() throws InterruptedException {
    over = true;
    processes.forEach(ChildProcess::kill);
    clients.forEach(LockClient::close);
    stopServer.run();
    for (ChildProcess process : processes) {
      process.awaitEnd(TO_END);
    }
  }

  private static String name(int index) {
    return "p" + (index + 1);
  }

  private List<String> arguments(int index, DemoServer server, long seed) {
    return List.of(
        "workers",
        "name=" + name(index),
        "number=" + (index + 1),
        "url=" + server.url(namespace(index)),
        "tree=" + tree,
        "seed=" + seed,
        "duration=" + settings.duration().toMillis(),
        "patience=" + settings.patience().toMillis());
  }

  /** Sabotage: where each process has a namespace of its own, a lock keeps out nobody else. */
  private String namespace(int index) {
    return settings.sabotage() ? "sabotage-" + (index + 1) : "demo";
  }

  private LockClient connect(String name, DemoServer server, int seesTheLocksOf) {
    LockClient client =
        LockClient.connect(
            server.url(namespace(seesTheLocksOf)),
            ClientOptions.defaults()
                .name(name)
                .holds(HoldOptions.defaults().leaseDuration(DemoSettings.LEASE)));
    clients.add(client);
    return client;
  }

  private void hear(String line, CountDownLatch ready) {
    if (line.equals(WorkerProcess.READY)) {
      ready.countDown();
    } else {
      log.hear(line);
    }
  }

  private void awaitReady(CountDownLatch ready, List<ChildProcess> workers)
      throws IOException, InterruptedException {
    long latestNanos = ticker.nanosIn(TO_GET_READY);
    while (!ready.await(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
      for (ChildProcess worker : workers) {
        if (!worker.isAlive() || ticker.nanos() - latestNanos > 0) {
          throw new IOException("a worker process cannot be started: " + worker.failure());
        }
      }
    }
  }

  /** As often as there is an answer. */
  private void look(LockClient locks) {
    Operator operator = new Operator(locks, diary, ticker, settings.patience());
    Onlooker onlooker = new Onlooker(locks, diary);
    try {
      while (!over) {
        try {
          operator.look();
          sight = onlooker.look();
        } catch (LockException | IllegalStateException e) {
          sight = Onlooker.Sight.NOTHING; // the server is away
        }
        Thread.sleep(LOOK_EVERY.toMillis());
      }
    } catch (InterruptedException e) {
      // over
    }
  }

  /** Until all processes are gone and all harm is done, or one of them surely never will be. */
  private void lookOn(
      List<ChildProcess> workers, Thread harming, Consumer<Onlooker.Sight> meanwhile)
      throws InterruptedException {
    long latestNanos =
        log.originNanos()
            + settings.duration().plus(WorkerProcess.LAST_CALL).plus(TO_END).toNanos();
    while ((workers.stream().anyMatch(ChildProcess::isAlive) || harming.isAlive())
        && ticker.nanos() - latestNanos < 0) {
      meanwhile.accept(sight);
      Thread.sleep(LOOK_EVERY.toMillis());
    }
    for (ChildProcess worker : workers) {
      if (worker.isAlive()) {
        diary.damage(0, "process " + worker.name() + " did not come to an end");
        worker.kill();
      }
      worker.awaitEnd(TO_END);
    }
  }

  private static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, "demo-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
