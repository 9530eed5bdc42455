package io.holdfast.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Scenarios that one can read aloud: commands (see {@link Player}), each followed by what the table says, indented. {@code
 * -Dholdfast.rewrite=true} writes down what it says now; read the diff before you commit it.
 */
class TranscriptTest {
  private static final Path FOLDER = Path.of("src", "test", "resources", "transcripts");
  private static final String INDENT = "  ";

  static List<String> transcripts() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("transcripts")
  void theTableSaysWhatTheTranscriptSays(String transcript) throws IOException {
    Path file = FOLDER.resolve(transcript);
    String played = play(Files.readAllLines(file));
    if (Boolean.getBoolean("holdfast.rewrite")) {
      Files.writeString(file, played);
    }
    String written = Files.readString(file);
    assertThat(played)
        .as("%s differs from line %d on", transcript, firstDifference(played, written))
        .isEqualTo(written);
  }

  private static String play(List<String> lines) {
    Player player = new Player();
    StringBuilder played = new StringBuilder();
    for (String line : lines) {
      if (line.startsWith(INDENT)) {
        continue; // what the table said when this was written
      }
      played.append(line).append('\n');
      if (!line.isBlank() && !line.startsWith("#")) {
        played.append(player.play(line).indent(INDENT.length()));
        survivesASnapshot(player.table(), line);
      }
    }
    return played.toString();
  }

  private static int firstDifference(String played, String written) {
    List<String> now = played.lines().toList();
    List<String> then = written.lines().toList();
    int line = 0;
    while (line < Math.min(now.size(), then.size()) && now.get(line).equals(then.get(line))) {
      line++;
    }
    return line + 1;
  }

  /** Whatever a scenario does, its table can be written and read back after each step. */
  private static void survivesASnapshot(LockTable table, String after) {
    byte[] snapshot = table.snapshot();
    LockTable restored = LockTable.restore(snapshot);
    assertThat(restored.snapshot()).as(after).isEqualTo(snapshot);
    assertThat(restored.size()).as(after).isEqualTo(table.size());
  }
}
