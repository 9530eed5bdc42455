package io.holdfast.cli.run;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The processes of this machine, as Linux shows them in {@code /proc}. */
final class ProcessTable {
  private static final Path PROC = Path.of("/proc");

  /** Where in a line, counted from the state, stands how many threads there are. */
  private static final int THREADS = 17;

  private ProcessTable() {}

  /** Whether there is one. */
  static boolean isThere() {
    return Files.isReadable(PROC.resolve("self/stat"));
  }

  /** The living of a session. One that has ended and that nobody has asked for yet (a zombie) is not alive. */
  static List<Entry> session(long session) throws IOException {
    List<Entry> members = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        entry(process).filter(e -> e.session() == session && e.isAlive()).ifPresent(members::add);
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return members;
  }

  /** One process; empty if there is none by this pid. */
  static Optional<Entry> process(long pid) {
    return entry(PROC.resolve(Long.toString(pid)));
  }

  private static Optional<Entry> entry(Path process) {
    String stat;
    try {
      stat = new String(Files.readAllBytes(process.resolve("stat")), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return Optional.empty(); // it has just ended
    }
    // "12 (any) text) S 1 12 12 …": the name may hold anything, so what follows its last
    // parenthesis counts.
    int nameEnd = stat.lastIndexOf(')');
    if (nameEnd < 0) {
      return Optional.empty();
    }
    String[] fields = stat.substring(nameEnd + 2).split(" ", THREADS + 2);
    return Optional.of(
        new Entry(
            Long.parseLong(process.getFileName().toString()),
            fields[0].charAt(0),
            Long.parseLong(fields[2]),
            Long.parseLong(fields[3]),
            Integer.parseInt(fields[THREADS])));
  }

  /**
   * A process.
   *
   * @param state Linux's letter for it
   * @param group its process group
   * @param session its session
   * @param threads how many it has
   */
  record Entry(long pid, char state, long group, long session, int threads) {
    /** The state is that of the first thread, which may have ended before the others. */
    boolean isAlive() {
      return (state != 'Z' && state != 'X') || threads > 1;
    }
  }
}
