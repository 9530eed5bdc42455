package io.holdfast.server.operations;

import io.holdfast.server.security.ConfigurationException;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who did what to the locks of others and to the servers: a file with a JSON object a line, only ever appended to, for its
 * owner alone to read.
 *
 * <p>An act is recorded before it is done; whose record cannot be written, is not to be done. A line is on disk when its stage
 * completes. A file that has grown to {@link #MAX_BYTES} is put aside as {@code NAME.1}, the one before as {@code NAME.2}, and
 * so on up to {@link #KEPT}; what is older is gone, so whoever must keep all of it fetches it in time. Thread-safe; blocks
 * nowhere, for a thread of its own writes.
 */
public final class AuditLog implements AutoCloseable {
  static final long MAX_BYTES = 16L << 20;
  static final int KEPT = 8;

  /** Records that wait to be written; more are refused. */
  static final int MAX_WAITING = 1_000;

  private static final long CLOSE_SECONDS = 10;
  private static final Set<OpenOption> APPENDING =
      Set.of(StandardOpenOption.CREATE, StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS);
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final Logger LOG = LoggerFactory.getLogger(AuditLog.class);

  private final Path file;
  private final long maxBytes;
  private final Ticker ticker;
  private final ThreadPoolExecutor writer;

  /**
   * Opens the file, or makes it.
   *
   * @throws ConfigurationException if it cannot be written, is no file, or others than its owner have access to it
   */
  public AuditLog(Path file, Ticker ticker) {
    this(file, MAX_BYTES, ticker);
  }

  AuditLog(Path file, long maxBytes, Ticker ticker) {
    this.file = file;
    this.maxBytes = maxBytes;
    this.ticker = ticker;
    try (FileChannel opened = open()) {
      opened.force(true);
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
      if (!Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE)
          .containsAll(permissions)) {
        throw new ConfigurationException(
            "audit log " + file + " is open to others: chmod 600 " + file);
      }
    } catch (IOException | UnsupportedOperationException e) {
      throw new ConfigurationException("audit log " + file + " cannot be written: " + e, e);
    }
    this.writer =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_WAITING),
            task -> {
              Thread thread = new Thread(task, "holdfast-audit");
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Records.
   *
   * @return completes when it is on disk; exceptionally if it could not be written, and then the act is not to be done
   */
  public CompletableFuture<@Nullable Void> record(AuditEntry entry) {
    CompletableFuture<@Nullable Void> written = new CompletableFuture<>();
    byte[] line = line(entry).getBytes(StandardCharsets.UTF_8);
    try {
      writer.execute(
          () -> {
            try {
              append(line);
            } catch (IOException | RuntimeException e) {
              LOG.error("The audit log {} cannot be written", file, e);
              written.completeExceptionally(e);
              return;
            }
            written.complete(null);
          });
    } catch (RejectedExecutionException e) {
      written.completeExceptionally(e);
    }
    return written;
  }

  /** Opened anew each time, so that a file that somebody moved away, or a disk that was full, is noticed. */
  private void append(byte[] line) throws IOException {
    FileChannel out = open();
    try {
      if (out.size() > 0 && out.size() + line.length > maxBytes) {
        out.close();
        putAside();
        out = open();
      }
      long end = out.size();
      try {
        ByteBuffer rest = ByteBuffer.wrap(line);
        while (rest.hasRemaining()) {
          out.write(rest);
        }
        out.force(true);
      } catch (IOException e) {
        // No half of a line may stand before the next one.
        out.truncate(end);
        throw e;
      }
    } finally {
      out.close();
    }
  }

  private FileChannel open() throws IOException {
    return FileChannel.open(file, APPENDING, OWNER_ONLY);
  }

  private void putAside() throws IOException {
    for (int number = KEPT; number > 0; number--) {
      Path from = number == 1 ? file : aside(number - 1);
      if (Files.exists(from, LinkOption.NOFOLLOW_LINKS)) {
        Files.move(from, aside(number), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private Path aside(int number) {
    return file.resolveSibling(file.getFileName() + "." + number);
  }

  private String line(AuditEntry entry) {
    StringBuilder json = new StringBuilder(256);
    json.append('{');
    field(json, "time", ticker.instant().toString());
    field(json, "act", entry.act().name());
    field(json, "result", entry.result().name());
    field(json, "who", entry.who());
    field(json, "from", entry.from());
    field(json, "namespace", entry.namespace());
    field(json, "target", entry.target());
    if (!entry.path().isEmpty()) {
      field(json, "path", entry.path());
    }
    entry.token().ifPresent(token -> json.append("\"token\":").append(token).append(','));
    entry
        .server()
        .ifPresent(
            server -> {
              boolean leads = server.leader().filter(server.self()::equals).isPresent();
              json.append("\"leads\":").append(leads);
              json.append(",\"term\":").append(server.term());
              json.append(",\"applied\":").append(server.appliedIndex()).append(',');
            });
    field(json, "reason", entry.reason());
    json.setLength(json.length() - 1);
    return json.append("}\n").toString();
  }

  private static void field(StringBuilder json, String name, String value) {
    json.append('"').append(name).append("\":\"");
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (isShown(value, i)) {
        json.append(c);
      } else {
        json.append(String.format("\\u%04x", (int) c));
      }
    }
    json.append("\",");
  }

  /** Neither what moves a cursor or turns the direction of reading, nor half of a pair, which UTF-8 cannot say. */
  private static boolean isShown(String text, int at) {
    char c = text.charAt(at);
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SURROGATE ->
          Character.isHighSurrogate(c)
              ? at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1))
              : at > 0 && Character.isHighSurrogate(text.charAt(at - 1));
      default -> true;
    };
  }

  /** Writes what waits to be written. */
  @Override
  public void close() {
    writer.shutdown();
    try {
      if (!writer.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        LOG.error("The audit log {} was not written to its end", file);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
