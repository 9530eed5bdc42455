package io.holdfast.cli.demo;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A Java process of the demo: this same program, asked to be something else. It lives as long as this one at most, for it
 * ends with its stdin.
 */
final class ChildProcess {
  private static final String MAIN = "io.holdfast.cli.Main";

  /** To start fast and to stay small, nine of them on two processors. */
  private static final List<String> LIGHT =
      List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx96m");

  /** So much of what a process that failed had to say is told. */
  private static final int TOLD = 300;

  private final String name;
  private final Process process;
  private final Path errors;
  private final Thread reader;
  private volatile boolean killed;

  private ChildProcess(String name, Process process, Path errors, Consumer<String> lines) {
    this.name = name;
    this.process = process;
    this.errors = errors;
    this.reader = new Thread(() -> read(process.getInputStream(), lines), name);
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Starts one.
   *
   * @param folder what it writes to stderr goes into a file there
   * @param lines takes each line that it writes to stdout, in a thread of its own
   * @param what it shall be, and with which arguments
   */
  static ChildProcess start(String name, Path folder, Consumer<String> lines, List<String> what)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(LIGHT);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN));
    command.addAll(List.of("demo-process", "--"));
    command.addAll(what);
    Path errors = folder.resolve(name + ".log");
    Process process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(errors.toFile()))
            .start();
    return new ChildProcess(name, process, errors, lines);
  }

  String name() {
    return name;
  }

  long pid() {
    return process.pid();
  }

  /** Says something to it. */
  void say(String line) throws IOException {
    process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    process.getOutputStream().flush();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGKILL: it hears nothing of it, and neither does anybody who waits for a word from it. */
  void kill() {
    killed = true;
    process.destroyForcibly();
  }

  /** Until it is gone, and all that it said was taken. Returns whether, in that time. */
  boolean awaitEnd(Duration patience) throws InterruptedException {
    if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      return false;
    }
    reader.join(patience.toMillis());
    return !reader.isAlive();
  }

  /** Whether it is gone, and neither of its own accord nor because we killed it. */
  boolean failed() {
    return !process.isAlive() && !killed && process.exitValue() != 0;
  }

  /** What it said when it failed. */
  String failure() {
    String said = "";
    try {
      said = Files.readString(errors).strip();
    } catch (IOException e) {
      // then there is nothing to tell
    }
    String end = said.substring(Math.max(0, said.length() - TOLD));
    return name
        + (process.isAlive() ? " does not answer" : " ended with code " + process.exitValue())
        + (end.isEmpty() ? "" : ": " + end);
  }

  /** A last line without a break was cut short: what it would say is not known. */
  private static void read(InputStream in, Consumer<String> lines) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream buffered = new BufferedInputStream(in)) {
      for (int next = buffered.read(); next >= 0; next = buffered.read()) {
        if (next == '\n') {
          lines.accept(line.toString(StandardCharsets.US_ASCII));
          line.reset();
        } else {
          line.write(next);
        }
      }
    } catch (IOException e) {
      // the process is gone
    }
  }
}
