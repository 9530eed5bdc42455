package io.holdfast.benchmarks;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.LockClient;
import io.holdfast.inprocess.InProcessLocks;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.openjdk.jmh.annotations.AuxCounters;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How fast one lock goes round among many who want it: callers that do nothing but acquire and release it and stand in line
 * again. They are threads, futures, or virtual threads.
 *
 * <p>Against {@link ReentrantLock}, fair and not. The fair one promises what Holdfast promises: first come, first served.
 * The other lets whoever runs take the lock again before the one it woke comes to it. So two things are counted:
 * acquisitions, and hand-offs, which are acquisitions by somebody else than the last holder.
 *
 * <p>What counts is these two rates. The score of the benchmark itself is how often somebody looked at them.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 700, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 4, time = 700, timeUnit = TimeUnit.MILLISECONDS)
public class HandoffBenchmark {
  private static final int LOOK_EVERY_MILLIS = 10;

  /** Threads at the store's lock. */
  @Benchmark
  public void store(StoreThreads callers, Rates rates) throws InterruptedException {
    rates.count(callers);
  }

  /** Threads at the JDK's lock that keeps the order of arrival. */
  @Benchmark
  public void fairLock(FairLockThreads callers, Rates rates) throws InterruptedException {
    rates.count(callers);
  }

  /** Threads at the JDK's lock that does not. */
  @Benchmark
  public void unfairLock(UnfairLockThreads callers, Rates rates) throws InterruptedException {
    rates.count(callers);
  }

  /** Futures at the store's lock. */
  @Benchmark
  public void storeFutures(StoreFutures callers, Rates rates) throws InterruptedException {
    rates.count(callers);
  }

  /** Virtual threads at the store's lock. Needs JDK 21 or newer. */
  @Benchmark
  public void storeVirtual(StoreVirtualThreads callers, Rates rates) throws InterruptedException {
    rates.count(callers);
  }

  /** Virtual threads at the JDK's fair lock. Needs JDK 21 or newer. */
  @Benchmark
  public void fairLockVirtual(FairLockVirtualThreads callers, Rates rates)
      throws InterruptedException {
    rates.count(callers);
  }

  /** What is counted, per second. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Rates {
    /** How often somebody acquired the lock. */
    public long acquisitions;

    /** How often that was not the last holder. */
    public long handOffs;

    void count(Callers callers) throws InterruptedException {
      long acquisitionsBefore = callers.acquisitions.get();
      long handOffsBefore = callers.handOffs.get();
      Thread.sleep(LOOK_EVERY_MILLIS);
      acquisitions += callers.acquisitions.get() - acquisitionsBefore;
      handOffs += callers.handOffs.get() - handOffsBefore;
    }
  }

  /** Those who want the lock. */
  abstract static class Callers {
    final AtomicLong acquisitions = new AtomicLong();
    final AtomicLong handOffs = new AtomicLong();
    volatile boolean over;

    private int lastHolder;

    /** What each does while it has the lock, which guards it all. */
    void hold(int caller) {
      acquisitions.lazySet(acquisitions.getPlain() + 1);
      if (lastHolder != caller) {
        lastHolder = caller;
        handOffs.lazySet(handOffs.getPlain() + 1);
      }
    }
  }

  /** Callers with a thread each. */
  @State(Scope.Benchmark)
  public abstract static class ThreadCallers extends Callers {
    @Param({"2", "16", "128", "1000"})
    int callers;

    /** Starts them. */
    @Setup
    public void start() throws ReflectiveOperationException {
      for (int i = 0; i < callers; i++) {
        int caller = i;
        start(
            () -> {
              while (!over) {
                acquireAndRelease(caller);
              }
            });
      }
    }

    /** Lets them end. */
    @TearDown
    public void end() {
      over = true;
    }

    void start(Runnable body) throws ReflectiveOperationException {
      Thread thread = new Thread(body);
      thread.setDaemon(true);
      thread.start();
    }

    static void startVirtual(Runnable body) throws ReflectiveOperationException {
      // The JDK that this is compiled for does not have it.
      Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, body);
    }

    abstract void acquireAndRelease(int caller);
  }

  /** At the store's lock. */
  @State(Scope.Benchmark)
  public static class StoreThreads extends ThreadCallers {
    private final DistributedLock lock = InProcessLocks.create().client().lock("the one");

    @Override
    void acquireAndRelease(int caller) {
      try (Hold hold = lock.acquire()) {
        hold(caller);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** The same in virtual threads. */
  @State(Scope.Benchmark)
  public static class StoreVirtualThreads extends StoreThreads {
    @Override
    void start(Runnable body) throws ReflectiveOperationException {
      startVirtual(body);
    }
  }

  /** At a lock of the JDK's. */
  abstract static class JdkThreads extends ThreadCallers {
    private final ReentrantLock lock;

    JdkThreads(boolean fair) {
      this.lock = new ReentrantLock(fair);
    }

    @Override
    void acquireAndRelease(int caller) {
      lock.lock();
      try {
        hold(caller);
      } finally {
        lock.unlock();
      }
    }
  }

  /** At the JDK's lock that keeps the order of arrival. */
  @State(Scope.Benchmark)
  public static class FairLockThreads extends JdkThreads {
    /** Fair. */
    public FairLockThreads() {
      super(true);
    }
  }

  /** The same in virtual threads. */
  @State(Scope.Benchmark)
  public static class FairLockVirtualThreads extends FairLockThreads {
    @Override
    void start(Runnable body) throws ReflectiveOperationException {
      startVirtual(body);
    }
  }

  /** At the JDK's lock that does not keep it. */
  @State(Scope.Benchmark)
  public static class UnfairLockThreads extends JdkThreads {
    /** Unfair. */
    public UnfairLockThreads() {
      super(false);
    }
  }

  /** Callers that wait by future at the store's lock. */
  @State(Scope.Benchmark)
  public static class StoreFutures extends Callers {
    @Param({"16", "1000", "100000"})
    int callers;

    private final LockClient client = InProcessLocks.create().client();
    private final DistributedLock lock = client.lock("the one");

    /** Puts all in line. */
    @Setup
    public void start() {
      for (int i = 0; i < callers; i++) {
        standInLine(i);
      }
    }

    /** Ends what waits. */
    @TearDown
    public void end() {
      over = true;
      client.close();
    }

    private void standInLine(int caller) {
      lock.acquireAsync()
          .thenAccept(
              hold -> {
                hold(caller);
                if (!over) {
                  standInLine(caller);
                }
                try {
                  hold.close();
                } catch (HoldLostException e) {
                  // by the end of the benchmark
                }
              });
    }
  }
}
