package io.holdfast.postgres;

import io.holdfast.InvalidRequestException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;

/** Statements on a caller's JDBC connection. */
final class CallerSql {
  static final String TRUE = "t";

  private static final String TRANSACTION_HAS_FAILED = "25P02";

  private CallerSql() {}

  /** A column of the one row that the last statement of these answers with. */
  static String answer(Connection connection, String sql, int column) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      boolean isRows = statement.execute(sql);
      while (!isRows) {
        isRows = statement.getMoreResults();
      }
      try (ResultSet row = statement.getResultSet()) {
        String answer = row.next() ? row.getString(column) : null;
        return answer == null ? "" : answer;
      }
    }
  }

  static boolean isAutoCommit(Connection connection) {
    try {
      return connection.getAutoCommit();
    } catch (SQLException e) {
      throw Failures.of(e);
    }
  }

  static boolean saysTransactionHasFailed(SQLException e) {
    return TRANSACTION_HAS_FAILED.equals(e.getSQLState());
  }

  /** A wait in milliseconds, rounded up, 0 not to wait. */
  static long waitMillis(Duration maxWait) {
    if (maxWait.isNegative()) {
      throw new InvalidRequestException("WAIT_NEGATIVE", "maxWait " + maxWait + " < 0 ms");
    }
    Duration wait =
        maxWait.compareTo(AdvisorySql.LONGEST_WAIT) < 0 ? maxWait : AdvisorySql.LONGEST_WAIT;
    return wait.plusNanos(999_999).toMillis();
  }
}
