package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.cli.teststore.ProcessStates;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * F5. {@code holdfast run} and a lock server, each in a process of its own: whatever becomes of the server, or of the way to it,
 * nothing of the command runs any more when the lock can be somebody else's.
 */
@EnabledOnOs(OS.LINUX)
class RunOnServersTest {
  private static final Duration LEASE = Duration.ofSeconds(4);

  /** A lease of which less than this is over was renewed a moment ago, and is not to be renewed for another while. */
  private static final Duration FRESH = Duration.ofMillis(400);

  /** The command, one that it starts, and one in a process group of its own. */
  private static final int WRITERS = 3;

  /** Each of them writes down that it runs, and when, until it is killed: TERM means nothing to them. */
  private static final String COMMAND =
      "export LC_ALL=C; trap '' TERM;"
          + " beat() { while :; do echo $BASHPID $EPOCHREALTIME >>beats; sleep 0.05; done; };"
          + " export -f beat; beat & bash -c 'set -m; beat & wait' & beat";

  private record Beat(long pid, Instant at) {}

  @TempDir Path folder;

  private RunningCommand server;
  private String store;
  private final List<RunningCommand> running = new ArrayList<>();

  @BeforeEach
  void startServer() throws Exception {
    server = ServerTest.start(folder, ServerTest.freeAddress());
    running.add(server);
    store = store(ServerTest.clients(server));
  }

  @AfterEach
  void leaveNothingBehind() throws Exception {
    running.forEach(RunningCommand::close);
    writers().forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
  }

  @Test
  void theCommandIsDeadBeforeTheLeaseEndsWhenTheServerIsKilled() throws Exception {
    theCommandIsDeadBeforeTheLeaseEndsAfter("KILL");
  }

  @Test
  void theCommandIsDeadBeforeTheLeaseEndsWhenTheServerStandsStill() throws Exception {
    theCommandIsDeadBeforeTheLeaseEndsAfter("STOP");
  }

  private void theCommandIsDeadBeforeTheLeaseEndsAfter(String signal) throws Exception {
    RunningCommand run = run(store);
    Instant leaseEnd = leaseEnd();
    server.signal(signal);
    Instant struck = Instant.now();
    isDeadBefore(leaseEnd, run);
    assertThat(lastBeat()).as("it worked while it might").isAfter(struck);
  }

  @Test
  void theCommandIsDeadBeforeTheNextHasTheLockWhenItIsCutOffFromTheServer() throws Exception {
    try (CuttableRelay relay = new CuttableRelay(ServerTest.clients(server));
        LockClient other = LockClient.connect(store)) {
      RunningCommand run = run(store(relay.address()));
      Instant leaseEnd = leaseEnd();
      relay.cut();
      Instant struck = Instant.now();
      try (Hold next = other.lock("a").acquire(LEASE.multipliedBy(5))) {
        Instant granted = Instant.now();
        assertThat(living()).isEmpty();
        assertThat(next.token()).isGreaterThan(1);
        assertThat(lastBeat()).isBetween(struck, leaseEnd).isBefore(granted);
      }
      isLost(run);
    }
  }

  @Test
  void theCommandIsStoppedAtOnceWhenTheLockIsTakenAway() throws Exception {
    RunningCommand run = run(store);
    Instant leaseEnd = leaseEnd();
    CommandRun taken =
        CommandRun.of(
            "force-release", "a", "--token", "1", "--reason", "it hangs", "--store", store);
    assertThat(taken.exitCode()).as(taken.err()).isZero();
    isDeadBefore(leaseEnd, run);
    assertThat(run.errors()).contains("lost [a] token=1 (REVOKED)");
  }

  private static String store(String address) {
    return "holdfast://" + address + "/default";
  }

  /** A run whose command is at work. */
  private RunningCommand run(String from) throws Exception {
    RunningCommand run =
        RunningCommand.start(
            folder,
            Map.of("HOLDFAST_STORE", from),
            "run",
            "--lease",
            LEASE.toSeconds() + "s",
            "--grace",
            "200ms",
            "a",
            "--",
            "bash",
            "-c",
            COMMAND);
    running.add(run);
    RunningCommand.await("all of it is at work", () -> writers().size() == WRITERS);
    return run;
  }

  /** As the server has it, when it was renewed a moment ago. It lets nobody in before. */
  private Instant leaseEnd() throws InterruptedException {
    List<Instant> ends = new ArrayList<>();
    try (LockClient locks = LockClient.connect(store)) {
      RunningCommand.await(
          "the lease is renewed",
          () -> {
            Holder holder = locks.describe("a").holders().get(0);
            assertThat(holder.token()).hasValue(1);
            ends.add(holder.until().orElseThrow());
            return Instant.now().plus(LEASE).minus(FRESH).isBefore(ends.get(ends.size() - 1));
          });
    }
    return ends.get(ends.size() - 1);
  }

  private void isDeadBefore(Instant leaseEnd, RunningCommand run) throws Exception {
    RunningCommand.await("nothing of it runs", () -> living().isEmpty());
    assertThat(lastBeat()).isBefore(leaseEnd);
    isLost(run);
  }

  private void isLost(RunningCommand run) throws Exception {
    CommandRun end = run.end();
    assertThat(end.exitCode()).as(end.err()).isEqualTo(ExitCode.LOST);
    assertThat(writers()).hasSize(WRITERS);
    assertThat(living()).isEmpty();
  }

  private List<Beat> beats() {
    try {
      return Files.readAllLines(folder.resolve("beats")).stream()
          .map(RunOnServersTest::beat)
          .toList();
    } catch (IOException e) {
      return List.of(); // none has come so far
    }
  }

  private static Beat beat(String line) {
    int space = line.indexOf(' ');
    long micros = new BigDecimal(line.substring(space + 1)).movePointRight(6).longValueExact();
    return new Beat(
        Long.parseLong(line.substring(0, space)), Instant.EPOCH.plusNanos(micros * 1_000));
  }

  private Instant lastBeat() {
    return beats().stream().map(Beat::at).max(Instant::compareTo).orElseThrow();
  }

  private List<Long> writers() {
    return beats().stream().map(Beat::pid).distinct().collect(Collectors.toList());
  }

  private List<Long> living() {
    return writers().stream().filter(ProcessStates::isAlive).toList();
  }
}
