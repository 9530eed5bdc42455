package io.holdfast.postgres.vertx;

import io.holdfast.LockException;
import io.holdfast.postgres.AdvisoryLock;
import io.vertx.core.Future;
import io.vertx.sqlclient.DatabaseException;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Transaction;
import org.jspecify.annotations.Nullable;

/** Statements on a caller's connection, which fail with what the driver says. */
final class Statements {
  private Statements() {}

  /** Whether the answer is yes. */
  static Future<Boolean> ask(SqlConnection connection, AdvisoryLock.Question question) {
    return connection.query(question.sql()).execute().map(first -> isYes(first, question));
  }

  private static boolean isYes(RowSet<Row> first, AdvisoryLock.Question question) {
    if (!question.hasAnswer()) {
      return question.isYes(null);
    }
    RowSet<Row> last = first;
    while (last.next() != null) {
      last = last.next();
    }
    for (Row row : last) {
      return question.isYes(row.getString(question.column() - 1));
    }
    return question.isYes(null);
  }

  /** Rolls back the transaction, also one that Vert.x does not know of. */
  static Future<Void> rollback(SqlConnection connection) {
    Transaction transaction = connection.transaction();
    return transaction == null
        ? connection.query("ROLLBACK").execute().mapEmpty()
        : transaction.rollback();
  }

  static @Nullable String sqlState(Throwable thrown) {
    return thrown instanceof DatabaseException e ? e.getSqlState() : null;
  }

  /** What an error of a statement, or of what it answered, is to a user. */
  static LockException failure(Throwable thrown) {
    if (thrown instanceof LockException refused) {
      return refused;
    }
    String message = thrown.getMessage() == null ? thrown.toString() : thrown.getMessage();
    return AdvisoryLock.failure(sqlState(thrown), message, thrown);
  }
}
