package io.holdfast.benchmarks;

import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockTarget;
import io.holdfast.inprocess.InProcessLocks;
import io.holdfast.inprocess.InProcessProvider;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.LockStore;
import io.holdfast.table.Event;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
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
 * What a request costs while ever more of something else is there: holds beside it, holds below it, waiters in another line
 * and in its own. Each benchmark stands against itself at the smallest size; what is promised is that the time per
 * operation does not depend on the size. A map of the JDK's stands beside them: what grows there, too, is the price of
 * memory that does not fit into the processor's caches.
 *
 * <p>One thread. First the bare table, then the in-process store: through its API, and through the interface below it where
 * the API would hand the grant to another thread, which costs more than all that is to be seen here.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "-Xmx2g")
@Warmup(iterations = 2, time = 600, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 4, time = 300, timeUnit = TimeUnit.MILLISECONDS)
public class IndependenceBenchmark {
  private static final String BUSY = "busy";
  private static final String IDLE = "idle";

  /** One more entry of a map comes, is found, and goes, while so many others are in it. */
  @Benchmark
  public Object jdkMap(JdkMap state) {
    return state.putFindAndRemove();
  }

  /** Writing /x/y/z while so many siblings of it are written. */
  @Benchmark
  public long tableSiblings(TableSiblings state) {
    return state.acquireAndRelease();
  }

  /** Writing /x/y/z while so many nodes below one sibling of it are written. */
  @Benchmark
  public long tableNephews(TableNephews state) {
    return state.acquireAndRelease();
  }

  /** Reading /x/y while so many nodes below it are read. */
  @Benchmark
  public long tableReadersBelow(TableReadersBelow state) {
    return state.acquireAndRelease();
  }

  /** A name while so many others are held. */
  @Benchmark
  public long tableNames(TableNames state) {
    return state.acquireAndRelease();
  }

  /** A name while so many wait for another. */
  @Benchmark
  public long tableOtherLine(TableLine state) {
    return state.acquireAndRelease();
  }

  /** In a line of so many: the head releases, the next is granted, one more comes at the end. */
  @Benchmark
  public long tableHandOff(TableLine state) {
    return state.handOff();
  }

  /** In a line of so many: the one in the middle gives up, one more comes at the end. */
  @Benchmark
  public long tableCancel(TableLine state) {
    return state.cancelInTheMiddle();
  }

  /** A try for a name that so many wait for already. */
  @Benchmark
  public Object tableTry(TableLine state) {
    return state.tryInVain();
  }

  /** Writing /x/y/z while so many siblings of it are written. */
  @Benchmark
  public long storeSiblings(StoreSiblings state) throws InterruptedException {
    return state.acquireAndRelease();
  }

  /** A name while so many others are held. */
  @Benchmark
  public long storeNames(StoreNames state) throws InterruptedException {
    return state.acquireAndRelease();
  }

  /** A name while so many wait for another. */
  @Benchmark
  public long storeOtherLine(StoreLine state) throws InterruptedException {
    return state.acquireAndRelease();
  }

  /** In a line of so many: the head releases, the next is granted, one more comes at the end. */
  @Benchmark
  public long storeHandOff(StoreLine state) {
    return state.handOff();
  }

  /** In a line of so many: the one in the middle gives up, one more comes at the end. */
  @Benchmark
  public boolean storeCancel(StoreLine state) {
    return state.cancelInTheMiddle();
  }

  /** A try for a name that so many wait for already. */
  @Benchmark
  public boolean storeTry(StoreLine state) {
    return state.tryInVain();
  }

  /** How many others there are. */
  @State(Scope.Thread)
  public static class Size {
    @Param({"10", "100", "1000", "10000", "100000"})
    int size;

    /** Who has been there for long is in the old part of the heap, however few they are. */
    void age() {
      System.gc();
    }
  }

  /**
   * Entries by number, each as large as a held name. As in a table's index of requests, numbers that follow each other are far
   * from each other in it: whoever comes next meets others than the one before.
   */
  @State(Scope.Thread)
  public static class JdkMap {
    private static final int BYTES = 320;

    private final Map<Long, Object> entries = new HashMap<>();
    private long last;

    /** Fills the map. */
    @Setup
    public void put(Size size) {
      for (int i = 0; i < size.size; i++) {
        entries.put(next(), new byte[BYTES]);
      }
      size.age();
    }

    Object putFindAndRemove() {
      Long number = next();
      entries.put(number, this);
      Object found = entries.get(number);
      entries.remove(number);
      return found;
    }

    private long next() {
      return ++last * 0x9E3779B97F4A7C15L;
    }
  }

  /** A table with something to acquire that is always free. */
  abstract static class FreeInTable {
    final TableUser user = new TableUser();
    private final List<LockTarget> free;

    FreeInTable(List<LockTarget> free) {
      this.free = free;
    }

    long acquireAndRelease() {
      Event.Granted grant = user.acquire(free);
      user.release(grant);
      return grant.token();
    }
  }

  /** Holders beside the node. */
  @State(Scope.Thread)
  public static class TableSiblings extends FreeInTable {
    /** To write. */
    public TableSiblings() {
      super(TableUser.write("/x/y/z"));
    }

    /** Fills the table. */
    @Setup
    public void hold(Size size) {
      for (int i = 0; i < size.size; i++) {
        user.acquire(TableUser.write("/x/y/" + i));
      }
      size.age();
    }
  }

  /** Holders below a sibling of the node. */
  @State(Scope.Thread)
  public static class TableNephews extends FreeInTable {
    /** To write. */
    public TableNephews() {
      super(TableUser.write("/x/y/z"));
    }

    /** Fills the table. */
    @Setup
    public void hold(Size size) {
      for (int i = 0; i < size.size; i++) {
        user.acquire(TableUser.write("/x/y/sibling/" + i));
      }
      size.age();
    }
  }

  /** Readers below the node. */
  @State(Scope.Thread)
  public static class TableReadersBelow extends FreeInTable {
    /** To read. */
    public TableReadersBelow() {
      super(TableUser.read("/x/y"));
    }

    /** Fills the table. */
    @Setup
    public void hold(Size size) {
      for (int i = 0; i < size.size; i++) {
        user.acquire(TableUser.read("/x/y/" + i));
      }
      size.age();
    }
  }

  /** Holders of other names. */
  @State(Scope.Thread)
  public static class TableNames extends FreeInTable {
    /** To hold. */
    public TableNames() {
      super(TableUser.name(IDLE));
    }

    /** Fills the table. */
    @Setup
    public void hold(Size size) {
      for (int i = 0; i < size.size; i++) {
        user.acquire(TableUser.name("name-" + i));
      }
      size.age();
    }
  }

  /** A holder and waiters of one name. */
  @State(Scope.Thread)
  public static class TableLine extends FreeInTable {
    private final List<LockTarget> busy = TableUser.name(BUSY);
    private Event.Granted head = user.acquire(busy);

    /** The requests of the rear half of the line, in a ring; those before them stay as they are. */
    private long[] rear = {};

    private int oldestOfRear;

    /** Another name. */
    public TableLine() {
      super(TableUser.name(IDLE));
    }

    /** Fills the line. */
    @Setup
    public void wait(Size size) {
      rear = new long[size.size / 2];
      for (int i = 0; i < size.size - rear.length; i++) {
        user.queue(busy);
      }
      for (int i = 0; i < rear.length; i++) {
        rear[i] = user.queue(busy);
      }
      size.age();
    }

    /** The line must be as long as it was. */
    @TearDown(Level.Iteration)
    public void check(Size size) {
      requireWaiters(size.size, user.table().size().waiters());
    }

    long handOff() {
      user.queue(busy);
      head = user.handOver(head);
      return head.token();
    }

    long cancelInTheMiddle() {
      user.cancel(rear[oldestOfRear]);
      long request = user.queue(busy);
      rear[oldestOfRear] = request;
      oldestOfRear = (oldestOfRear + 1) % rear.length;
      return request;
    }

    Object tryInVain() {
      return user.ask(busy);
    }
  }

  /** A store with something to acquire that is always free. */
  abstract static class FreeInStore {
    final LockClient client = InProcessLocks.create().client();
    private final DistributedLock free;

    /** Kept from the collector, as a program would. */
    private final List<Object> others = new ArrayList<>();

    FreeInStore(boolean inTree) {
      this.free = inTree ? client.tree("tree").write("/x/y/z") : client.lock(IDLE);
    }

    void keep(Object other) {
      others.add(other);
    }

    long acquireAndRelease() throws InterruptedException {
      try (Hold hold = free.acquire()) {
        return hold.token();
      }
    }
  }

  /** Holders beside the node. */
  @State(Scope.Thread)
  public static class StoreSiblings extends FreeInStore {
    /** To write. */
    public StoreSiblings() {
      super(true);
    }

    /** Fills the store. */
    @Setup
    public void hold(Size size) throws InterruptedException {
      for (int i = 0; i < size.size; i++) {
        keep(client.tree("tree").write("/x/y/" + i).acquire());
      }
      size.age();
    }
  }

  /** Holders of other names. */
  @State(Scope.Thread)
  public static class StoreNames extends FreeInStore {
    /** To hold. */
    public StoreNames() {
      super(false);
    }

    /** Fills the store. */
    @Setup
    public void hold(Size size) throws InterruptedException {
      for (int i = 0; i < size.size; i++) {
        keep(client.lock("name-" + i).acquire());
      }
      size.age();
    }
  }

  /** A holder and waiters of one name. The waiters are futures, told in the thread of the benchmark. */
  @State(Scope.Thread)
  public static class StoreLine {
    private final LockStore store =
        new InProcessProvider().open("in-process:", ClientOptions.defaults());
    private final LockClient client = LockClient.over(store, ClientOptions.defaults());
    private final DistributedLock busy = client.lock(BUSY);
    private final DistributedLock idle = client.lock(IDLE);

    /** The line in a ring, the next to be granted at {@code oldest}. */
    private final List<CompletableFuture<AcquireOutcome>> line = new ArrayList<>();

    private int oldest;
    private int oldestOfRear;
    private Lease head = lease(ask());

    /** Fills the line. */
    @Setup
    public void wait(Size size) {
      for (int i = 0; i < size.size; i++) {
        line.add(ask());
      }
      oldestOfRear = size.size / 2;
      size.age();
    }

    /** Leaves the locks of the JVM to the next. */
    @TearDown
    public void close() {
      client.close();
    }

    long handOff() {
      CompletableFuture<AcquireOutcome> next = line.get(oldest);
      line.set(oldest, ask());
      oldest = (oldest + 1) % line.size();
      head.release();
      head = lease(next);
      return head.token();
    }

    boolean cancelInTheMiddle() {
      boolean cancelled = line.get(oldestOfRear).cancel(false);
      line.set(oldestOfRear, ask());
      oldestOfRear = oldestOfRear + 1 == line.size() ? line.size() / 2 : oldestOfRear + 1;
      return cancelled;
    }

    boolean tryInVain() {
      return busy.tryAcquire().isPresent();
    }

    long acquireAndRelease() throws InterruptedException {
      try (Hold hold = idle.acquire()) {
        return hold.token();
      }
    }

    private CompletableFuture<AcquireOutcome> ask() {
      return store.acquire(
          new AcquireRequest(
              busy.targets(), AcquireRequest.LONGEST_WAIT_NANOS, HoldOptions.defaults(), 0));
    }

    private static Lease lease(CompletableFuture<AcquireOutcome> answer) {
      return answer.getNow(null) instanceof AcquireOutcome.Granted granted
          ? granted.lease()
          : notGranted();
    }

    private static Lease notGranted() {
      throw new IllegalStateException("the next in line was not granted the lock");
    }
  }

  private static void requireWaiters(int expected, int waiters) {
    if (waiters != expected) {
      throw new IllegalStateException("the line is " + waiters + " long, not " + expected);
    }
  }
}
