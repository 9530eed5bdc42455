package io.holdfast.faults;

import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryLine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** What the clients have written down so far, read while they go on writing. For one thread. */
final class LiveView {
  /** At most so much of a file is read at a time. */
  private static final int PIECE = 1 << 20;

  private final Path folder;
  private final Map<String, Page> pages = new HashMap<>();

  LiveView(Path folder) {
    this.folder = folder;
  }

  /** So many grants has a client in hand. */
  int holdsOf(String client) {
    return read(client).open.size();
  }

  /** So many grants has it had. */
  long grantsOf(String client) {
    return read(client).grants;
  }

  /** So many of them has it lost. */
  long lossesOf(String client) {
    return read(client).losses;
  }

  /** When it was last granted something, on the clock of the history; empty time is {@link Long#MIN_VALUE}. */
  long lastGrantOf(String client) {
    return read(client).lastGrant;
  }

  private Page read(String client) {
    Page page = pages.computeIfAbsent(client, c -> new Page());
    Path file = folder.resolve(client + HistoryFile.SUFFIX);
    if (!Files.exists(file)) {
      return page;
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      byte[] piece = new byte[PIECE];
      in.seek(page.offset);
      for (int size = in.read(piece); size > 0; size = in.read(piece)) {
        int end = size;
        while (end > 0 && piece[end - 1] != '\n') {
          end--;
        }
        if (end == 0) {
          break; // half a line
        }
        page.offset += end;
        new String(piece, 0, end, StandardCharsets.UTF_8)
            .lines()
            .map(HistoryLine::read)
            .forEach(page::note);
        in.seek(page.offset);
      }
      return page;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One client's history as far as it was read. */
  private static final class Page {
    private long offset;
    private long grants;
    private long losses;
    private long lastGrant = Long.MIN_VALUE;
    private final Set<Long> open = new HashSet<>();

    void note(HistoryEvent event) {
      if (event instanceof HistoryEvent.Acquired acquired) {
        grants++;
        lastGrant = acquired.atNanos();
        open.add(acquired.request());
      } else if (event instanceof HistoryEvent.Releasing releasing) {
        open.remove(releasing.request());
      } else if (event instanceof HistoryEvent.Lost lost) {
        losses++;
        open.remove(lost.request());
      }
    }
  }
}
