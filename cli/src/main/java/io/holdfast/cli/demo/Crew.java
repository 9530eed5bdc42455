package io.holdfast.cli.demo;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The workers, each a thread with a client of its own, and the operator, who looks on in the thread that sent them to work. */
final class Crew implements AutoCloseable {
  /** After the end of the work, who has not come back within this is stuck in a lock. */
  private static final Duration LAST_CALL = Duration.ofSeconds(8);

  private static final Duration LOOK_EVERY = Duration.ofMillis(20);

  /** How long the operator lets anybody have the notice; a short demo has an impatient one. */
  private static final Duration LONGEST_PATIENCE = Duration.ofMillis(600);

  private final Function<ClientOptions, LockClient> store;
  private final FileWorld world;
  private final Log log;
  private final Ticker ticker;
  private final ExecutorService callbacks = Executors.newFixedThreadPool(2, daemon("callbacks"));
  private final List<LockClient> clients = new ArrayList<>();

  /**
   * Hires nobody yet.
   *
   * @param store makes a client of the one store that all share
   */
  Crew(Function<ClientOptions, LockClient> store, FileWorld world, Log log, Ticker ticker) {
    this.store = store;
    this.world = world;
    this.log = log;
    this.ticker = ticker;
  }

  /** A client of its own. */
  LockClient client(String name) {
    LockClient client = store.apply(ClientOptions.defaults().name(name).executor(callbacks));
    clients.add(client);
    return client;
  }

  /**
   * Does all the work of a demo.
   *
   * @param meanwhile runs now and then, in this thread
   */
  void work(DemoSettings settings, Runnable meanwhile) throws InterruptedException {
    rehearse();
    SplittableRandom random = new SplittableRandom(settings.seed());
    Duration patience = settings.duration().dividedBy(8);
    if (patience.compareTo(LONGEST_PATIENCE) > 0) {
      patience = LONGEST_PATIENCE;
    }
    Operator operator =
        new Operator(client(Operator.NAME), world.noticeBoard(), log, ticker, patience);
    Overstays overstays = new Overstays(world.noticeBoard(), operator, log, ticker);
    log.begin();
    long endNanos = log.originNanos() + settings.duration().toNanos();
    List<Thread> workers = new ArrayList<>();
    for (int i = 1; i <= settings.workers(); i++) {
      String name = String.format(Locale.ROOT, "w%02d", i);
      Worker worker =
          new Worker(name, client(name), world, log, ticker, random.split(), overstays, endNanos);
      workers.add(daemon(name).newThread(worker));
    }
    int stuck = random.nextInt(settings.workers());
    int slow = (stuck + 1 + random.nextInt(settings.workers() - 1)) % settings.workers();
    overstays.revoke(
        workers.get(stuck).getName(), log.originNanos() + settings.duration().toNanos() * 3 / 10);
    overstays.expire(
        workers.get(slow).getName(),
        log.originNanos() + settings.duration().toNanos() * 6 / 10,
        patience.dividedBy(2));
    workers.forEach(Thread::start);
    lookOn(workers, operator, meanwhile, endNanos + LAST_CALL.toNanos());
  }

  /** Closes all clients: what is still held is freed, who still waits is told. */
  @Override
  public void close() {
    clients.forEach(LockClient::close);
    callbacks.shutdown();
  }

  /**
   * The JVM links code when it is first used, which can take longer than all that a lock does. What happens once in the whole
   * run shall not happen for the first time while everybody waits for it.
   */
  private void rehearse() throws InterruptedException {
    LockClient locks = client("rehearsal");
    for (Duration maxHold : List.of(Duration.ofHours(1), Duration.ofMillis(1))) {
      CountDownLatch told = new CountDownLatch(1);
      Hold hold = locks.lock("rehearsal").with(HoldOptions.defaults().maxHold(maxHold)).acquire();
      hold.onLost(reason -> told.countDown());
      Optional<Hold> second = locks.lock("rehearsal").tryAcquire(Duration.ofMillis(1));
      locks.describe("rehearsal");
      locks.forceRelease("rehearsal", hold.token());
      told.await(1, TimeUnit.SECONDS);
      second.ifPresent(Hold::close); // if maxHold was over by then, or the locks are off
    }
  }

  /** Until all workers are back, or one of them surely never will be. */
  private void lookOn(
      List<Thread> workers, Operator operator, Runnable meanwhile, long lastCallNanos)
      throws InterruptedException {
    List<Thread> working = new ArrayList<>(workers);
    while (!working.isEmpty() && ticker.nanos() - lastCallNanos < 0) {
      operator.look();
      meanwhile.run();
      Thread.sleep(LOOK_EVERY.toMillis());
      working.removeIf(thread -> !thread.isAlive());
    }
    working.forEach(
        thread -> log.damage(0, thread.getName() + " did not come back from its last job"));
  }

  private static ThreadFactory daemon(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }
}
