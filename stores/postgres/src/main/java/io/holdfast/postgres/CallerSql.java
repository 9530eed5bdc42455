package io.holdfast.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Statements on a caller's JDBC connection. */
final class CallerSql {
  private CallerSql() {}

  /** Whether the answer is yes. */
  static boolean ask(Connection connection, AdvisoryLock.Question question) throws SQLException {
    return question.isYes(answer(connection, question.sql(), question.column()));
  }

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
}
