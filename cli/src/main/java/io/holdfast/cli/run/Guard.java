package io.holdfast.cli.run;

import io.holdfast.spi.Ticker;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A small process beside this one that knows how long the command is safe, and stops it when this process does not: when it
 * was killed, or is stopped, or paused past that time. It also passes on signals, which Java cannot send.
 *
 * <p>For one thread. No call takes longer than the command's grace and a few seconds.
 */
final class Guard implements Closeable {
  /*
   * The guard reads lines from a pipe whose other end only this process has. Each line "limit" says for how long the command
   * is safe without another one; the end of the pipe says that this process is gone. Neither needs anything of a process that
   * cannot run any more. The guard has a session of its own, so no terminal and no group kill reaches it together with us;
   * and sending a signal is a shell's built-in: none needs a new process at the moment when there may be none.
   *
   * Each line is answered. So a guard that somebody has killed or stopped is found out by the next line, and replaced; whoever
   * did it did not mean the lock. One that is acting says so, and is waited for.
   */
  private static final String SCRIPT = script();

  /** A shell that has no more to do than to send a signal, on a machine that is busy. */
  private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(2);

  /** A new process on a machine that is busy. */
  private static final Duration STARTS_WITHIN = Duration.ofSeconds(10);

  /** How long it may take to end, beyond the grace of the command. */
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(15);

  private static final Duration LOOK_EVERY = Duration.ofMillis(1);

  /** Its exit code when it has acted. */
  private static final int STRUCK = 3;

  private final boolean notifies;
  private final Duration grace;
  private final Ticker ticker = Ticker.system();
  private Process process;
  private BufferedReader answers;
  private boolean struck;
  private @Nullable Long session;
  private Order order = Order.none("limit");

  /**
   * Starts one.
   *
   * @param notifies tell the command rather than stop it
   * @param grace between TERM and KILL
   */
  Guard(boolean notifies, Duration grace) throws IOException, InterruptedException {
    this.notifies = notifies;
    this.grace = grace;
    this.process = launch();
    this.answers = answers(process);
    awaitReady();
  }

  /** Names the session to guard: the pid of the process that leads it. */
  void watch(long session) throws IOException, InterruptedException {
    this.session = session;
    send("group " + session);
  }

  /** Says for how long the command is safe from now on; empty if time does not matter. */
  void safeFor(Optional<Duration> limit) throws IOException, InterruptedException {
    order(
        limit
            .map(time -> new Order("limit", OptionalLong.of(ticker.nanosIn(time))))
            .orElse(Order.none("limit")));
  }

  /** Says that we are stopping the command ourselves: should we fall silent for so long, only KILL is left to be done. */
  void killAfter(Duration time) throws IOException, InterruptedException {
    order(new Order("kill", OptionalLong.of(ticker.nanosIn(time))));
  }

  /** Says that there is nothing left for it to do but to pass on signals. */
  void rest() throws IOException, InterruptedException {
    order(Order.none("rest"));
  }

  /**
   * Sends a signal.
   *
   * @param target a pid, or a process group as its negative
   */
  void signal(String name, long target) throws IOException, InterruptedException {
    send("signal " + name + " " + target);
  }

  /** Whether it had acted by the last call before this: we were away, and the command was stopped, or told. */
  boolean hasStruck() {
    return struck;
  }

  /** Ends the guard; what it watched is left alone. */
  void dismiss() throws InterruptedException {
    try {
      write("done");
    } catch (IOException e) {
      // it has ended already
    }
    awaitEnd();
  }

  /** Ends a guard that was not dismissed, which stops the command. */
  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      awaitEnd();
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the end of its pipe is enough for it
    }
  }

  private void order(Order order) throws IOException, InterruptedException {
    this.order = order;
    send(line(order));
  }

  private String line(Order order) {
    return order.verb
        + " "
        + (order.untilNanos.isEmpty()
            ? "none"
            : seconds(Duration.ofNanos(order.untilNanos.getAsLong() - ticker.nanos())));
  }

  private void send(String line) throws IOException, InterruptedException {
    if (isDone(line)) {
      return;
    }
    process = launch();
    answers = answers(process);
    awaitReady();
    boolean isDone =
        (session == null || isDone("group " + session)) && isDone(line(order)) && isDone(line);
    if (!isDone && !struck) { // what was left of its time may have been over already
      throw new IOException("the guard of the command does not answer");
    }
  }

  /** Whether the guard has done it. If not, it has ended by now. */
  private boolean isDone(String line) throws InterruptedException {
    try {
      write(line);
      if ("ok".equals(answer(ANSWERS_WITHIN))) {
        return true;
      }
    } catch (IOException e) {
      // it has ended
    }
    awaitEnd();
    return false;
  }

  private void write(String line) throws IOException {
    OutputStream lines = process.getOutputStream();
    lines.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    lines.flush();
  }

  /** Its next line; null if it has ended, or been ended because none came. */
  private @Nullable String answer(Duration within) throws IOException, InterruptedException {
    long deadline = ticker.nanosIn(within);
    while (!answers.ready()) {
      if (ticker.nanos() - deadline >= 0) {
        process.destroyForcibly();
        return null;
      }
      if (process.waitFor(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
        break;
      }
    }
    return answers.readLine();
  }

  private Process launch() throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                "setsid",
                "--",
                "bash",
                "-c",
                SCRIPT,
                "holdfast-guard",
                notifies ? "notify" : "stop",
                seconds(grace))
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    // The user's environment may give a shell options, functions and files to read first, and
    // another decimal point.
    Map<String, String> environment = builder.environment();
    environment.keySet().retainAll(Set.of("PATH"));
    environment.put("LC_ALL", "C");
    return builder.start();
  }

  private static BufferedReader answers(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
  }

  /** Until it is ready an interrupt of the terminal would end it, too. */
  private void awaitReady() throws IOException, InterruptedException {
    if (!"ready".equals(answer(STARTS_WITHIN))) {
      process.destroyForcibly();
      throw new IOException("the guard of the command did not start");
    }
  }

  /** Waits for the end of a guard that listens no more. */
  private void awaitEnd() throws InterruptedException {
    if (process.waitFor(grace.plus(ENDS_WITHIN).toMillis(), TimeUnit.MILLISECONDS)) {
      struck |= process.exitValue() == STRUCK;
    } else {
      process.destroyForcibly();
    }
  }

  /** As bash reads it; and "read -t 0" would not wait at all, and be an answer. */
  private static String seconds(Duration time) {
    return String.format(Locale.ROOT, "%.3f", Math.max(1, time.toMillis()) / 1000.0);
  }

  /**
   * What it was told last, for the next one to be told.
   *
   * @param untilNanos when it is to act; empty if time does not matter
   */
  private record Order(String verb, OptionalLong untilNanos) {
    static Order none(String verb) {
      return new Order(verb, OptionalLong.empty());
    }
  }

  private static String script() {
    try (InputStream text = Guard.class.getResourceAsStream("guard.bash")) {
      if (text == null) {
        throw new IllegalStateException("guard.bash is missing");
      }
      return new String(text.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
