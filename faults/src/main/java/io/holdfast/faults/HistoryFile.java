package io.holdfast.faults;

import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryLine;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The history of one process, event by event on disk. Each event is handed to the kernel by one call before the process goes
 * on, so whoever kills it finds all that it saw, or all but the last line cut short. Thread-safe.
 */
final class HistoryFile implements Consumer<HistoryEvent>, AutoCloseable {
  /** How the name of such a file ends. */
  static final String SUFFIX = ".history";

  private final FileOutputStream out;

  HistoryFile(Path file) throws IOException {
    out = new FileOutputStream(file.toFile(), true);
  }

  @Override
  public void accept(HistoryEvent event) {
    try {
      out.write((HistoryLine.write(event) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  /** All histories of a folder as one. A last line that was cut short is left out: what it would say is not known. */
  static History readAll(Path folder) throws IOException {
    List<HistoryEvent> events = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(SUFFIX)).sorted().toList()) {
        String text = Files.readString(file);
        text.substring(0, text.lastIndexOf('\n') + 1)
            .lines()
            .map(HistoryLine::read)
            .forEach(events::add);
      }
    }
    return History.of(events);
  }
}
