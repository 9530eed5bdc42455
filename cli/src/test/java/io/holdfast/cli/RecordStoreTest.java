package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Every command on a store of lock records. */
@EnabledOnOs(OS.LINUX)
abstract class RecordStoreTest {
  private final List<RunningCommand> running = new ArrayList<>();

  @TempDir Path folder;

  abstract String url();

  /** What a process of its own needs to find the store. */
  abstract Map<String, String> environment();

  @AfterEach
  void leaveNothingBehind() {
    running.forEach(RunningCommand::close);
  }

  private CommandRun command(String name, String... args) {
    List<String> line = new ArrayList<>(List.of(name, "--store", url()));
    line.addAll(List.of(args));
    return CommandRun.of(line.toArray(String[]::new));
  }

  private RunningCommand run(String... args) throws Exception {
    List<String> line = new ArrayList<>(List.of("run", "--store", url()));
    line.addAll(List.of(args));
    RunningCommand run = RunningCommand.start(folder, environment(), line.toArray(String[]::new));
    running.add(run);
    return run;
  }

  @Test
  void lockIsSeenByEveryCommandTakenAwayAndTakenAgain() throws Exception {
    RunningCommand holder =
        run(
            "--lease",
            "6s",
            "--grace",
            "1s",
            "--data",
            "nightly",
            "a/b",
            "--",
            "sh",
            "-c",
            "echo $HOLDFAST_NAME=$HOLDFAST_TOKEN; exec sleep 60");
    RunningCommand.await("the command runs", () -> holder.output().contains("a/b=1"));

    assertThat(command("list").out()).contains("a/b").doesNotContain("free");
    Map<String, Object> described =
        JsonReader.readObject(command("describe", "a/b", "--json").out());
    assertThat(described).containsEntry("name", "a/b");
    assertThat(command("describe", "a/b").out()).startsWith("a/b: held").contains(" 1 ", "nightly");
    assertThat(run("--max-wait", "100ms", "a/b", "--", "true").end().exitCode()).isEqualTo(75);

    Watching changes = new Watching("--store", url());
    changes.untilTold("held   a/b by");
    assertThat(command("force-release", "a/b", "--token", "7").exitCode()).isEqualTo(1);
    assertThat(command("force-release", "a/b", "--token", "1").exitCode()).isZero();
    changes.untilTold("ended  a/b by");
    assertThat(holder.end().exitCode()).isEqualTo(79);

    assertThat(run("a/b", "--", "sh", "-c", "exit $((HOLDFAST_TOKEN + 1))").end().exitCode())
        .isEqualTo(3);
    changes.leave();
    RunningCommand last = run("a/c", "--", "sleep", "1"); // tells the watch that nobody reads
    assertThat(changes.exitCode()).isZero();
    assertThat(last.end().exitCode()).isZero();
    assertThat(command("list").out()).doesNotContain("a/b");
  }

  @Test
  void benchMeasuresIt() {
    benchMeasures(url());
  }

  static void benchMeasures(String url) {
    String[] line = {
      "bench", "--store", url, "--threads=2", "--rounds=1", "--duration=200ms", "--json"
    };
    CommandRun run = CommandRun.of(line);
    assertThat(run.err()).isEmpty();
    Map<String, Object> round = JsonReader.readObject(run.out().lines().findFirst().orElseThrow());
    assertThat(round.get("event")).isEqualTo("round");
    assertThat((double) round.get("pairs")).isPositive();
  }

  @Test
  void whatItCannotDoIsRefusedAndSaid() throws Exception {
    CommandRun shared = run("--shared", "a", "--", "true").end();
    assertThat(shared.exitCode()).isEqualTo(64);
    assertThat(shared.err()).contains(" store cannot do ");
    assertThat(command("list", "--tree", "files").exitCode()).isEqualTo(64);
    assertThat(command("members").exitCode()).isEqualTo(78);
  }
}
