package io.holdfast.server.security;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tokens and subjects that are refused before their time is over. A text file of lines {@code jti ID} and {@code sub NAME};
 * empty lines and lines that begin with # say nothing. It is read again every {@link #PERIOD}; while it cannot be read, what
 * it said last is what counts. Thread-safe.
 */
final class DenyList implements AutoCloseable {
  static final Duration PERIOD = Duration.ofSeconds(10);

  /** The largest file that is read. */
  private static final int LIMIT = 1024 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(DenyList.class);

  private final Path file;
  private final Repeater repeater;
  private volatile Entries entries;

  private record Entries(Set<String> ids, Set<String> subjects) {}

  /**
   * Reads the file.
   *
   * @throws ConfigurationException if it cannot be read, or a line is of neither kind
   */
  DenyList(Path file, Ticker ticker) {
    this.file = file;
    try {
      this.entries = read(file);
    } catch (IOException e) {
      throw new ConfigurationException(
          "auth deny list " + file + " cannot be read: " + e.getMessage(), e);
    }
    this.repeater = new Repeater(ticker, "holdfast-auth-deny-list", this::readAgain);
    repeater.start(PERIOD);
  }

  boolean denies(Caller caller) {
    Entries now = entries;
    return now.subjects().contains(caller.subject())
        || caller.tokenId().filter(now.ids()::contains).isPresent();
  }

  private Duration readAgain() {
    try {
      entries = read(file);
    } catch (IOException | RuntimeException e) {
      LOG.error(
          "Auth deny list {} cannot be read, that of before counts on: {}", file, e.getMessage());
    }
    return PERIOD;
  }

  private static Entries read(Path file) throws IOException {
    byte[] read;
    try (InputStream in = Files.newInputStream(file)) {
      read = in.readNBytes(LIMIT + 1);
    }
    if (read.length > LIMIT) {
      throw new IOException("larger than " + LIMIT + " bytes");
    }
    Set<String> ids = new HashSet<>();
    Set<String> subjects = new HashSet<>();
    int number = 0;
    for (String raw : new String(read, StandardCharsets.UTF_8).split("\n", -1)) {
      number++;
      String line = raw.strip();
      if (line.startsWith("jti ")) {
        ids.add(line.substring(4).strip());
      } else if (line.startsWith("sub ")) {
        subjects.add(line.substring(4).strip());
      } else if (!line.isEmpty() && !line.startsWith("#")) {
        throw new IOException(
            "line " + number + " is neither `jti ID` nor `sub NAME`: " + Quoted.of(line));
      }
    }
    return new Entries(Set.copyOf(ids), Set.copyOf(subjects));
  }

  @Override
  public void close() {
    repeater.close();
  }
}
