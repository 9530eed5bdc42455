package io.holdfast.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryFileTest {
  @TempDir private Path folder;

  @Test
  void theHistoriesOfAFolderAreOneHistoryInTheOrderOfTime() throws Exception {
    try (HistoryFile one = new HistoryFile(folder.resolve("one.history"));
        HistoryFile two = new HistoryFile(folder.resolve("two.history"))) {
      one.accept(new HistoryEvent.Queued(1, 10));
      two.accept(new HistoryEvent.Queued(2, 20));
      one.accept(new HistoryEvent.Queued(3, 11));
    }
    Files.writeString(folder.resolve("one.log"), "no history");
    assertThat(HistoryFile.readAll(folder).events())
        .containsExactly(
            new HistoryEvent.Queued(1, 10),
            new HistoryEvent.Queued(2, 20),
            new HistoryEvent.Queued(3, 11));
  }

  @Test
  void aLastLineThatWasCutShortIsLeftOut() throws Exception {
    Path file = folder.resolve("one.history");
    try (HistoryFile history = new HistoryFile(file)) {
      history.accept(new HistoryEvent.Acquired(1, 10, 7));
    }
    // Read whole it would be another event: token 1 instead of 12.
    Files.writeString(file, "acquired 2 11 1", StandardOpenOption.APPEND);
    assertThat(HistoryFile.readAll(folder).events())
        .containsExactly(new HistoryEvent.Acquired(1, 10, 7));
  }

  /** A real process, really killed. */
  @Test
  void whoeverIsKilledLosesNothingThatItWroteDown() throws Exception {
    Remains remains = new Remains(folder.resolve("remains"));
    RigProcess writer =
        RigProcess.start(
            remains,
            folder.resolve("log"),
            Map.of(),
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Writer.class.getName(),
                folder.resolve("w.history").toString(),
                folder.resolve("told").toString()));
    Path told = folder.resolve("told");
    assertThat(
            Wait.until(
                Duration.ofSeconds(20), () -> Files.exists(told) && told.toFile().length() > 1000))
        .isTrue();
    writer.kill();
    assertThat(writer.exit()).isEqualTo(128 + 9);
    History history = HistoryFile.readAll(folder);
    long lines = Files.size(told);
    assertThat((long) history.events().size()).isGreaterThanOrEqualTo(lines);
    for (int i = 0; i < history.events().size(); i++) {
      assertThat(history.events().get(i)).isEqualTo(new HistoryEvent.Queued(i, i));
    }
    assertThat(remains.sweep()).isEmpty();
  }

  /** Writes events down for ever, and a byte elsewhere after each. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] files) throws Exception {
      try (HistoryFile history = new HistoryFile(Path.of(files[0]));
          var told = Files.newOutputStream(Path.of(files[1]))) {
        for (long i = 0; true; i++) {
          history.accept(new HistoryEvent.Queued(i, i));
          told.write('.');
        }
      }
    }
  }
}
