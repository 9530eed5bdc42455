package io.holdfast.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A process that can be paused, killed, and told to end. What it writes goes to a file. */
final class RigProcess {
  private static final Duration DEATH = Duration.ofSeconds(10);

  private final Process process;

  private RigProcess(Process process) {
    this.process = process;
  }

  /**
   * Starts a command.
   *
   * @param log is appended to
   */
  static RigProcess start(
      Remains remains, Path log, Map<String, String> environment, List<String> command) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().putAll(environment);
    try {
      Process process = builder.start();
      remains.note(process.toHandle());
      return new RigProcess(process);
    } catch (IOException e) {
      throw new RigException("cannot start " + String.join(" ", command), e);
    }
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Of a process that has ended. */
  int exit() {
    return process.exitValue();
  }

  /** The way of kill -9; returns when it is dead. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    if (!awaitEnd(DEATH)) {
      throw new RigException("process " + pid() + " does not die");
    }
  }

  /** Asks it to end. */
  void terminate() {
    process.destroy();
  }

  /** Closes its standard input: for our own processes, the sign to come to an end. */
  void endInput() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void pause() {
    Shell.run("kill", "-STOP", String.valueOf(pid()));
  }

  /** Harmless if it is not paused. */
  void resume() {
    Shell.ask("kill", "-CONT", String.valueOf(pid()));
  }

  boolean isPaused() {
    return ProcessState.isStopped(pid());
  }

  /** Whether it has ended within so long. */
  boolean awaitEnd(Duration patience) throws InterruptedException {
    return process.waitFor(patience.toNanos(), TimeUnit.NANOSECONDS);
  }
}
