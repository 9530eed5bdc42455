package io.holdfast.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/**
 * Hears of released rows, on a session of its own. What is released while it has none it does not hear of: whoever waits
 * looks again by itself anyway.
 *
 * <p>One daemon thread from {@link #start} to {@link #close}.
 */
final class RowListener {
  /** Between two questions whether the server is still there. */
  private static final Duration LISTENS = Duration.ofSeconds(5);

  /** Between two sessions, if one after the other fails. */
  private static final Duration RESTS = Duration.ofSeconds(2);

  private final ConnectionSource source;
  private final String channel;

  private final ReentrantLock mutex = new ReentrantLock();
  private final Condition isClosing = mutex.newCondition();

  // Guarded by the mutex.
  private boolean closed;
  private @Nullable Connection connection;

  /** @param channel a plain name */
  RowListener(ConnectionSource source, String channel) {
    this.source = source;
    this.channel = channel;
  }

  void start(Consumer<String> heard) {
    Threads.daemon("holdfast-postgres-listens", () -> run(heard)).start();
  }

  void close() {
    @Nullable Connection last;
    mutex.lock();
    try {
      closed = true;
      last = connection;
      isClosing.signalAll();
    } finally {
      mutex.unlock();
    }
    if (last != null) {
      abort(last);
    }
  }

  private void run(Consumer<String> heard) {
    do {
      try (Connection opened = source.open()) {
        if (!use(opened)) {
          return;
        }
        listen(opened, heard);
      } catch (SQLException | RuntimeException e) {
        // Nobody is worse off than without a hint; the next session may do better.
      } finally {
        use(null);
      }
    } while (rest());
  }

  /** False if it was closed meanwhile. */
  private boolean use(@Nullable Connection next) {
    mutex.lock();
    try {
      connection = next;
      return !closed;
    } finally {
      mutex.unlock();
    }
  }

  private void listen(Connection session, Consumer<String> heard) throws SQLException {
    session.setNetworkTimeout(Runnable::run, Math.toIntExact(RowDatabase.ANSWER.toMillis()));
    session.setAutoCommit(true);
    PGConnection postgres = session.unwrap(PGConnection.class);
    try (Statement statement = session.createStatement()) {
      statement.execute("LISTEN " + channel);
      while (true) {
        PGNotification[] notes = postgres.getNotifications(Math.toIntExact(LISTENS.toMillis()));
        if (notes == null || notes.length == 0) {
          statement.execute("SELECT 1"); // a network that has fallen silent says nothing by itself
        } else {
          for (PGNotification note : notes) {
            heard.accept(note.getParameter());
          }
        }
      }
    }
  }

  /** False if it is closed. */
  private boolean rest() {
    mutex.lock();
    try {
      long nanos = RESTS.toNanos();
      while (!closed && nanos > 0) {
        nanos = isClosing.awaitNanos(nanos);
      }
      return !closed;
    } catch (InterruptedException e) {
      return false;
    } finally {
      mutex.unlock();
    }
  }

  private static void abort(Connection connection) {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      // It is over, aborted or not.
    }
  }
}
