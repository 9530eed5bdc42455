package io.holdfast.benchmarks.peers;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Many sessions of one server with many waiters each, and what they cost while nothing happens: the processor time and the
 * memory of the server's process. Then a hand-off amid them, and their end.
 *
 * <p>{@code Crowd SERVER PID SESSIONS WAITERS-EACH LEASE-SECONDS WATCH-SECONDS}. For Linux.
 */
final class Crowd {
  /** Locks that are waited for, each by as many. */
  private static final int NAMES = 1_000;

  private static final int HAND_OFFS = 1_000;

  /** So many connect at a time; how long that takes is no part of this. */
  private static final int ARRIVE_AT_A_TIME = 32;

  /** The server's JVM still compiles what their arrival has made it do. */
  private static final int SETTLE_SECONDS = 60;

  /** The kernel's unit of processor time, in which /proc counts. */
  private static final double TICKS_PER_SECOND = 100;

  private Crowd() {}

  public static void main(String[] args) throws Exception {
    String url = "holdfast://" + args[0] + "/crowd";
    long pid = Long.parseLong(args[1]);
    int sessions = Integer.parseInt(args[2]);
    int waitersEach = Integer.parseInt(args[3]);
    Duration lease = Duration.ofSeconds(Long.parseLong(args[4]));
    long watchSeconds = Long.parseLong(args[5]);
    Executor executor = ForkJoinPool.commonPool();
    ClientOptions options =
        ClientOptions.defaults()
            .executor(executor)
            .holds(HoldOptions.defaults().leaseDuration(lease));

    LockClient holder = LockClient.connect(url, options.name("holder"));
    List<Hold> held = new ArrayList<>();
    for (int i = 0; i < NAMES; i++) {
      held.add(holder.lock("crowd/" + i).acquire());
    }
    List<CompletableFuture<Hold>> waiting = new ArrayList<>();
    long from = System.nanoTime();
    ExecutorService arriving = Executors.newFixedThreadPool(ARRIVE_AT_A_TIME);
    List<Future<LockClient>> clients = new ArrayList<>();
    for (int i = 0; i < sessions; i++) {
      String name = "client-" + i;
      clients.add(arriving.submit(() -> LockClient.connect(url, options.name(name))));
    }
    for (Future<LockClient> arrived : clients) {
      LockClient client = arrived.get();
      for (int w = 0; w < waitersEach; w++) {
        waiting.add(client.lock("crowd/" + waiting.size() % NAMES).acquireAsync());
      }
    }
    LockDescription first = holder.describe("crowd/0");
    System.out.printf(
        Locale.ROOT,
        "sessions %d, waiters %d (%d behind the first lock), there after %.1f s%n",
        sessions,
        waiting.size(),
        first.waiters().size(),
        seconds(from));

    TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
    double cpu = cpuSeconds(pid);
    from = System.nanoTime();
    TimeUnit.SECONDS.sleep(watchSeconds);
    System.out.printf(
        Locale.ROOT,
        "the server used %.1f %% of one core in %.0f s, resident are %d MiB%n",
        100 * (cpuSeconds(pid) - cpu) / seconds(from),
        seconds(from),
        residentMebibytes(pid));

    // Each grant is given back at once: what is released first passes down the whole line.
    from = System.nanoTime();
    List<CompletableFuture<Void>> passed = new ArrayList<>();
    for (CompletableFuture<Hold> each : waiting.subList(0, Math.min(HAND_OFFS, waiting.size()))) {
      passed.add(each.thenAccept(Hold::closeAsync));
    }
    held.forEach(Hold::closeAsync);
    CompletableFuture.allOf(passed.toArray(new CompletableFuture<?>[0])).get(1, TimeUnit.MINUTES);
    System.out.printf(
        Locale.ROOT,
        "%d locks went to those first in line in %.3f s%n",
        passed.size(),
        seconds(from));
    long lost = waiting.stream().filter(CompletableFuture::isCompletedExceptionally).count();
    System.out.printf(Locale.ROOT, "waiters that failed: %d%n", lost);
    Runtime.getRuntime().halt(0); // as crowds go home: all at once
  }

  private static double seconds(long from) {
    return (System.nanoTime() - from) / 1e9;
  }

  private static double cpuSeconds(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    String[] afterName = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return (Long.parseLong(afterName[11]) + Long.parseLong(afterName[12])) / TICKS_PER_SECOND;
  }

  private static long residentMebibytes(long pid) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
        .sum();
  }
}
