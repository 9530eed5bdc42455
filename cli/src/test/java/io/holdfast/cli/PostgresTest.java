package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.postgres.PostgresServer;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The commands with the locks of a real PostgreSQL. */
@EnabledOnOs(OS.LINUX)
class PostgresTest {
  private final PostgresServer server = PostgresServer.shared();
  private String database;
  private String sessions;
  private String rows;

  @TempDir Path folder;

  @BeforeEach
  void make() {
    database = server.newDatabase();
    sessions = server.url(database);
    rows = sessions + "?mode=rows";
  }

  @Test
  void aCommandRunsUnderALockOfASession() throws Exception {
    try (RunningCommand held = run(sessions, "touch started; read l; echo done")) {
      RunningCommand.await("it runs", () -> folder.resolve("started").toFile().exists());
      assertThat(CommandRun.of("run", "--store", sessions, "--max-wait", "0s", "x", "--", "true"))
          .satisfies(
              busy -> {
                assertThat(busy.exitCode()).isEqualTo(ExitCode.NOT_OBTAINED);
                assertThat(busy.err()).contains("no [x] within 0 ms");
              });
      held.type("\n");
      assertThat(held.end()).isEqualTo(new CommandRun(0, "done\n", ""));
    }
    CommandRun again =
        CommandRun.of("run", "--store", sessions, "x", "--", "sh", "-c", "test $HOLDFAST_TOKEN");
    assertThat(again).isEqualTo(new CommandRun(0, "", ""));
  }

  @Test
  void aCommandIsStoppedWhenItsSessionEnds() throws Exception {
    try (RunningCommand held = run(sessions, "touch started; sleep 1000")) {
      RunningCommand.await("it runs", () -> folder.resolve("started").toFile().exists());
      server.execute(
          database,
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              + " WHERE datname = current_database() AND application_name LIKE 'holdfast%'");
      CommandRun end = held.end();
      assertThat(end.exitCode()).isEqualTo(ExitCode.LOST);
      assertThat(end.err()).contains("CONNECTION_LOST");
    }
  }

  @Test
  void whatSessionsCannotDoIsToldWithWhatToDoInstead() {
    for (String[] command :
        new String[][] {
          {"list"}, {"describe", "x"}, {"watch", "x"}, {"force-release", "x", "--token", "1"},
        }) {
      String[] all = Arrays.copyOf(command, command.length + 2);
      all[command.length] = "--store";
      all[command.length + 1] = sessions;
      assertThat(CommandRun.of(all).err()).contains("PostgreSQL").contains("use mode=rows");
    }
  }

  @Test
  void tablesAreMadeBySetupAndRowsCanBeListedDescribedAndTakenAway() throws Exception {
    assertThat(CommandRun.of("list", "--store", rows).err())
        .contains("NO_TABLE")
        .contains("holdfast setup");
    server.execute(database, CommandRun.of("setup", "--print", "--store", rows).out());
    assertThat(CommandRun.of("setup", "--store", sessions + "?tokens=table").out())
        .contains("holdfast_fence");
    try (RunningCommand held = run(rows, "touch started; sleep 1000")) {
      RunningCommand.await("it runs", () -> folder.resolve("started").toFile().exists());
      assertThat(CommandRun.of("list", "--store", rows).out()).contains("x").contains("exclusive");
      assertThat(CommandRun.of("describe", "x", "--store", rows).out()).startsWith("x: held");
      assertThat(CommandRun.of("force-release", "x", "--token", "1", "--store", rows).out())
          .contains("released x token=1");
      assertThat(held.end().exitCode()).isEqualTo(ExitCode.LOST);
    }
    assertThat(CommandRun.of("describe", "x", "--store", rows).out()).startsWith("x: free");
  }

  @Test
  void watchTellsWhatBecomesOfRows() throws Exception {
    CommandRun.of("setup", "--store", rows);
    LocksCommandsTest.Reader changes = new LocksCommandsTest.Reader();
    CompletableFuture<Integer> watching =
        CompletableFuture.supplyAsync(
            () ->
                Main.run(
                    changes,
                    OutputStream.nullOutputStream(),
                    "watch",
                    "--interval",
                    "100ms",
                    "--store",
                    rows));
    try (LockClient locks = LockClient.connect(rows)) {
      Hold hold = locks.lock("x").acquire();
      RunningCommand.await("the holder is seen", () -> changes.text().contains("held   x by"));
      hold.close();
      RunningCommand.await("its end is seen", () -> changes.text().contains("ended  x by"));
      changes.leave();
      Hold last = locks.lock("y").acquire(); // tells the watch that nobody reads
      assertThat(watching.get(20, TimeUnit.SECONDS)).isZero();
      last.close();
    }
  }

  @Test
  void benchMeasuresSessionsAndRows() {
    CommandRun.of("setup", "--store", rows);
    for (String store : List.of(sessions, rows)) {
      CommandRun run =
          CommandRun.of(
              "bench",
              "--store",
              store,
              "--threads",
              "2",
              "--rounds",
              "1",
              "--duration",
              "200ms",
              "--json");
      assertThat(run.err()).isEmpty();
      Map<String, Object> round =
          JsonReader.readObject(run.out().lines().findFirst().orElseThrow());
      assertThat(round.get("event")).isEqualTo("round");
      assertThat((double) round.get("pairs")).isPositive();
    }
  }

  private RunningCommand run(String store, String script) throws Exception {
    return RunningCommand.start(
        folder, Map.of("HOLDFAST_STORE", store), "run", "x", "--", "sh", "-c", script);
  }
}
