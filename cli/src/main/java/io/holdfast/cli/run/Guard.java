package io.holdfast.cli.run;

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
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A small process beside this one that knows how long the command is safe, and stops it when this process does not: when it
 * was killed, or is stopped, or paused past that time. It also passes on signals, which Java cannot send.
 *
 * <p>For one thread.
 */
final class Guard implements Closeable {
  /*
   * The guard reads lines from a pipe whose other end only this process has. Each line "limit" says for how long the command
   * is safe without another one; the end of the pipe says that this process is gone. Neither needs anything of a process that
   * cannot run any more. The guard has a session of its own, so no terminal and no group kill reaches it together with us;
   * and sending a signal is a shell's built-in: none needs a new process at the moment when there may be none.
   */
  private static final String SCRIPT = script();

  /** How long it may take to end, beyond the grace of the command. */
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  /** Its exit code when it has acted. */
  private static final int STRUCK = 3;

  private final boolean notifies;
  private final Duration grace;
  private Process process;
  private OutputStream lines;
  private BufferedReader answers;
  private boolean struck;
  private @Nullable Long session;

  /**
   * Starts one.
   *
   * @param notifies tell the command rather than stop it
   * @param grace between TERM and KILL
   */
  Guard(boolean notifies, Duration grace) throws IOException {
    this.notifies = notifies;
    this.grace = grace;
    this.process = launch();
    this.lines = process.getOutputStream();
    this.answers = answers(process);
    awaitReady();
  }

  /** Names the session to guard: the pid of the process that leads it. */
  void watch(long session) throws IOException {
    this.session = session;
    send("group " + session);
  }

  /** Says for how long the command is safe from now on; empty if time does not matter. */
  void safeFor(Optional<Duration> limit) throws IOException {
    // "read -t 0" would not wait at all, and be an answer.
    send(
        "limit "
            + limit
                .map(l -> String.format(Locale.ROOT, "%.3f", Math.max(1, l.toMillis()) / 1000.0))
                .orElse("none"));
  }

  /**
   * Sends a signal.
   *
   * @param target a pid, or a process group as its negative
   */
  void signal(String name, long target) throws IOException {
    send("signal " + name + " " + target);
  }

  /** Whether it has acted: this process was away, and the command was stopped, or told. */
  boolean hasStruck() throws IOException {
    try {
      write("ping");
      if (answers.readLine() == null) {
        awaitEnd();
      }
    } catch (IOException e) {
      awaitEnd();
    }
    return struck;
  }

  /** Ends the guard; what it watched is left alone. */
  @Override
  public void close() {
    try {
      lines.write("done\n".getBytes(StandardCharsets.US_ASCII));
      lines.close();
    } catch (IOException e) {
      // it has ended already
    }
    awaitEnd();
  }

  /** Whoever killed the guard did not mean the lock: there is another one at once. */
  private void send(String line) throws IOException {
    try {
      write(line);
    } catch (IOException gone) {
      awaitEnd();
      process = launch();
      lines = process.getOutputStream();
      answers = answers(process);
      awaitReady();
      if (session != null) {
        write("group " + session);
      }
      write(line);
    }
  }

  private void write(String line) throws IOException {
    lines.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    lines.flush();
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
                notifies ? "notify" : "kill",
                String.format(Locale.ROOT, "%.3f", grace.toMillis() / 1000.0))
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
  private void awaitReady() throws IOException {
    if (!"ready".equals(answers.readLine())) {
      throw new IOException("the guard of the command did not start");
    }
  }

  /** Waits for the end of a guard that listens no more. */
  private void awaitEnd() {
    try {
      if (process.waitFor(grace.plus(PATIENCE).toMillis(), TimeUnit.MILLISECONDS)) {
        struck |= process.exitValue() == STRUCK;
      } else {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
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
