package io.holdfast.inprocess;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.spi.Ticker;
import java.lang.reflect.Field;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.junit.jupiter.api.Test;

/**
 * Three threads try, ask, leave and release at once; every result must be that of some order of these calls one after
 * another, the tokens included. Lincheck makes the programs and the interleavings. Each thread works on holds of its own.
 */
@Param(name = "thread", gen = ThreadIdGen.class)
public class InProcessInterleavingsTest {
  private static final int THREADS = 3;

  // Callbacks in the calling thread keep a program's result a matter of its calls alone.
  private final LockClient client =
      prepared(locks()).client(ClientOptions.defaults().executor(Runnable::run));
  private final DistributedLock write = client.readWriteLock("name").write();
  private final DistributedLock read = client.readWriteLock("name").read();
  private final DistributedLock folder = client.tree("tree").write("/folder");
  private final DistributedLock file = client.tree("tree").write("/folder/file");

  private final Hold[] holds = new Hold[THREADS + 1];

  @SuppressWarnings({"unchecked", "rawtypes"})
  private final CompletableFuture<Hold>[] asked = new CompletableFuture[THREADS + 1];

  /** The token, or 0 if it is busy, or -1 if the thread has a hold. */
  @Operation
  public long tryWrite(@Param(name = "thread") int thread) {
    return tryAcquire(write, thread);
  }

  @Operation
  public long tryRead(@Param(name = "thread") int thread) {
    return tryAcquire(read, thread);
  }

  @Operation
  public long tryFolder(@Param(name = "thread") int thread) {
    return tryAcquire(folder, thread);
  }

  @Operation
  public long tryFile(@Param(name = "thread") int thread) {
    return tryAcquire(file, thread);
  }

  @Operation
  public boolean release(@Param(name = "thread") int thread) {
    Hold hold = holds[thread];
    holds[thread] = null;
    if (hold != null) {
      hold.close();
    }
    return hold != null;
  }

  @Operation
  public boolean ask(@Param(name = "thread") int thread) {
    if (asked[thread] != null) {
      return false;
    }
    asked[thread] = write.acquireAsync();
    return true;
  }

  /** Leaves the line, or gives back what was granted. */
  @Operation
  public boolean leave(@Param(name = "thread") int thread) {
    CompletableFuture<Hold> future = asked[thread];
    asked[thread] = null;
    if (future != null && !future.cancel(false)) {
      future.join().close();
    }
    return future != null;
  }

  private long tryAcquire(DistributedLock lock, int thread) {
    if (holds[thread] != null) {
      return -1;
    }
    holds[thread] = lock.tryAcquire().orElse(null);
    return holds[thread] == null ? 0 : holds[thread].token();
  }

  InProcessLocks prepared(InProcessLocks locks) {
    return locks;
  }

  /** With a clock that stands still: no timer thread runs beside the program that is checked. */
  private static InProcessLocks locks() {
    Ticker standing =
        new Ticker() {
          @Override
          public long nanos() {
            return 0;
          }

          @Override
          public Instant instant() {
            return Instant.EPOCH;
          }

          @Override
          public Alarm schedule(long deadlineNanos, Runnable task) {
            return () -> {};
          }
        };
    return InProcessLocks.builder().ticker(standing).build();
  }

  @Test
  void everyInterleavingIsSomeOrderUnderTheModelChecker() {
    modelChecking().check(getClass());
  }

  /**
   * The same check of the same calls: what passes it would not pass without the mutex. That a call has another answer, or
   * none, is what convicts; an exception would only say that this test is broken.
   */
  @Test
  void withoutTheMutexTheModelCheckerFindsAnInterleavingThatIsNone() {
    ModelCheckingOptions options = modelChecking().minimizeFailedScenario(false);
    assertThatThrownBy(() -> options.check(WithoutMutex.class))
        .hasMessageMatching("(?s)\\s*= (Invalid execution results|The execution has hung) =.*");
  }

  private static ModelCheckingOptions modelChecking() {
    return new ModelCheckingOptions()
        .threads(2)
        .actorsBefore(1)
        .actorsPerThread(2)
        .actorsAfter(0)
        .iterations(12)
        .invocationsPerIteration(50);
  }

  @Test
  void everyInterleavingIsSomeOrderUnderStress() {
    new StressOptions()
        .threads(THREADS)
        .actorsPerThread(3)
        .iterations(20)
        .invocationsPerIteration(500)
        .check(getClass());
  }

  /** Locks whose mutex keeps nobody out. */
  public static class WithoutMutex extends InProcessInterleavingsTest {
    @Override
    InProcessLocks prepared(InProcessLocks locks) {
      try {
        Field mutex = InProcessLocks.class.getDeclaredField("mutex");
        Field lock = BackoffMutex.class.getDeclaredField("lock");
        mutex.setAccessible(true);
        lock.setAccessible(true);
        lock.set(mutex.get(locks), new OpenLock());
        return locks;
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static final class OpenLock extends ReentrantLock {
    private static final long serialVersionUID = 1;

    @Override
    public boolean tryLock() {
      return true;
    }

    @Override
    public void unlock() {}

    @Override
    public boolean isHeldByCurrentThread() {
      return true;
    }
  }
}
