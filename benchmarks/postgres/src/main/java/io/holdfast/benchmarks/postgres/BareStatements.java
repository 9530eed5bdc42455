package io.holdfast.benchmarks.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/** What a program without a library does: two prepared statements on a connection of its own. */
final class BareStatements implements Contender {
  /** What a fencing token costs: a message of the write-ahead log that is flushed. */
  static final String TOKEN = ", pg_logical_emit_message(false, 'bare', '', true)";

  private final Connection connection;
  private final PreparedStatement lock;
  private final PreparedStatement unlock;
  private long key;

  /** A contender; {@code token} is empty or {@link #TOKEN}. */
  BareStatements(Database database, String token) throws SQLException {
    connection = database.connect();
    lock = connection.prepareStatement("SELECT pg_advisory_lock(?)" + token);
    unlock = connection.prepareStatement("SELECT pg_advisory_unlock(?)");
  }

  @Override
  public void acquire(String name) throws SQLException {
    key = name.hashCode();
    run(lock);
  }

  @Override
  public void release() throws SQLException {
    run(unlock);
  }

  private void run(PreparedStatement statement) throws SQLException {
    statement.setLong(1, key);
    statement.executeQuery().close();
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
