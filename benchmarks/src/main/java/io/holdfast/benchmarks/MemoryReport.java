package io.holdfast.benchmarks;

import io.holdfast.LockClient;
import io.holdfast.LockTree;
import io.holdfast.inprocess.InProcessLocks;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Locale;

/**
 * How many bytes of heap a held name, a held sub-tree and a waiter take, in the table alone and in the in-process store, and
 * what the locks take that a program without Holdfast would keep. All that hangs on the hold or the future is in it, the
 * text of the name included.
 *
 * <p>The heap in use after a full collection, before and after there are so many of them, several rounds each. Run it with
 * {@code -XX:+UseSerialGC -XX:MarkSweepAlwaysCompactCount=1}: other collectors leave gaps, and this one leaves the dead of
 * the round before, unless told to compact every time. Prints a Markdown table.
 */
final class MemoryReport {
  /** Not more than 65 535, for so often can a read/write lock be held. */
  private static final int COUNT = 60_000;

  private static final int ROUNDS = 5;
  private static final MemoryMXBean MEMORY = ManagementFactory.getMemoryMXBean();

  private MemoryReport() {}

  /** Prints the table. */
  public static void main(String[] args) throws InterruptedException {
    System.out.println("| bytes of heap for | median | from – to |");
    System.out.println("|---|--:|--:|");
    report("a held name, table", MemoryReport::namesInTable);
    report("a held name, store", MemoryReport::namesInStore);
    report("a held name, counted `ReentrantLock`", MemoryReport::namesInMap);
    report(
        "a held sub-tree of depth 5 beside others, table",
        kept -> subtreesInTable(MemoryReport::sibling, kept));
    report(
        "a held sub-tree of depth 5 beside others, store",
        kept -> subtreesInStore(MemoryReport::sibling, kept));
    report(
        "a held sub-tree of depth 5 beside others, read/write locks by prefix",
        kept -> subtreesInMap(MemoryReport::sibling, kept));
    report(
        "a held sub-tree of depth 5 by itself, table",
        kept -> subtreesInTable(MemoryReport::alone, kept));
    report(
        "a held sub-tree of depth 5 by itself, store",
        kept -> subtreesInStore(MemoryReport::alone, kept));
    report(
        "a held sub-tree of depth 5 by itself, read/write locks by prefix",
        kept -> subtreesInMap(MemoryReport::alone, kept));
    report("a waiter, table", MemoryReport::waitersInTable);
    report("a waiter by future, store", MemoryReport::waitersInStore);
  }

  private static Object namesInTable(Object[] kept) throws InterruptedException {
    TableUser user = new TableUser();
    fill(kept, i -> user.acquire(TableUser.name(name(i))));
    return user;
  }

  private static Object namesInStore(Object[] kept) throws InterruptedException {
    LockClient client = InProcessLocks.create().client();
    fill(kept, i -> client.lock(name(i)).acquire());
    return client;
  }

  private static Object namesInMap(Object[] kept) throws InterruptedException {
    CountedLocks locks = new CountedLocks();
    fill(kept, i -> locks.acquire(name(i)));
    return locks;
  }

  private static Object subtreesInTable(Paths paths, Object[] kept) throws InterruptedException {
    TableUser user = new TableUser();
    fill(kept, i -> user.acquire(TableUser.write(paths.path(i))));
    return user;
  }

  private static Object subtreesInStore(Paths paths, Object[] kept) throws InterruptedException {
    LockTree tree = InProcessLocks.create().client().tree("tree");
    fill(kept, i -> tree.write(paths.path(i)).acquire());
    return tree;
  }

  private static Object subtreesInMap(Paths paths, Object[] kept) throws InterruptedException {
    PrefixLocks locks = new PrefixLocks();
    fill(kept, i -> locks.write(paths.path(i)));
    return locks;
  }

  private static Object waitersInTable(Object[] kept) throws InterruptedException {
    TableUser user = new TableUser();
    user.acquire(TableUser.name(name(0)));
    fill(kept, i -> user.queue(TableUser.name(name(0))));
    return user;
  }

  private static Object waitersInStore(Object[] kept) throws InterruptedException {
    LockClient client = InProcessLocks.create().client();
    Object holder = client.lock(name(0)).acquire();
    fill(kept, i -> client.lock(name(0)).acquireAsync());
    return new Object[] {client, holder};
  }

  private static String name(int i) {
    return "invoice/" + i;
  }

  /** Shares all nodes but the last with the others. */
  private static String sibling(int i) {
    return "/customers/42/orders/2026/" + i;
  }

  /** Shares the root alone. */
  private static String alone(int i) {
    return "/" + i + "/orders/2026/may/invoices";
  }

  private static void fill(Object[] kept, Maker maker) throws InterruptedException {
    for (int i = 0; i < kept.length; i++) {
      kept[i] = maker.make(i);
    }
  }

  private static void report(String what, Round round) throws InterruptedException {
    long[] bytes = new long[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      bytes[i] = measure(round);
    }
    Arrays.sort(bytes);
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %d – %d |%n",
        what,
        bytes[ROUNDS / 2],
        bytes[0],
        bytes[ROUNDS - 1]);
  }

  private static long measure(Round round) throws InterruptedException {
    Object[] kept = new Object[COUNT];
    long before = usedHeap();
    Object all = round.fill(kept);
    try {
      return Math.round((double) (usedHeap() - before) / COUNT);
    } finally {
      Reference.reachabilityFence(all);
      Reference.reachabilityFence(kept);
    }
  }

  /** After collecting until there is nothing more to collect. */
  private static long usedHeap() throws InterruptedException {
    long used = Long.MAX_VALUE;
    while (true) {
      System.gc();
      Thread.sleep(20);
      long now = MEMORY.getHeapMemoryUsage().getUsed();
      if (now >= used) {
        return now;
      }
      used = now;
    }
  }

  /** Makes what is counted, and returns what it belongs to. */
  private interface Round {
    Object fill(Object[] kept) throws InterruptedException;
  }

  private interface Maker {
    Object make(int i) throws InterruptedException;
  }

  private interface Paths {
    String path(int i);
  }
}
