package io.holdfast.benchmarks.peers;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Workers that do nothing but acquire and release, each waiting for the answer before it goes on.
 *
 * <p>{@code PeerLoad LABEL PEER SERVERS WARM-UP-SECONDS SECONDS LOAD…}; a load is {@code uncontended:N}, N workers with
 * a lock each, {@code async:N}, the same without a thread each, by futures, or {@code contended:N}, N workers with one
 * lock. Writes a line for each load: the label, the load, pairs a second, the 50th and 99th percentile of acquire in
 * microseconds, and the same of a hand-off, from before the release to after the next acquire. A service that lets two
 * in, or whose tokens fall, ends the program.
 */
final class PeerLoad {
  /** What the compilers of both sides get to see, and for how many times the warm-up of each load. */
  private static final String COMPILED_BY = "uncontended:64";

  private static final int COMPILED_AFTER = 5;

  private static final long LONGEST_MICROS = TimeUnit.MINUTES.toMicros(10);

  private final Peer peer;
  private final String load;
  private final boolean contended;
  private final int workers;
  private final String prefix;

  private final ConcurrentHistogram acquires = new ConcurrentHistogram(LONGEST_MICROS, 3);
  private final ConcurrentHistogram handOffs = new ConcurrentHistogram(LONGEST_MICROS, 3);
  private final LongAdder pairs = new LongAdder();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private volatile long end;

  // Who is inside, and what those before have left: meaningful only where all want one lock.
  private final AtomicInteger inside = new AtomicInteger();
  private final AtomicLong lastToken = new AtomicLong();
  private final AtomicLong releasedAt = new AtomicLong();

  private PeerLoad(Peer peer, String load, String prefix) {
    this.peer = peer;
    this.load = load;
    String[] parts = load.split(":", 2);
    this.contended = parts[0].equals("contended");
    this.workers = Integer.parseInt(parts[1]);
    this.prefix = prefix;
  }

  public static void main(String[] args) throws Exception {
    long warmUp = Long.parseLong(args[3]);
    long seconds = Long.parseLong(args[4]);
    try (Peer peer = Peer.open(args[1], args[2])) {
      new PeerLoad(peer, COMPILED_BY, "warm-up/").run(COMPILED_AFTER * warmUp);
      for (String load : List.of(args).subList(5, args.length)) {
        new PeerLoad(peer, load, "warm-up/").run(warmUp);
        PeerLoad measured = new PeerLoad(peer, load, "load/");
        double took = measured.run(seconds);
        System.out.printf(
            Locale.ROOT,
            "%s %s %.0f %s %s%n",
            args[0],
            load,
            measured.pairs.sum() / took,
            percentiles(measured.acquires),
            percentiles(measured.handOffs));
      }
    }
    System.exit(0); // clients leave threads behind
  }

  private static String percentiles(Histogram micros) {
    return micros.getValueAtPercentile(50) + " " + micros.getValueAtPercentile(99);
  }

  private double run(long seconds) throws Exception {
    return load.startsWith("async") ? runAsync(seconds) : runBlocking(seconds);
  }

  private double runAsync(long seconds) throws Exception {
    long start = System.nanoTime();
    end = start + TimeUnit.SECONDS.toNanos(seconds);
    List<CompletableFuture<Void>> chains = new ArrayList<>();
    for (int worker = 0; worker < workers; worker++) {
      CompletableFuture<Void> over = new CompletableFuture<>();
      chains.add(over);
      again(peer.lock(worker, prefix + "own-" + worker), over);
    }
    CompletableFuture.allOf(chains.toArray(new CompletableFuture<?>[0])).get();
    return (System.nanoTime() - start) / 1e9;
  }

  private void again(Peer.Lock lock, CompletableFuture<Void> over) {
    if (System.nanoTime() - end >= 0) {
      over.complete(null);
      return;
    }
    lock.pairAsync()
        .whenComplete(
            (done, failed) -> {
              if (failed != null) {
                over.completeExceptionally(failed);
              } else {
                pairs.increment();
                again(lock, over);
              }
            });
  }

  private double runBlocking(long seconds) throws Exception {
    CountDownLatch ready = new CountDownLatch(workers);
    CountDownLatch go = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int worker = 0; worker < workers; worker++) {
      Peer.Lock lock = peer.lock(worker, prefix + (contended ? "shared" : "own-" + worker));
      Thread thread = new Thread(() -> work(lock, ready, go), "worker-" + worker);
      thread.start();
      threads.add(thread);
    }
    ready.await();
    long start = System.nanoTime();
    end = start + TimeUnit.SECONDS.toNanos(seconds);
    go.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    Throwable failed = failure.get();
    if (failed != null) {
      throw new IllegalStateException("the load ended early", failed);
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private void work(Peer.Lock lock, CountDownLatch ready, CountDownLatch go) {
    try {
      ready.countDown();
      go.await();
      while (System.nanoTime() - end < 0 && failure.get() == null) {
        long asked = System.nanoTime();
        long token = lock.acquire();
        long held = System.nanoTime();
        acquires.recordValue(micros(held - asked));
        if (contended) {
          check(token);
          long released = releasedAt.get();
          if (released - asked > 0) { // it was waited for, not found free
            handOffs.recordValue(micros(held - released));
          }
          inside.decrementAndGet();
          releasedAt.set(System.nanoTime());
        }
        lock.release();
        pairs.increment();
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }

  private void check(long token) {
    if (inside.incrementAndGet() != 1) {
      throw new IllegalStateException("two are inside");
    }
    if (token != 0 && lastToken.getAndSet(token) >= token) {
      throw new IllegalStateException("token " + token + " is not above the last");
    }
  }

  private static long micros(long nanos) {
    return Math.min(LONGEST_MICROS, TimeUnit.NANOSECONDS.toMicros(nanos));
  }
}
