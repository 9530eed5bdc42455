package io.holdfast.postgres.vertx;

import io.holdfast.postgres.ConnectionLocks;
import io.holdfast.postgres.Patience;
import io.holdfast.postgres.PostgresServer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.ExecutionException;

/** Vert.x's sessions with a database of a test's own. */
final class Sessions implements AutoCloseable {
  final PostgresServer server = PostgresServer.shared();
  final String database = server.newDatabase();
  final Vertx vertx = Vertx.vertx();

  PgConnectOptions options() {
    return new PgConnectOptions()
        .setHost("127.0.0.1")
        .setPort(server.port())
        .setUser("postgres")
        .setPassword("")
        .setDatabase(database);
  }

  PgConnection connect() {
    return connect(options());
  }

  PgConnection connect(PgConnectOptions options) {
    PgConnection connection = did(PgConnection.connect(vertx, options));
    connection.exceptionHandler(thrown -> {}); // what breaks it is told by its futures as well
    return connection;
  }

  /** Whether a session of JDBC's would get it. */
  boolean isFree(String name) {
    try (java.sql.Connection connection = server.connect(database)) {
      return ConnectionLocks.on(connection).lock(name).tryAcquire().isPresent();
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  void untilWaiting(int pid) {
    Patience.until(
        "process " + pid + " waits for a lock",
        () ->
            server
                .execute(
                    database,
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = "
                        + pid)
                .equals(List.of("1")));
  }

  @Override
  public void close() {
    did(vertx.close());
  }

  static <T> T did(Future<T> future) {
    try {
      return Patience.promptly(future.toCompletionStage());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** What it fails with. */
  static Throwable told(Future<?> future) {
    try {
      throw new AssertionError("did not fail: " + Patience.promptly(future.toCompletionStage()));
    } catch (ExecutionException e) {
      return e.getCause();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  static Future<RowSet<Row>> statement(SqlConnection connection, String sql) {
    return connection.query(sql).execute();
  }

  static void run(SqlConnection connection, String sql) {
    did(statement(connection, sql));
  }

  static String text(SqlConnection connection, String sql) {
    return did(statement(connection, sql)).iterator().next().getString(0);
  }
}
