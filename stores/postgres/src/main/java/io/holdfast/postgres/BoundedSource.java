package io.holdfast.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Opens connections by code of somebody else's, which may never return: whoever asks waits no longer than {@link
 * #OPENING_TAKES}. A connection that comes later is closed.
 *
 * <p>Thread-safe. Each opening has a thread of its own.
 */
final class BoundedSource implements ConnectionSource {
  static final Duration OPENING_TAKES = Duration.ofSeconds(10);

  /** Openings under way, also those for which nobody waits any more. */
  static final int MOST_OPENING = 64;

  private static final String NO_CONNECTION = "08001";

  private final ConnectionSource source;
  private final Duration takes;
  private final AtomicInteger opening = new AtomicInteger();

  BoundedSource(ConnectionSource source) {
    this(source, OPENING_TAKES);
  }

  BoundedSource(ConnectionSource source, Duration takes) {
    this.source = source;
    this.takes = takes;
  }

  /** A data source that has a bound of its own needs none of ours, and no thread. */
  static ConnectionSource of(DataSource dataSource) {
    return hasLoginTimeout(dataSource)
        ? dataSource::getConnection
        : new BoundedSource(dataSource::getConnection);
  }

  private static boolean hasLoginTimeout(DataSource dataSource) {
    try {
      return dataSource.getLoginTimeout() > 0;
    } catch (SQLException | RuntimeException e) {
      return false; // some do not tell
    }
  }

  @Override
  public Connection open() throws SQLException {
    if (opening.incrementAndGet() > MOST_OPENING) {
      opening.decrementAndGet();
      throw new SQLException(MOST_OPENING + " openings of connections hang", NO_CONNECTION);
    }
    CompletableFuture<Opened> answer = new CompletableFuture<>();
    try {
      Threads.daemon("holdfast-postgres-open", () -> open(answer)).start();
    } catch (Error e) { // no room for a thread
      opening.decrementAndGet();
      throw e;
    }
    SQLException late = new SQLException("no connection within " + takes, NO_CONNECTION);
    answer.completeOnTimeout(new Opened(null, late), takes.toNanos(), TimeUnit.NANOSECONDS);
    return answer.join().get();
  }

  private void open(CompletableFuture<Opened> answer) {
    try {
      Connection connection = source.open();
      if (!answer.complete(new Opened(connection, null))) {
        connection.close();
      }
    } catch (SQLException | RuntimeException | Error e) {
      answer.complete(new Opened(null, e));
    } finally {
      opening.decrementAndGet();
    }
  }

  /** A connection, or why there is none. */
  private record Opened(@Nullable Connection connection, @Nullable Throwable failure) {
    Connection get() throws SQLException {
      if (connection != null) {
        return connection;
      }
      if (failure instanceof SQLException e) {
        throw e;
      }
      if (failure instanceof Error e) {
        throw e;
      }
      throw failure instanceof RuntimeException e ? e : new IllegalStateException(failure);
    }
  }
}
