package io.holdfast.benchmarks;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockTree;
import io.holdfast.inprocess.InProcessLocks;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * What more threads ({@code -t} says how many) are good for when each wants something else: sub-trees of one tree, or names.
 * The store must not fall below the rate of one thread; it decides under one mutex, so it cannot rise much above it either.
 *
 * <p>Against what a program without Holdfast would write: read/write locks by path prefix, and counted locks by name. The
 * threads of both share the locks of the ancestors, or the map.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(2)
@Warmup(iterations = 2, time = 700, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 700, timeUnit = TimeUnit.MILLISECONDS)
@Threads(2)
public class ScalingBenchmark {
  /** A sub-tree of its own for each thread, in one tree. */
  @Benchmark
  public long subtreesStore(Shared shared, Own own) throws InterruptedException {
    try (Hold hold = shared.tree.write(own.path).acquire()) {
      return hold.token();
    }
  }

  /** The same with read/write locks by prefix. */
  @Benchmark
  public int subtreesLockMap(Shared shared, Own own) {
    Lock[] taken = shared.byPrefix.write(own.path);
    PrefixLocks.release(taken);
    return taken.length;
  }

  /** A name of its own for each thread. */
  @Benchmark
  public long namesStore(Shared shared, Own own) throws InterruptedException {
    try (Hold hold = shared.client.lock(own.name).acquire()) {
      return hold.token();
    }
  }

  /** The same with counted locks. */
  @Benchmark
  public boolean namesLockMap(Shared shared, Own own) {
    CountedLocks.Counted lock = shared.byName.acquire(own.name);
    try {
      return lock.isHeldByCurrentThread();
    } finally {
      shared.byName.release(own.name, lock);
    }
  }

  /** What all threads use. */
  @State(Scope.Benchmark)
  public static class Shared {
    final LockClient client = InProcessLocks.create().client();
    final LockTree tree = client.tree("tree");
    final PrefixLocks byPrefix = new PrefixLocks();
    final CountedLocks byName = new CountedLocks();
  }

  /** What only one thread uses. */
  @State(Scope.Thread)
  public static class Own {
    String path = "";
    String name = "";

    /** Named by the number of the thread. */
    @Setup
    public void name(ThreadParams thread) {
      path = "/reports/2026/may/region-" + thread.getThreadIndex() + "/daily";
      name = "invoice/" + thread.getThreadIndex();
    }
  }
}
