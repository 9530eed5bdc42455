package io.holdfast.benchmarks.leasestores;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Threads that acquire and release for a while, each waiting for its answer before it goes on. For
 * one use.
 */
final class Load {
  /** Hand-offs that are timed, at most. */
  private static final int MOST_TIMED = 1_000_000;

  private final List<Contender> threads;
  private final boolean isShared;
  private final String prefix;
  private final AtomicLongArray grants;
  private final long[] handOffs = new long[MOST_TIMED];
  private final AtomicInteger timed = new AtomicInteger();
  private final AtomicInteger inside = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private volatile long end;
  private volatile long releasedAt;
  private double seconds;

  /**
   * @param threads by which contender each thread asks
   * @param isShared one lock for all, or one for each
   */
  Load(List<Contender> threads, boolean isShared, String prefix) {
    this.threads = threads;
    this.isShared = isShared;
    this.prefix = prefix;
    this.grants = new AtomicLongArray(threads.size());
  }

  Load run(double forSeconds) throws InterruptedException {
    CountDownLatch ready = new CountDownLatch(threads.size());
    CountDownLatch go = new CountDownLatch(1);
    List<Thread> running = new ArrayList<>();
    for (int i = 0; i < threads.size(); i++) {
      int me = i;
      Thread thread = new Thread(() -> work(me, ready, go), "load-" + me);
      thread.start();
      running.add(thread);
    }
    ready.await();
    long start = System.nanoTime();
    end = start + (long) (forSeconds * TimeUnit.SECONDS.toNanos(1));
    go.countDown();
    TimeUnit.NANOSECONDS.sleep(end - System.nanoTime());
    seconds = (System.nanoTime() - start) / 1e9;
    for (Thread thread : running) {
      thread.join();
    }
    Throwable failed = failure.get();
    if (failed != null) {
      throw new IllegalStateException("the load ended early", failed);
    }
    return this;
  }

  /** Pairs of acquire and release that ended within the time. */
  long pairs() {
    long sum = 0;
    for (int i = 0; i < grants.length(); i++) {
      sum += grants.get(i);
    }
    return sum;
  }

  double pairsPerSecond() {
    return pairs() / seconds;
  }

  long fewestGrants() {
    long fewest = Long.MAX_VALUE;
    for (int i = 0; i < grants.length(); i++) {
      fewest = Math.min(fewest, grants.get(i));
    }
    return fewest;
  }

  long mostGrants() {
    long most = 0;
    for (int i = 0; i < grants.length(); i++) {
      most = Math.max(most, grants.get(i));
    }
    return most;
  }

  /** From before a release until the next had the lock, in milliseconds. */
  Samples handOffs() {
    Samples samples = new Samples();
    for (int i = 0; i < Math.min(timed.get(), MOST_TIMED); i++) {
      samples.add(handOffs[i] / 1e6);
    }
    return samples;
  }

  private void work(int me, CountDownLatch ready, CountDownLatch go) {
    Contender contender = threads.get(me);
    String name = prefix + (isShared ? "shared" : me);
    try {
      ready.countDown();
      go.await();
      while (System.nanoTime() - end < 0 && failure.get() == null) {
        long asked = System.nanoTime();
        Contender.Held held = contender.acquire(name);
        long had = System.nanoTime();
        if (isShared) {
          handedOver(asked, had);
        }
        held.close();
        if (System.nanoTime() - end < 0) {
          grants.incrementAndGet(me);
        }
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }

  private void handedOver(long asked, long had) {
    if (inside.incrementAndGet() != 1) {
      throw new IllegalStateException("two are inside");
    }
    if (releasedAt - asked > 0) { // it was waited for
      int next = timed.getAndIncrement();
      if (next < MOST_TIMED) {
        handOffs[next] = had - releasedAt;
      }
    }
    inside.decrementAndGet();
    releasedAt = System.nanoTime();
  }
}
