package io.holdfast.server.replication.jraft;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.server.replication.ReplicationException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real process, really killed. */
class KilledServerTest {
  @TempDir Path folder;

  /** Leads alone, and says what it has applied of its own proposals. */
  static final class Child {
    public static void main(String[] arguments) {
      String name = arguments[1];
      WrittenDown machine =
          new WrittenDown() {
            @Override
            public void apply(long index, ByteBuffer entry, Object local) {
              if (local != null) {
                System.out.println(local);
              }
            }
          };
      JRaftReplicator replicator =
          new JRaftReplicator(JRaftSettings.of(Path.of(arguments[0]), name, Set.of(name)));
      replicator.start(machine);
      eventually("it leads", () -> machine.leads > 0);
      for (int i = 0; ; i++) {
        String entry = "entry " + i;
        replicator.propose(machine.leads, Servers.bytes(entry), entry);
        int proposed = i;
        // As many as come back in time: a killed process has some under way.
        eventually("room", () -> replicator.status().appliedIndex() > proposed - 200);
      }
    }
  }

  @Test
  void whatWasAppliedIsThereAfterAKill() throws Exception {
    String name = Servers.freeAddress();
    Path out = folder.resolve("told");
    Path data = folder.resolve("data");
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                data.toString(),
                name)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(out.toFile())
            .start();
    JRaftSettings settings = JRaftSettings.of(data, name, Set.of(name));
    try {
      eventually("it told much", () -> linesOf(out) >= 500);
      assertThatThrownBy(() -> new JRaftReplicator(settings).start(new WrittenDown()))
          .isInstanceOf(ReplicationException.class)
          .hasMessageContaining("in use by another process");
    } finally {
      assertThat(child.destroyForcibly().waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
    List<String> told = new ArrayList<>(Files.readAllLines(out));
    // The kill may have cut the last line.
    told.remove(told.size() - 1);

    WrittenDown machine = new WrittenDown();
    try (JRaftReplicator again = new JRaftReplicator(settings)) {
      again.start(machine);
      eventually("it leads again", () -> machine.leads > 0);
      assertThat(machine.applied.size()).isGreaterThanOrEqualTo(told.size());
      assertThat(machine.applied.subList(0, told.size())).isEqualTo(told);
    }
  }

  private static long linesOf(Path file) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines.count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
