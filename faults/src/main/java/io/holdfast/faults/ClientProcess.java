package io.holdfast.faults;

import io.holdfast.ClientOptions;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.StoreUnavailableException;
import io.holdfast.testkit.history.HistoryRecorder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A client process: one {@link LockClient}, some workers, one history. It goes on until its standard input ends; then it
 * gives back what it holds and ends with code 0.
 *
 * <p>Told by arguments {@code name=value}: {@code url}, {@code name}, {@code history} (a file), {@code requests-above},
 * {@code resource} (host:port), {@code lease} (milliseconds), {@code seed}, {@code work}: {@code contend} with {@code
 * workers=N}, {@code beat}, or {@code cling}.
 */
final class ClientProcess {
  /** Who waits longest for something, and holds it then, is back before this. */
  private static final Duration TO_FINISH = Duration.ofSeconds(60);

  /** To connect, each of which waits for a leader by itself. */
  private static final int ATTEMPTS = 10;

  private static final Duration BREATH = Duration.ofMillis(500);

  private static final Duration PULSE = Duration.ofMillis(10);

  private final Map<String, String> arguments;
  private final AtomicBoolean ending = new AtomicBoolean();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  private ClientProcess(Map<String, String> arguments) {
    this.arguments = arguments;
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> named = new HashMap<>();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      named.put(parts[0], parts[1]);
    }
    System.exit(new ClientProcess(named).run());
  }

  private int run() throws IOException, InterruptedException {
    String name = argument("name");
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(this::daemon);
    try (HistoryFile history = new HistoryFile(Path.of(argument("history")))) {
      HistoryRecorder recorder =
          new HistoryRecorder(
              System::nanoTime, Long.parseLong(argument("requests-above")), history);
      Duration lease = Duration.ofMillis(Long.parseLong(argument("lease")));
      LockClient locks =
          connect(
              ClientOptions.defaults()
                  .name(name)
                  .holds(HoldOptions.defaults().leaseDuration(lease)));
      List<Thread> threads = work(name, locks, recorder, timer);
      threads.forEach(Thread::start);
      while (System.in.read() >= 0) {} // whoever started us says so by closing it, or by its death
      ending.set(true);
      long deadline = System.nanoTime() + TO_FINISH.toNanos();
      for (Thread thread : threads) {
        if (argument("work").equals("cling")) {
          thread.interrupt();
        }
        thread.join(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
      }
      recorder.clientClosing(name);
      locks.close();
      recorder.clientClosed(name);
      List<Thread> stuck = threads.stream().filter(Thread::isAlive).toList();
      for (Thread thread : stuck) {
        System.out.println(thread.getName() + " did not come back; it is in:");
        for (StackTraceElement frame : thread.getStackTrace()) {
          System.out.println("    " + frame);
        }
      }
      return failure.get() != null ? 2 : stuck.isEmpty() ? 0 : 3;
    }
  }

  /** It may be started while there is nobody to connect to. */
  private LockClient connect(ClientOptions options) throws InterruptedException {
    for (int attempt = 1; true; attempt++) {
      try {
        return LockClient.connect(argument("url"), options);
      } catch (StoreUnavailableException e) {
        System.out.println("attempt " + attempt + " to connect failed: " + e.getMessage());
        if (attempt == ATTEMPTS) {
          throw e;
        }
        Wait.pass(BREATH);
      }
    }
  }

  private List<Thread> work(
      String name, LockClient locks, HistoryRecorder recorder, ScheduledExecutorService timer)
      throws IOException {
    SplittableRandom dice = new SplittableRandom(Long.parseLong(argument("seed")));
    List<Thread> threads = new ArrayList<>();
    String work = argument("work");
    int contenders = work.equals("contend") ? Integer.parseInt(argument("workers")) : 0;
    for (int i = 0; i <= contenders; i++) {
      Worker worker =
          new Worker(
              name,
              locks,
              recorder,
              new ResourceConnection(argument("resource")),
              timer,
              dice.split(),
              () -> !ending.get());
      boolean contends = i < contenders;
      Task task =
          contends
              ? worker::contend
              : work.equals("cling")
                  ? () -> worker.cling("clung-to")
                  : () -> worker.beat("pulse/" + name, PULSE);
      threads.add(daemon(() -> guard(task)));
    }
    return threads;
  }

  private void guard(Task task) {
    try {
      task.run();
    } catch (InterruptedException end) {
      return;
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
      e.printStackTrace();
    }
  }

  private String argument(String name) {
    String value = arguments.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no argument " + name);
    }
    return value;
  }

  private Thread daemon(Runnable task) {
    Thread thread = new Thread(task);
    thread.setDaemon(true);
    return thread;
  }

  /** What a worker does. */
  private interface Task {
    void run() throws InterruptedException;
  }
}
