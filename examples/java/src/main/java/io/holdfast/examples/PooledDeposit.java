package io.holdfast.examples;

import io.holdfast.postgres.ConnectionLocks;
import io.holdfast.postgres.TransactionLocks;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;

/**
 * With connections of a pool such as HikariCP. A connection that goes back must hold nothing, for the pool hands it on as it is:
 * a transaction's lock ends when the pool rolls back what was not committed, a session's lock by {@code call}.
 */
public final class PooledDeposit {
  private final DataSource pool;

  /** Deposits in this database. */
  public PooledDeposit(DataSource pool) {
    this.pool = pool;
  }

  /** In one transaction. Returns whether it came to it in time. */
  public boolean deposit(String account, long amount, Duration maxWait) throws SQLException {
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      if (!TransactionLocks.on(connection).lock("account/" + account).tryAcquire(maxWait)) {
        return false;
      }
      write(connection, account, balance(connection, account) + amount);
      connection.commit();
      return true;
    } // what was not committed is rolled back by the pool
  }

  /** In a transaction for each of several deposits, under one lock that outlives them. */
  public void depositEach(String account, long... amounts) throws SQLException {
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      ConnectionLocks.on(connection)
          .lock("account/" + account)
          .call(
              () -> {
                for (long amount : amounts) {
                  write(connection, account, balance(connection, account) + amount);
                  connection.commit();
                }
                return amounts.length;
              });
    }
  }

  private static long balance(Connection connection, String account) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement("SELECT balance FROM account WHERE name = ?")) {
      query.setString(1, account);
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          throw new IllegalArgumentException("no account " + account);
        }
        return row.getLong(1);
      }
    }
  }

  private static void write(Connection connection, String account, long balance)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement("UPDATE account SET balance = ? WHERE name = ?")) {
      update.setLong(1, balance);
      update.setString(2, account);
      update.executeUpdate();
    }
  }
}
