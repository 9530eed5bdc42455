package io.holdfast.postgres.vertx;

import io.holdfast.postgres.Caller;
import io.holdfast.postgres.Patience;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Transaction;

/** A connection of Vert.x's. */
final class VertxCaller implements Caller {
  final PgConnection connection;
  private Transaction transaction;

  VertxCaller(Vertx vertx, PgConnectOptions options) throws Exception {
    connection = answer(PgConnection.connect(vertx, options));
    connection.exceptionHandler(thrown -> {}); // what breaks it is told by its futures as well
  }

  static PgConnectOptions options(int port, String database) {
    return new PgConnectOptions()
        .setHost("127.0.0.1")
        .setPort(port)
        .setUser("postgres")
        .setPassword("")
        .setDatabase(database);
  }

  @Override
  public void begin() throws Exception {
    transaction = answer(connection.begin());
  }

  @Override
  public void commit() throws Exception {
    answer(transaction.commit());
  }

  @Override
  public void rollback() throws Exception {
    answer(transaction.rollback());
  }

  @Override
  public boolean isInTransaction() {
    return connection.transaction() != null;
  }

  @Override
  public String ask(String sql) throws Exception {
    String last = null;
    for (Row row : answer(statement(sql))) {
      last = row.getString(0);
    }
    return last;
  }

  Future<RowSet<Row>> statement(String sql) {
    return connection.query(sql).execute();
  }

  @Override
  public void close() throws Exception {
    answer(connection.close());
  }

  static <T> T answer(Future<T> future) throws Exception {
    return Patience.answer(future.toCompletionStage());
  }
}
