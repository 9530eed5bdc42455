package io.holdfast.cli.demo;

import io.holdfast.LockClient;
import io.holdfast.testkit.history.History;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** Lines numbered 1, 2, 3 and so on. To append is to read the last number, to pause, and to write the next. */
final class Journal implements Corner {
  static final String LOCK_NAME = "journal";

  /** A line is so many bytes long, so the last one is found without reading the others. */
  private static final int LINE_BYTES = 12;

  private final Path file;
  private final Tally appended;

  Journal(Path file, Path books) {
    this.file = file;
    this.appended = new Tally(books.resolve("appended"));
  }

  @Override
  public void setUp() throws IOException {
    Files.createFile(file);
    appended.setUp();
  }

  @Override
  public Job job(LockClient locks, SplittableRandom random) {
    return new Job("append", locks.lock(LOCK_NAME), this::append);
  }

  private void append(Job.Turn turn) throws IOException, InterruptedException {
    long lines = Files.size(file) / LINE_BYTES;
    turn.pause();
    Files.writeString(file, line(lines + 1), StandardOpenOption.APPEND);
    appended.add();
  }

  @Override
  public String promise() {
    return "The lines of the journal are numbered without a gap or a repetition.";
  }

  @Override
  public List<String> damage(History history) throws IOException {
    List<String> lines = Files.readAllLines(file);
    for (int i = 0; i < lines.size(); i++) {
      if (!(lines.get(i) + "\n").equals(line(i + 1))) {
        return List.of("line " + (i + 1) + " of the journal reads '" + lines.get(i) + "'");
      }
    }
    return lines.size() == appended.count()
        ? List.of()
        : List.of(
            "the journal was appended to "
                + appended.count()
                + " times and has "
                + lines.size()
                + " lines");
  }

  private static String line(long number) {
    return String.format(Locale.ROOT, "line %06d\n", number);
  }
}
