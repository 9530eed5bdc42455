package io.holdfast.cli.demo;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.spi.Ticker;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One of the demo's worker processes: a client, three workers, and a diary that is written to stdout. It says that it is
 * {@link #READY}, begins when it is told to, ends when its workers are back, and dies at once when its stdin ends, which is when
 * the demo does.
 */
public final class WorkerProcess {
  /*
   * Told by arguments name=value: name, number (from 1 on), url, tree (a folder), seed, duration and patience
   * (milliseconds), and, where one of its workers has a part to play, stuck, slow or doomed: which worker, from 1 on.
   * Told on stdin: when the work begins, as a reading of System.nanoTime, which the processes of one machine share.
   */
  static final String READY = "ready";

  /** From the beginning of the work, as shares of its duration. */
  private static final double STUCK_AT = 0.12;

  private static final double DOOMED_AT = 0.28;
  private static final double SLOW_AT = 0.45;

  /** Each process numbers its requests from a multiple of this; a number stays exact where numbers are doubles. */
  static final long REQUESTS_OF_ONE = 1L << 32;

  /** After the end of the work, who has not come back within this is stuck in a lock. */
  static final Duration LAST_CALL = Duration.ofSeconds(20);

  private final Map<String, String> arguments;
  private final OutputStream out;
  private final ReentrantLock outMutex = new ReentrantLock();
  private final Ticker ticker = Ticker.system();

  private WorkerProcess(Map<String, String> arguments, OutputStream out) {
    this.arguments = arguments;
    this.out = out;
  }

  /** Does all its work. Returns the exit code. */
  public static int run(List<String> arguments, InputStream in, OutputStream out)
      throws IOException, InterruptedException {
    Map<String, String> named = new HashMap<>();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      named.put(parts[0], parts.length == 2 ? parts[1] : "");
    }
    return new WorkerProcess(named, out)
        .run(new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII)));
  }

  private int run(BufferedReader orders) throws IOException, InterruptedException {
    String name = argument("name");
    Diary diary = new Diary(name, number("number") * REQUESTS_OF_ONE, ticker, this::write);
    FileWorld world = new FileWorld(Path.of(argument("tree")), diary);
    LockClient locks =
        LockClient.connect(
            argument("url"),
            ClientOptions.defaults()
                .name(name)
                .holds(HoldOptions.defaults().leaseDuration(DemoSettings.LEASE)));
    rehearse(locks, name);
    write(READY);
    String begin = orders.readLine();
    if (begin == null) {
      return 1;
    }
    Lifeline.endWith(orders);
    work(name, locks, world, diary, Long.parseLong(begin));
    diary.closing();
    locks.close();
    diary.closed();
    return 0;
  }

  /** The JVM links code when it is first used, which shall not happen while everybody waits for it. */
  private static void rehearse(LockClient locks, String name) throws InterruptedException {
    try (Hold hold = locks.lock("rehearsal/" + name).acquire()) {
      locks.lock("rehearsal/" + name).tryAcquire(Duration.ofMillis(1));
      locks.describe("rehearsal/" + name);
      hold.isHeld();
    } catch (LockException e) {
      // where nine JVMs start at once a lease may be over before anybody comes to renew it
    }
  }

  private void work(String name, LockClient locks, FileWorld world, Diary diary, long beginNanos)
      throws InterruptedException {
    long durationNanos = number("duration") * 1_000_000;
    SplittableRandom random = new SplittableRandom(number("seed"));
    Gate gate = new Gate();
    Overstays overstays = new Overstays(world.noticeBoard(), diary, gate, ticker);
    if (arguments.containsKey("stuck")) {
      overstays.revoke(worker("stuck"), beginNanos + (long) (durationNanos * STUCK_AT));
    }
    if (arguments.containsKey("slow")) {
      Duration maxHold = Duration.ofMillis(number("patience")).dividedBy(2);
      overstays.expire(worker("slow"), beginNanos + (long) (durationNanos * SLOW_AT), maxHold);
    }
    if (arguments.containsKey("doomed")) {
      overstays.die(worker("doomed"), beginNanos + (long) (durationNanos * DOOMED_AT));
    }
    List<Thread> threads = new ArrayList<>();
    long endNanos = beginNanos + durationNanos;
    for (int i = 1; i <= DemoSettings.WORKERS_OF_ONE; i++) {
      String worker = name + "." + i;
      Worker task =
          new Worker(
              worker, locks, world, diary, gate, ticker, random.split(), overstays, endNanos);
      Thread thread = new Thread(task, worker);
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    long lastCallNanos = endNanos + LAST_CALL.toNanos();
    for (Thread thread : threads) {
      thread.join(Math.max(1, (lastCallNanos - ticker.nanos()) / 1_000_000));
      if (thread.isAlive()) {
        diary.damage(0, thread.getName() + " did not come back from its last job");
      }
    }
  }

  /** By one call, so that whoever kills this process finds all that was said, or all but a last line cut short. */
  private void write(String line) {
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.US_ASCII);
    outMutex.lock(); // lines must not mix; who reads them does nothing else
    try {
      out.write(bytes);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      outMutex.unlock();
    }
  }

  private String worker(String part) {
    return argument("name") + "." + argument(part);
  }

  private long number(String name) {
    return Long.parseLong(argument(name));
  }

  private String argument(String name) {
    String value = arguments.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no argument " + name);
    }
    return value;
  }
}
