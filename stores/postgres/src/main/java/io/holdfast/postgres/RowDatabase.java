package io.holdfast.postgres;

import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.spi.Ticker;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/**
 * The database with the table of locks: runs statements, each on a connection for the time of its use. None lasts longer
 * than a bound, whatever the network or the server does.
 *
 * <p>Thread-safe. Calls block.
 */
final class RowDatabase {
  /**
   * A statement is answered within so long, or its connection is given up. Shorter than the time between two renewals, so that
   * the second of them finds a thread when the first met a network that had fallen silent.
   */
  static final Duration ANSWER = Duration.ofSeconds(3);

  private static final String READ_ONLY = "25006";
  private static final String CONFLICT = "40001";

  /**
   * So many times in a row a statement is asked again after a conflict with another, unless {@link #ANSWER} is over before:
   * whoever asked will have given up, and others wait for the thread.
   */
  private static final int MOST_CONFLICTS = 20;

  private final RowConnections connections;
  private final String where;
  private final Ticker ticker;

  /** @param where the database's name in messages */
  RowDatabase(RowConnections connections, String where) {
    this(connections, where, Ticker.system()); // by which sockets time out, too
  }

  RowDatabase(RowConnections connections, String where, Ticker ticker) {
    this.connections = connections;
    this.where = where;
    this.ticker = ticker;
  }

  /** What is done with a connection, which is in autocommit mode. What is left open of a transaction is rolled back. */
  @FunctionalInterface
  interface Use<T> {
    T on(Connection connection) throws SQLException;
  }

  /**
   * Runs statements.
   *
   * @throws LockException as a lease store's future fails
   */
  <T> T use(Use<T> use) {
    Connection connection = take();
    @Nullable Found found = null;
    boolean isAlive = false;
    boolean isWell = false;
    try {
      found = Found.on(connection);
      found.change();
      T answer = answer(connection, use);
      isAlive = true;
      isWell = true;
      return answer;
    } catch (SQLException e) {
      isAlive = !Failures.endsSession(e);
      throw failure(e);
    } catch (LockException e) { // what was answered is refused
      isAlive = true;
      throw e;
    } finally {
      if (isAlive && found != null && found.restore()) {
        connections.giveBack(connection, isWell);
      } else {
        connections.drop(connection);
      }
    }
  }

  /**
   * Where a user or a database is told to isolate transactions from each other, a row that has changed meanwhile is an error
   * instead of being looked at again. Nothing was done then.
   */
  private <T> T answer(Connection connection, Use<T> use) throws SQLException {
    long deadlineNanos = ticker.nanosIn(ANSWER);
    for (int left = MOST_CONFLICTS; ; left--) {
      try {
        return use.on(connection);
      } catch (SQLException e) {
        if (left == 0 || ticker.nanos() - deadlineNanos >= 0 || !CONFLICT.equals(e.getSQLState())) {
          throw e;
        }
        if (!connection.getAutoCommit()) {
          connection.rollback();
          connection.setAutoCommit(true);
        }
      }
    }
  }

  void close() {
    connections.close();
  }

  private Connection take() {
    try {
      return connections.take();
    } catch (SQLException e) {
      throw Failures.ofConnecting(where, e);
    } catch (RuntimeException e) { // somebody else's code; nothing has been asked yet
      throw new StoreUnavailableException("no session with " + where + ": " + e, e);
    }
  }

  /** A statement that the server answered with an error has changed nothing; one that it did not answer may have. */
  private static LockException failure(SQLException e) {
    if (READ_ONLY.equals(e.getSQLState())) {
      return new LockRefusedException(
          "STANDBY",
          "server is a read-only standby, or told that this user writes nothing"
              + " (default_transaction_read_only): "
              + Failures.line(e));
    }
    return Failures.endsSession(e)
        ? new UncertainOutcomeException(Failures.line(e), e)
        : Failures.of(e);
  }

  /** How a connection was found. None of this is known to the server, so it costs no trip. */
  private record Found(
      Connection connection,
      PGConnection postgres,
      boolean autoCommit,
      int answerMillis,
      int prepareThreshold) {
    static Found on(Connection connection) throws SQLException {
      PGConnection postgres = connection.unwrap(PGConnection.class);
      return new Found(
          connection,
          postgres,
          connection.getAutoCommit(),
          connection.getNetworkTimeout(),
          postgres.getPrepareThreshold());
    }

    void change() throws SQLException {
      connection.setNetworkTimeout(Runnable::run, Math.toIntExact(ANSWER.toMillis()));
      // A pooler may run the next statement elsewhere, where nobody has heard of what was prepared
      // here.
      postgres.setPrepareThreshold(0);
      if (!autoCommit) {
        connection.setAutoCommit(true);
      }
    }

    /** False if nobody can use the connection again. */
    boolean restore() {
      try {
        if (!connection.getAutoCommit()) {
          connection.rollback();
        }
        connection.setAutoCommit(autoCommit);
        postgres.setPrepareThreshold(prepareThreshold);
        connection.setNetworkTimeout(Runnable::run, answerMillis);
        return true;
      } catch (SQLException e) {
        return false;
      }
    }
  }
}
