package io.holdfast.examples;

import io.holdfast.postgres.vertx.VertxConnectionLocks;
import io.holdfast.postgres.vertx.VertxTransactionLocks;
import io.vertx.core.Future;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;

/** With Vert.x's client. */
public final class VertxDeposit {
  private final Pool pool;

  /** Deposits in this database. */
  public VertxDeposit(Pool pool) {
    this.pool = pool;
  }

  /** In one transaction, with which the lock ends. Tells whether it came to it in time. */
  public Future<Boolean> deposit(String account, long amount, Duration maxWait) {
    return pool.withTransaction(
        connection ->
            VertxTransactionLocks.on(connection)
                .lock("account/" + account)
                .tryAcquire(maxWait)
                .compose(
                    had ->
                        had
                            ? add(connection, account, amount).map(true)
                            : Future.succeededFuture(false)));
  }

  /** In a transaction for each of several deposits, under one lock of the session's. */
  public Future<Integer> depositEach(String account, List<Long> amounts) {
    return pool.withConnection(
        connection ->
            VertxConnectionLocks.on(connection)
                .lock("account/" + account)
                .call(() -> addEach(connection, account, amounts)));
  }

  private static Future<Integer> addEach(
      SqlConnection connection, String account, List<Long> amounts) {
    Future<Integer> added = Future.succeededFuture(0);
    for (long amount : amounts) {
      added = added.compose(before -> add(connection, account, amount).map(changed -> before + 1));
    }
    return added;
  }

  private static Future<Integer> add(SqlConnection connection, String account, long amount) {
    return connection
        .preparedQuery("SELECT balance FROM account WHERE name = $1")
        .execute(Tuple.of(account))
        .compose(
            rows ->
                connection
                    .preparedQuery("UPDATE account SET balance = $1 WHERE name = $2")
                    .execute(Tuple.of(rows.iterator().next().getLong("balance") + amount, account)))
        .map(updated -> updated.rowCount());
  }
}
