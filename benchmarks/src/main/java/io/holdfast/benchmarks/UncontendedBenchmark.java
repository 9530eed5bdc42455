package io.holdfast.benchmarks;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockTarget;
import io.holdfast.LockTree;
import io.holdfast.inprocess.InProcessLocks;
import io.holdfast.table.Event;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a lock costs when nobody else wants it: acquire and release by one thread, of a name and of a sub-tree 1, 5 and 20
 * segments deep, decided by the bare table and asked for through the API of the in-process store.
 *
 * <p>Against the JDK: a lock that the program has at hand (for a sub-tree one read/write lock a level, ancestors to read,
 * leaf to write, released in reverse), and the same looked up by name in a map, which is what a program without Holdfast
 * would write.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(2)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 700, timeUnit = TimeUnit.MILLISECONDS)
public class UncontendedBenchmark {
  private static final String NAME = "invoice/42";

  /** The table alone, told by a prepared command. */
  @Benchmark
  public long nameTable(TableState state) {
    Event.Granted grant = state.user.acquire(state.name);
    state.user.release(grant);
    return grant.token();
  }

  /** The store, as its users write it. */
  @Benchmark
  public long nameStore(StoreState state) throws InterruptedException {
    try (Hold hold = state.client.lock(NAME).acquire()) {
      return hold.token();
    }
  }

  /** The store, with a lock object that is made once. */
  @Benchmark
  public long nameStoreKept(StoreState state) throws InterruptedException {
    try (Hold hold = state.name.acquire()) {
      return hold.token();
    }
  }

  /** One lock of the JDK, at hand. */
  @Benchmark
  public boolean nameLocks(JdkState state) {
    ReentrantLock lock = state.lock;
    lock.lock();
    try {
      return lock.isHeldByCurrentThread();
    } finally {
      lock.unlock();
    }
  }

  /** A lock of the JDK, found by name and removed when free. */
  @Benchmark
  public boolean nameLockMap(JdkState state) {
    CountedLocks.Counted lock = state.byName.acquire(NAME);
    try {
      return lock.isHeldByCurrentThread();
    } finally {
      state.byName.release(NAME, lock);
    }
  }

  /** The table alone, told by a prepared command. */
  @Benchmark
  public long subtreeTable(Path path, TableState state) {
    Event.Granted grant = state.user.acquire(path.targets);
    state.user.release(grant);
    return grant.token();
  }

  /** The store, as its users write it: the path is text, and parsed every time. */
  @Benchmark
  public long subtreeStore(Path path, StoreState state) throws InterruptedException {
    try (Hold hold = state.tree.write(path.text).acquire()) {
      return hold.token();
    }
  }

  /** The store, with a lock object that is made once. */
  @Benchmark
  public long subtreeStoreKept(KeptPath path) throws InterruptedException {
    try (Hold hold = path.lock.acquire()) {
      return hold.token();
    }
  }

  /** One read/write lock a level, at hand. */
  @Benchmark
  public int subtreeLocks(Path path) {
    Lock[] locks = path.locks;
    for (Lock lock : locks) {
      lock.lock();
    }
    for (int i = locks.length - 1; i >= 0; i--) {
      locks[i].unlock();
    }
    return locks.length;
  }

  /** One read/write lock a level, found by the path's prefixes. */
  @Benchmark
  public int subtreeLockMap(Path path, JdkState state) {
    Lock[] taken = state.byPrefix.write(path.text);
    PrefixLocks.release(taken);
    return taken.length;
  }

  /** A table to itself. */
  @State(Scope.Thread)
  public static class TableState {
    final TableUser user = new TableUser();
    final List<LockTarget> name = TableUser.name(NAME);
  }

  /** A store to itself. */
  @State(Scope.Thread)
  public static class StoreState {
    final LockClient client = InProcessLocks.create().client();
    final LockTree tree = client.tree("tree");
    final DistributedLock name = client.lock(NAME);
  }

  /** What the JDK has. */
  @State(Scope.Thread)
  public static class JdkState {
    final ReentrantLock lock = new ReentrantLock();
    final CountedLocks byName = new CountedLocks();
    final PrefixLocks byPrefix = new PrefixLocks();
  }

  /** The sub-tree, in every form that somebody wants. */
  @State(Scope.Thread)
  public static class Path {
    /** How many segments; the locks on the way are one more. */
    @Param({"1", "5", "20"})
    int depth;

    String text = "";
    List<LockTarget> targets = List.of();
    Lock[] locks = {};

    /** Makes the forms. */
    @Setup
    public void make() {
      text =
          IntStream.rangeClosed(1, depth)
              .mapToObj(level -> "/level-" + level)
              .collect(Collectors.joining());
      targets = TableUser.write(text);
      locks =
          Stream.concat(
                  Stream.generate(() -> new ReentrantReadWriteLock().readLock()).limit(depth),
                  Stream.of(new ReentrantReadWriteLock().writeLock()))
              .toArray(Lock[]::new);
    }
  }

  /** The sub-tree as a lock of the store. */
  @State(Scope.Thread)
  public static class KeptPath {
    DistributedLock lock = InProcessLocks.create().client().tree("tree").write("/");

    /** Makes the lock. */
    @Setup
    public void make(Path path, StoreState store) {
      lock = store.tree.write(path.text);
    }
  }
}
