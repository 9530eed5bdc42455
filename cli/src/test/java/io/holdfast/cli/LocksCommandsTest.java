package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LossReason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** list, describe, force-release, watch and bench, over the locks of this JVM. */
class LocksCommandsTest {
  private static final String STORE = "in-process:";

  private final LockClient ann = client("ann");
  private final LockClient bob = client("bob");

  @TempDir Path folder;

  @AfterEach
  void close() {
    ann.close();
    bob.close();
  }

  @Test
  void listTellsTheLocksWithAPrefix() throws InterruptedException {
    Hold hold = ann.lock("list/a").acquire();
    ann.lock("list/b").acquire();
    ann.lock("elsewhere").acquire();
    bob.lock("list/a").acquireAsync();
    CommandRun run = CommandRun.of("list", "list/", "--store", STORE);
    assertThat(run.out().lines().map(line -> line.replaceAll(" +", " ")))
        .hasSize(3)
        .anyMatch(line -> line.startsWith("list/a ann exclusive " + hold.token() + " "))
        .anyMatch(line -> line.startsWith("list/b ann exclusive "))
        .noneMatch(line -> line.contains("elsewhere"));
    assertThat(run.exitCode()).isZero();

    List<Map<String, Object>> json =
        CommandRun.of("list", "list/", "--store", STORE, "--json")
            .out()
            .lines()
            .map(JsonReader::readObject)
            .toList();
    assertThat(json).extracting(lock -> lock.get("name")).containsExactly("list/a", "list/b");
  }

  @Test
  void setupMakesWhatTheStoreNeedsOrOnlyTellsIt() {
    Path made = folder.resolve("locks");
    String url = "test-folder:" + made;
    CommandRun printed = CommandRun.of("setup", "--print", "--store", url);
    assertThat(printed.out()).isEqualTo("mkdir " + made + System.lineSeparator());
    assertThat(made).doesNotExist();

    CommandRun run = CommandRun.of("setup", "--store", url, "--json");
    assertThat(JsonReader.readObject(run.out())).isEqualTo(Map.of("done", "made " + made));
    assertThat(made).isDirectory();
    assertThat(CommandRun.of("setup", "--store", url).out()).startsWith("is there: ");
    assertThat(CommandRun.of("setup", "--store", STORE).out()).contains("needs nothing");
  }

  @Test
  void nodesOfATreeAreListedAndDescribed() throws InterruptedException {
    ann.tree("cli files").write("/in").acquire();
    assertThat(CommandRun.of("list", "--tree", "cli files", "--store", STORE).out())
        .contains("cli files:/in  ann     exclusive");
    CommandRun run =
        CommandRun.of("describe", "cli files", "--tree-path", "/in/orders", "--store", STORE);
    assertThat(run.out()).startsWith("cli files:/in/orders: held").contains("cli files:/in");
  }

  @Test
  void describeTellsHolderAndWaiters() throws InterruptedException {
    Hold hold =
        ann.lock("described").with(HoldOptions.defaults().data("\u001b[31mnightly")).acquire();
    bob.lock("described").acquireAsync();
    CommandRun run = CommandRun.of("describe", "described", "--store", STORE);
    assertThat(run.out())
        .startsWith("described: held, 1 waits" + System.lineSeparator())
        .contains(" " + hold.token() + " ", "\\u001B[31mnightly", "1       bob")
        .doesNotContain("\u001b");
    assertThat(CommandRun.of("describe", "nobody has it", "--store", STORE).out())
        .isEqualTo("nobody has it: free" + System.lineSeparator());
  }

  @Test
  void forceReleaseTakesTheGrantThatIsMeantAndNoOther() throws Exception {
    Hold hold = ann.lock("forced").acquire();
    CompletableFuture<LossReason> lost = new CompletableFuture<>();
    hold.onLost(lost::complete);
    String other = Long.toString(hold.token() + 1_000_000);
    CommandRun none = CommandRun.of("force-release", "forced", "--token", other, "--store", STORE);
    assertThat(none)
        .isEqualTo(
            new CommandRun(1, "no such grant: forced token=" + other + System.lineSeparator(), ""));
    assertThat(hold.isHeld()).isTrue();

    CommandRun run =
        CommandRun.of(
            "force-release",
            "forced",
            "--token",
            "" + hold.token(),
            "--reason",
            "x",
            "--store",
            STORE,
            "--json");
    assertThat(run.exitCode()).isZero();
    assertThat(JsonReader.readObject(run.out()))
        .isEqualTo(Map.of("name", "forced", "token", (double) hold.token(), "released", true));
    assertThat(lost.get(10, TimeUnit.SECONDS)).isEqualTo(LossReason.REVOKED);
  }

  @Test
  void watchTellsChangesUntilNobodyReads() throws Exception {
    Hold hold = ann.lock("watched").acquire();
    Watching watch = new Watching("watched", "--store", STORE);
    watch.untilTold("held   watched by ann");
    bob.lock("watched").acquireAsync();
    watch.untilTold("waits  watched by bob");
    hold.close();
    watch.untilTold("held   watched by bob");
    assertThat(watch.told()).contains("ended  watched by ann exclusive token=" + hold.token());
    watch.leave();
    bob.close();
    assertThat(watch.exitCode()).isZero();
  }

  @Test
  void watchOutlivesAStoreThatIsAwayForAWhileAndSaysSo() throws Exception {
    Watching watch = new Watching("--store", "test-folder:" + folder);
    Path unreachable = folder.resolve("unreachable");
    RunningCommand.await("it is there", () -> Files.exists(folder.resolve("log")));
    Files.createFile(unreachable);
    watch.untilComplains("no answer");
    Files.delete(unreachable);
    watch.untilComplains("the store answers again");
    assertThat(watch.complaints().lines()).hasSize(2);
    watch.leave();
    Files.createFile(folder.resolve("held"));
    assertThat(watch.exitCode()).isZero();
  }

  @Test
  void benchTellsEachRoundAndTheMedian() {
    CommandRun run =
        CommandRun.of(
            "bench",
            "--store",
            STORE,
            "--threads",
            "2",
            "--rounds",
            "3",
            "--duration",
            "100ms",
            "--contended",
            "--json");
    List<Map<String, Object>> lines = run.out().lines().map(JsonReader::readObject).toList();
    assertThat(lines)
        .extracting(line -> line.get("event"))
        .containsExactly("round", "round", "round", "median");
    assertThat(lines).allSatisfy(line -> assertThat((double) line.get("pairs")).isPositive());
    assertThat(lines.get(3)).containsEntry("contended", true).containsEntry("rounds", 3.0);
    assertThat(ann.list("holdfast-bench/").locks()).isEmpty();
  }

  private static LockClient client(String name) {
    return LockClient.connect(STORE, ClientOptions.defaults().name(name));
  }
}
