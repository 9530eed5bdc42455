package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.cli.teststore.ProcessStates;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code holdfast run} with real processes and a store that does as files in a folder say. */
@EnabledOnOs(OS.LINUX)
class RunTest {
  /** Runs on until it is killed, and so does all it starts: one in the group, one with job control of its own. */
  private static final String STUBBORN =
      "trap '' TERM; echo $$ >>pids; sleep 1000 & echo $! >>pids;"
          + " bash -c 'set -m; sleep 1000 & echo $! >>pids; echo $$ >>pids; wait' &"
          + " until [ $(wc -l <pids) = 4 ]; do sleep 0.01; done; touch started; wait; wait; sleep 1000";

  /** A pipe takes 64 KiB that nobody reads, less what is lost at the ends of pages. */
  private static final int FULL_PIPE = 60 << 10;

  private final List<RunningCommand> running = new ArrayList<>();

  @TempDir Path folder;

  @AfterEach
  void leaveNothingBehind() throws IOException {
    running.forEach(RunningCommand::close);
    pids().forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
  }

  @Test
  void theCommandGetsNameTokenAndStdinAndItsExitCodeIsOurs() throws Exception {
    RunningCommand run =
        run(
            "--data",
            "nightly",
            "a/b",
            "--",
            "sh",
            "-c",
            "read l; echo $HOLDFAST_NAME=$HOLDFAST_TOKEN $l; exit 3");
    run.type("typed\n");
    assertThat(run.end()).isEqualTo(new CommandRun(3, "a/b=7 typed\n", ""));
    assertThat(log()).containsExactly("asked", "granted [a/b] nightly", "released", "closed");
  }

  @Test
  void argumentsReachTheCommandAsTheyAreWithoutAShell() throws Exception {
    String[] odd = {"$(touch x)", "a  b", "*", "@pids", "--json", "", "'\"", "--"};
    List<String> line = new ArrayList<>(List.of("a", "--", "printf", "[%s]"));
    line.addAll(List.of(odd));
    CommandRun run = run(line.toArray(String[]::new)).end();
    assertThat(run.out()).isEqualTo("[" + String.join("][", odd) + "]");
  }

  @Test
  void withoutTokensInTheStoreNoneIsExportedNotEvenAnOuterOne() throws Exception {
    file("unfenced");
    RunningCommand run =
        start(
            Map.of("HOLDFAST_TOKEN", "1", "HOLDFAST_NAME", "outer"),
            "a",
            "--",
            "sh",
            "-c",
            "echo $HOLDFAST_NAME ${HOLDFAST_TOKEN-none}");
    assertThat(run.end().out()).isEqualTo("a none\n");
  }

  @Test
  void aCommandKilledByASignalEndsWith128AndTheSignal() throws Exception {
    assertThat(run("a", "--", "sh", "-c", "kill -9 $$").end())
        .isEqualTo(new CommandRun(137, "", ""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nobody-has-such-a-program | 127 | holdfast run: command not found: nobody-has-such-a-program",
        "./nowhere                 | 127 | holdfast run: command not found: ./nowhere",
        "/                         | 126 | holdfast run: cannot be executed: /",
        "/etc/passwd               | 126 | holdfast run: cannot be executed: /etc/passwd",
      })
  void aCommandThatCannotStartEndsAsInAShellAndTheLockIsNotAskedFor(
      String command, int exitCode, String message) {
    assertThat(here("a", "--", command))
        .isEqualTo(new CommandRun(exitCode, "", message + System.lineSeparator()));
    assertThat(log()).isEmpty();
  }

  @Test
  void aLockNotObtainedIs75AndTheCommandNeverStarts() throws IOException {
    file("busy");
    CommandRun run =
        here("--max-wait", "20ms", "a", "--", "touch", folder.resolve("started").toString());
    assertThat(run.exitCode()).isEqualTo(75);
    assertThat(run.err())
        .startsWith("holdfast run: no [a] within 20 ms: held by other since 1970-")
        .hasLineCount(1);
    assertThat(log()).containsExactly("asked", "busy", "closed");
    assertThat(folder.resolve("started")).doesNotExist();
  }

  @Test
  void aStoreThatNobodyElseSeesIsRefused() {
    assertThat(CommandRun.of("run", "--store", "in-process:", "a", "--", "true"))
        .isEqualTo(
            new CommandRun(
                78,
                "",
                "holdfast run: --store: in-process: is a store of this process alone, it would keep nobody else out"
                    + System.lineSeparator()));
  }

  @Test
  void aRefusalIs77AndAStoreOutOfReachIs69() throws IOException {
    file("refuses");
    assertThat(here("a", "--", "true"))
        .isEqualTo(
            new CommandRun(
                77, "", "holdfast run: PERMISSION: not for you" + System.lineSeparator()));
    file("unreachable");
    assertThat(here("a", "--", "true"))
        .isEqualTo(new CommandRun(69, "", "holdfast run: nobody listens" + System.lineSeparator()));
  }

  @Test
  void aLostLockStopsTheWholeSessionHoweverStubborn() throws Exception {
    RunningCommand run = stubborn("--grace", "500ms");
    file("lose", "REVOKED");
    CommandRun end = run.end();
    assertThat(living()).isEmpty();
    assertThat(end.err())
        .isEqualTo(
            """
            holdfast run: lost [a] token=7 (REVOKED): stopping the command
            holdfast run: lost [a] token=7 (REVOKED)
            """);
    assertThat(end.exitCode()).isEqualTo(79);
    assertThat(log()).endsWith("lost", "closed");
  }

  @Test
  void aLeaseThatIsNotRenewedStopsTheCommandBeforeItEnds() throws Exception {
    RunningCommand run = stubborn("--lease", "4s", "--grace", "500ms");
    file("silent");
    CommandRun end = run.end();
    assertThat(living()).isEmpty();
    assertThat(end.exitCode()).as(end.err()).isEqualTo(79);
    assertThat(log()).contains("granted [a] ").doesNotContain("expired too early");
  }

  @Test
  void theGuardLeavesACommandThatUsesItsGraceToHoldfast() throws Exception {
    RunningCommand run =
        run(
            "--lease",
            "8s",
            "--grace",
            "2s",
            "a",
            "--",
            "bash",
            "-c",
            "trap 'echo TERM' TERM; touch started; while :; do sleep 0.01; done");
    awaitFile("started");
    file("silent");
    CommandRun end = run.end();
    assertThat(end.out()).isEqualTo("TERM\n");
    assertThat(end.err()).doesNotContain("no sign of life");
    assertThat(end.exitCode()).as(end.err()).isEqualTo(79);
  }

  @Test
  void aHoldfastThatFailsItselfStopsTheCommandFirst() throws Exception {
    RunningCommand run = stubborn("--grace", "200ms");
    file("breaks");
    assertThat(run.end().exitCode()).isNotZero();
    assertThat(living()).isEmpty();
  }

  @Test
  void withNotifyTheCommandIsToldAndRunsOn() throws Exception {
    RunningCommand run =
        run(
            "--on-lost",
            "notify",
            "a",
            "--",
            "sh",
            "-c",
            "trap 'echo told; touch told; until [ -e finish ]; do sleep 0.01; done; exit 5' USR1; touch started; while :; do sleep 0.01; done");
    awaitFile("started");
    file("lose", "REVOKED");
    awaitFile("told");
    file("finish");
    CommandRun end = run.end();
    assertThat(end.out()).isEqualTo("told\n");
    assertThat(end.err()).contains("lost [a] token=7 (REVOKED): telling the command\n");
    assertThat(end.exitCode()).isEqualTo(79);
  }

  @Test
  void withNotifyALockThatIsRenewedAfterAllWasToldOfOnceAndNotLost() throws Exception {
    RunningCommand run =
        run(
            "--on-lost",
            "notify",
            "--lease",
            "6s",
            "--grace",
            "2s",
            "a",
            "--",
            "sh",
            "-c",
            "trap 'echo told; touch told' USR1; touch started; until [ -e finish ]; do sleep 0.01; done; exit 5");
    awaitFile("started");
    file("silent");
    awaitFile("told");
    // Longer than until the guard, too, would have told it.
    Thread.sleep(1500);
    Files.delete(folder.resolve("silent"));
    RunningCommand.await("it is renewed", () -> log().contains("renewed"));
    file("finish");
    CommandRun end = run.end();
    assertThat(end.out()).isEqualTo("told\n");
    assertThat(end.err()).hasLineCount(1).contains("about to lose [a]");
    assertThat(end.exitCode()).isEqualTo(5);
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130", "HUP, 129"})
  void signalsArePassedOnAndTheLockIsReleasedAfterwards(String signal, int exitCode)
      throws Exception {
    assumeTrue(isHeard(exitCode - 128), "whoever began the tests has them ignore " + signal);
    RunningCommand run = run("a", "--", "bash", "-c", "touch started; exec sleep 1000");
    awaitFile("started");
    run.signal(signal);
    assertThat(run.end()).isEqualTo(new CommandRun(exitCode, "", ""));
    assertThat(log()).endsWith("released", "closed");
  }

  /** What is ignored here, as after nohup, is ignored by all that is started here. */
  private static boolean isHeard(int signal) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      String ignored =
          lines.filter(line -> line.startsWith("SigIgn:")).findFirst().orElseThrow().substring(7);
      return (Long.parseUnsignedLong(ignored.strip(), 16) >> (signal - 1) & 1) == 0;
    }
  }

  @Test
  void aCommandThatHandlesASignalDecidesItsExitCodeAndKeepsTheLockMeanwhile() throws Exception {
    RunningCommand run =
        run(
            "a",
            "--",
            "sh",
            "-c",
            "trap 'touch told; until [ -e finish ]; do sleep 0.01; done; exit 9' TERM; touch started; while :; do sleep 0.01; done");
    awaitFile("started");
    run.signal("TERM");
    awaitFile("told");
    assertThat(log()).doesNotContain("released");
    file("finish");
    assertThat(run.end().exitCode()).isEqualTo(9);
    assertThat(log()).endsWith("released", "closed");
  }

  @Test
  void aSignalWhileItWaitsLeavesTheLine() throws Exception {
    file("busy");
    RunningCommand run = run("--max-wait", "1h", "a", "--", "touch", "started");
    RunningCommand.await("it waits", () -> log().contains("asked"));
    run.signal("TERM");
    assertThat(run.end()).isEqualTo(new CommandRun(143, "", ""));
    assertThat(log()).containsExactly("asked", "left", "closed");
    assertThat(folder.resolve("started")).doesNotExist();
  }

  @Test
  void aRunThatIsAskedToSuspendGoesOn() throws Exception {
    RunningCommand run =
        run("a", "--", "sh", "-c", "touch started; until [ -e finish ]; do sleep 0.01; done");
    awaitFile("started");
    run.signal("TSTP");
    RunningCommand.await("it says so", () -> run.errors().contains("not suspended"));
    file("finish");
    assertThat(run.end().exitCode()).isZero();
  }

  /** A shell reads BASH_ENV first, and takes options and functions from the environment. */
  @Test
  void theUsersShellSettingsDoNotReachTheGuard() throws Exception {
    file("profile", "read() { return 1; }; exit 0");
    RunningCommand run =
        start(
            Map.of(
                "BASH_ENV",
                folder.resolve("profile").toString(),
                "SHELLOPTS",
                "noexec",
                "BASH_FUNC_kill%%",
                "() { :; }"),
            "--grace",
            "200ms",
            "a",
            "--",
            "sh",
            "-c",
            "touch started; exec sleep 1000");
    awaitFile("started");
    file("lose", "REVOKED");
    CommandRun end = run.end();
    assertThat(end.exitCode()).as(end.err()).isEqualTo(79);
  }

  @Test
  void whatTheCommandLeavesBehindIsStoppedBeforeTheRelease() throws Exception {
    CommandRun end = run("a", "--", "bash", "-c", "sleep 1000 & echo $! >>pids; exit 4").end();
    assertThat(living()).isEmpty();
    assertThat(end.err()).startsWith("holdfast run: the command left processes behind");
    assertThat(end.exitCode()).isEqualTo(4);
    assertThat(log()).endsWith("released", "closed");
  }

  @Test
  void aKilledHoldfastTakesTheCommandWithIt() throws Exception {
    RunningCommand run = stubborn("--grace", "200ms");
    run.signal("KILL");
    RunningCommand.await("the command ends", () -> living().isEmpty());
    RunningCommand.await("somebody says so", () -> run.errors().contains("no sign of life"));
  }

  @Test
  void nobodyHasToReadWhatTheGuardSays() throws Exception {
    Path unread = folder.resolve("unread");
    assertThat(new ProcessBuilder("mkfifo", unread.toString()).start().waitFor()).isZero();
    try (RandomAccessFile reader = new RandomAccessFile(unread.toFile(), "rw")) {
      FileInputStream inPipe = new FileInputStream(reader.getFD());
      RunningCommand run =
          RunningCommand.start(
              folder,
              unread,
              Map.of("HOLDFAST_STORE", "test-folder:" + folder),
              "run",
              "--grace",
              "200ms",
              "a",
              "--",
              "bash",
              "-c",
              "echo $$ >>pids; touch started; while :; do echo full >&2; done");
      running.add(run);
      awaitFile("started");
      RunningCommand.await("the pipe is full", () -> available(inPipe) > FULL_PIPE);
      run.signal("KILL");
      RunningCommand.await("the command ends", () -> living().isEmpty());
    }
  }

  @Test
  void aStoppedHoldfastDoesNotKeepTheCommandFromBeingStoppedInTime() throws Exception {
    Duration lease = Duration.ofSeconds(5);
    RunningCommand run = stubborn("--lease", lease.toSeconds() + "s", "--grace", "200ms");
    long stopped = System.nanoTime();
    run.signal("STOP");
    try {
      RunningCommand.await("the command ends", () -> living().isEmpty());
      assertThat(Duration.ofNanos(System.nanoTime() - stopped)).isLessThan(lease);
    } finally {
      run.signal("CONT");
    }
    CommandRun end = run.end();
    assertThat(end.exitCode()).as(end.err()).isEqualTo(79);
  }

  @Test
  void whoKillsTheGuardDoesNotKeepTheCommandFromBeingStopped() throws Exception {
    RunningCommand run = stubborn("--grace", "200ms");
    ProcessHandle guard = run.guard();
    guard.destroyForcibly();
    RunningCommand.await("the guard is gone", () -> !guard.isAlive());
    file("lose", "SESSION_ENDED");
    assertThat(run.end().exitCode()).isEqualTo(79);
    assertThat(living()).isEmpty();
  }

  @Test
  void whoStopsTheGuardDoesNotKeepTheCommandFromBeingStopped() throws Exception {
    RunningCommand run = stubborn("--grace", "200ms");
    RunningCommand.signal("STOP", run.guard().pid());
    file("lose", "SESSION_ENDED");
    assertThat(run.end().exitCode()).isEqualTo(79);
    assertThat(living()).isEmpty();
  }

  private static int available(FileInputStream pipe) {
    try {
      return pipe.available();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private RunningCommand stubborn(String... options) throws Exception {
    List<String> args = new ArrayList<>(List.of(options));
    args.addAll(List.of("a", "--", "bash", "-c", STUBBORN));
    RunningCommand run = run(args.toArray(String[]::new));
    awaitFile("started");
    assertThat(living()).hasSize(4);
    return run;
  }

  private RunningCommand run(String... args) throws IOException {
    return start(Map.of(), args);
  }

  private RunningCommand start(Map<String, String> environment, String... args) throws IOException {
    Map<String, String> all = new HashMap<>(environment);
    all.put("HOLDFAST_STORE", "test-folder:" + folder);
    List<String> line = new ArrayList<>(List.of("run"));
    line.addAll(List.of(args));
    RunningCommand started = RunningCommand.start(folder, all, line.toArray(String[]::new));
    running.add(started);
    return started;
  }

  /** In this process, for what ends before a command would start. */
  private CommandRun here(String... args) {
    List<String> line = new ArrayList<>(List.of("run", "--store", "test-folder:" + folder));
    line.addAll(List.of(args));
    return CommandRun.of(line.toArray(String[]::new));
  }

  private void file(String name) throws IOException {
    file(name, "");
  }

  /** Appears at once with all that is in it. */
  private void file(String name, String text) throws IOException {
    Path half = Files.writeString(folder.resolve(name + ".half"), text);
    Files.move(half, folder.resolve(name));
  }

  private void awaitFile(String name) throws InterruptedException {
    RunningCommand.await(name, () -> Files.exists(folder.resolve(name)));
  }

  private List<String> log() {
    return lines("log");
  }

  private List<Long> pids() {
    return lines("pids").stream().map(Long::valueOf).toList();
  }

  private List<Long> living() {
    return pids().stream().filter(ProcessStates::isAlive).toList();
  }

  private List<String> lines(String file) {
    try {
      return Files.readAllLines(folder.resolve(file));
    } catch (IOException e) {
      return List.of();
    }
  }
}
