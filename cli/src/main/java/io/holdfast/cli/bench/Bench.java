package io.holdfast.cli.bench;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Acquires and releases as fast as it goes, from several threads of one client, for several rounds. The first round warms up
 * and does not count.
 */
public final class Bench {
  /** An acquire waits for at most so long: a lock that is stuck ends the measurement rather than hangs it. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final LockClient locks;
  private final List<DistributedLock> targets;
  private final Ticker ticker = Ticker.system();

  /**
   * A measurement.
   *
   * @param names a lock for each thread; the same one for all, if they are to fight over it
   */
  public Bench(LockClient locks, List<String> names) {
    this.locks = locks;
    this.targets = names.stream().map(this.locks::lock).toList();
  }

  /**
   * Runs the rounds.
   *
   * @param rounds how many count
   * @param duration of each of them
   * @param each hears of each round that counts when it is over
   * @throws LockException what ended the measurement
   */
  public List<Round> run(int rounds, Duration duration, Consumer<Round> each)
      throws InterruptedException {
    round(duration.dividedBy(2));
    List<Round> results = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      Round round = round(duration);
      results.add(round);
      each.accept(round);
    }
    return results;
  }

  private Round round(Duration duration) throws InterruptedException {
    Semaphore over = new Semaphore(0);
    CountDownLatch go = new CountDownLatch(1);
    AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
    List<Worker> workers = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (DistributedLock target : targets) {
      Worker worker = new Worker(target, go, over, failure);
      workers.add(worker);
      Thread thread = new Thread(worker, "holdfast-bench-" + workers.size());
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    long start = ticker.nanos();
    Ticker.Alarm end = ticker.schedule(start + duration.toNanos(), over::release);
    go.countDown();
    over.acquire();
    end.cancel();
    workers.forEach(Worker::stop);
    for (Thread thread : threads) {
      thread.join();
    }
    long nanos = ticker.nanos() - start;
    RuntimeException failed = failure.get();
    if (failed != null) {
      throw failed;
    }
    Latencies all = new Latencies();
    workers.forEach(worker -> all.addAll(worker.latencies));
    return Round.of(all, nanos);
  }

  private final class Worker implements Runnable {
    private final DistributedLock lock;
    private final CountDownLatch go;
    private final Semaphore over;
    private final AtomicReference<@Nullable RuntimeException> failure;
    private final Latencies latencies = new Latencies();
    private volatile boolean stopped;

    Worker(
        DistributedLock lock,
        CountDownLatch go,
        Semaphore over,
        AtomicReference<@Nullable RuntimeException> failure) {
      this.lock = lock;
      this.go = go;
      this.over = over;
      this.failure = failure;
    }

    void stop() {
      stopped = true;
    }

    @Override
    public void run() {
      try {
        go.await();
        while (!stopped) {
          long start = ticker.nanos();
          try (Hold hold = lock.acquire(PATIENCE)) {
            hold.checkHeld();
          }
          latencies.add(ticker.nanos() - start);
        }
      } catch (RuntimeException e) {
        failure.compareAndSet(null, e);
        over.release();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
