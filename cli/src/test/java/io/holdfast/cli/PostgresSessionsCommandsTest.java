package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.postgres.PostgresServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The commands with the locks of a real PostgreSQL's sessions. */
@EnabledOnOs(OS.LINUX)
class PostgresSessionsCommandsTest {
  private final PostgresServer server = PostgresServer.shared();
  private final String database = server.newDatabase();
  private final String url = server.url(database);

  @TempDir Path folder;

  @Test
  void aCommandRunsUnderALockOfASession() throws Exception {
    try (RunningCommand held = run("touch started; read l; echo done")) {
      RunningCommand.await("it runs", () -> folder.resolve("started").toFile().exists());
      CommandRun busy = CommandRun.of("run", "--store", url, "--max-wait", "0s", "x", "--", "true");
      assertThat(busy.exitCode()).isEqualTo(ExitCode.NOT_OBTAINED);
      assertThat(busy.err()).contains("no [x] within 0 ms");
      held.type("\n");
      assertThat(held.end()).isEqualTo(new CommandRun(0, "done\n", ""));
    }
    CommandRun again =
        CommandRun.of("run", "--store", url, "x", "--", "sh", "-c", "test $HOLDFAST_TOKEN");
    assertThat(again).isEqualTo(new CommandRun(0, "", ""));
  }

  @Test
  void aCommandIsStoppedWhenItsSessionEnds() throws Exception {
    try (RunningCommand held = run("touch started; sleep 1000")) {
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
    for (List<String> command :
        List.of(
            List.of("list"),
            List.of("describe", "x"),
            List.of("watch", "x"),
            List.of("force-release", "x", "--token", "1"))) {
      List<String> line = new ArrayList<>(command);
      line.addAll(List.of("--store", url));
      assertThat(CommandRun.of(line.toArray(String[]::new)).err())
          .contains("PostgreSQL")
          .contains("use mode=rows");
    }
  }

  @Test
  void setupMakesTheTableOfTokens() {
    assertThat(CommandRun.of("setup", "--store", url + "?tokens=table").out())
        .contains("holdfast_fence");
  }

  @Test
  void benchMeasuresIt() {
    RecordStoreTest.benchMeasures(url);
  }

  private RunningCommand run(String script) throws Exception {
    return RunningCommand.start(
        folder, Map.of("HOLDFAST_STORE", url), "run", "x", "--", "sh", "-c", script);
  }
}
