package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** One command line in a process of its own, which a test can send signals to and kill. */
final class RunningCommand implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;

  private final Process process;
  private final Path out;
  private final Path err;

  private RunningCommand(Process process, Path out, Path err) {
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /** Starts it; what it writes goes into files of the folder. */
  static RunningCommand start(Path folder, Map<String, String> environment, String... args)
      throws IOException {
    return start(folder, Files.createTempFile(folder, "err", ""), environment, args);
  }

  /** The same with a file for what it writes to stderr. */
  static RunningCommand start(
      Path folder, Path err, Map<String, String> environment, String... args) throws IOException {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "io.holdfast.cli.Main"));
    line.addAll(List.of(args));
    Path out = Files.createTempFile(folder, "out", "");
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().putAll(environment);
    return new RunningCommand(builder.start(), out, err);
  }

  /** Writes to its stdin, which ends there. */
  void type(String text) throws IOException {
    try (OutputStream stdin = process.getOutputStream()) {
      stdin.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  long pid() {
    return process.pid();
  }

  ProcessHandle guard() {
    return process
        .children()
        .filter(
            child ->
                child
                    .info()
                    .arguments()
                    .map(a -> List.of(a).contains("holdfast-guard"))
                    .orElse(false))
        .findFirst()
        .orElseThrow();
  }

  /** Sends it a signal. */
  void signal(String name) throws Exception {
    signal(name, pid());
  }

  static void signal(String name, long pid) throws Exception {
    int exitCode =
        new ProcessBuilder("bash", "-c", "kill -s " + name + " " + pid).start().waitFor();
    assertThat(exitCode).isZero();
  }

  /** What it has written to stdout by now. */
  String output() {
    return read(out);
  }

  /** What it has written to stderr by now. */
  String errors() {
    return read(err);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for its end. */
  CommandRun end() throws Exception {
    assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as("it ended").isTrue();
    return new CommandRun(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  /** Waits until something is so. */
  static void await(String what, BooleanSupplier so) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!so.getAsBoolean()) {
      assertThat(System.nanoTime() - deadline).as(what).isNegative();
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
