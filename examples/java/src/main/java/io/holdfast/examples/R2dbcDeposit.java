package io.holdfast.examples;

import io.holdfast.postgres.r2dbc.R2dbcConnectionLocks;
import io.holdfast.postgres.r2dbc.R2dbcTransactionLocks;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** With R2DBC, here in Reactor. */
public final class R2dbcDeposit {
  private final ConnectionFactory connections;

  /** Deposits in this database. */
  public R2dbcDeposit(ConnectionFactory connections) {
    this.connections = connections;
  }

  /** In one transaction, with which the lock ends. Tells whether it came to it in time. */
  public Mono<Boolean> deposit(String account, long amount, Duration maxWait) {
    return Mono.usingWhen(
        connections.create(),
        connection ->
            Mono.from(connection.beginTransaction())
                .then(lock(connection, account, maxWait))
                .flatMap(
                    had ->
                        had ? add(connection, account, amount).thenReturn(true) : Mono.just(false))
                .flatMap(had -> Mono.from(connection.commitTransaction()).thenReturn(had)),
        Connection::close);
  }

  private static Mono<Boolean> lock(Connection connection, String account, Duration maxWait) {
    return Mono.from(
        R2dbcTransactionLocks.on(connection).lock("account/" + account).tryAcquire(maxWait));
  }

  /** In a transaction for each of several deposits, under one lock of the session's. Tells how many there were. */
  public Mono<Long> depositEach(String account, Flux<Long> amounts) {
    return Flux.usingWhen(
            connections.create(),
            connection ->
                R2dbcConnectionLocks.on(connection)
                    .lock("account/" + account)
                    .call(() -> amounts.concatMap(amount -> add(connection, account, amount))),
            Connection::close)
        .count();
  }

  private static Mono<Long> add(Connection connection, String account, long amount) {
    return Mono.from(
            connection
                .createStatement("SELECT balance FROM account WHERE name = $1")
                .bind("$1", account)
                .execute())
        .flatMap(result -> Mono.from(result.map(row -> row.get("balance", Long.class))))
        .flatMap(balance -> write(connection, account, balance + amount));
  }

  private static Mono<Long> write(Connection connection, String account, long balance) {
    return Mono.from(
            connection
                .createStatement("UPDATE account SET balance = $1 WHERE name = $2")
                .bind("$1", balance)
                .bind("$2", account)
                .execute())
        .flatMap(result -> Mono.from(result.getRowsUpdated()));
  }
}
