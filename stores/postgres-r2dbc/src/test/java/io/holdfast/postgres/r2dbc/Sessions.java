package io.holdfast.postgres.r2dbc;

import io.holdfast.postgres.ConnectionLocks;
import io.holdfast.postgres.Patience;
import io.holdfast.postgres.PostgresServer;
import io.r2dbc.postgresql.PostgresqlConnectionConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.sql.SQLException;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** R2DBC's sessions with a database of a test's own. */
final class Sessions {
  final PostgresServer server = PostgresServer.shared();
  final String database = server.newDatabase();

  Connection connect() {
    return connect(server.port());
  }

  /** A session by way of what listens there. */
  Connection connect(int port) {
    return Mono.from(
            new PostgresqlConnectionFactory(
                    PostgresqlConnectionConfiguration.builder()
                        .host("127.0.0.1")
                        .port(port)
                        .username("postgres")
                        .database(database)
                        .build())
                .create())
        .block(Patience.PROMPTLY);
  }

  /** Whether a session of JDBC's would get it. */
  boolean isFree(String name) {
    try (java.sql.Connection connection = server.connect(database)) {
      return ConnectionLocks.on(connection).lock(name).tryAcquire().isPresent();
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  void untilWaiting(String pid) {
    Patience.until(
        "process " + pid + " waits for a lock",
        () ->
            server
                .execute(
                    database,
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = "
                        + pid)
                .equals(java.util.List.of("1")));
  }

  static void did(Publisher<?> publisher) {
    Flux.from(publisher).blockLast(Patience.PROMPTLY);
  }

  static boolean had(Publisher<Boolean> publisher) {
    return Mono.from(publisher).block(Patience.PROMPTLY);
  }

  static Flux<Long> statement(Connection connection, String sql) {
    return Flux.from(connection.createStatement(sql).execute()).flatMap(Result::getRowsUpdated);
  }

  static void run(Connection connection, String sql) {
    did(statement(connection, sql));
  }

  static String text(Connection connection, String sql) {
    return Flux.from(connection.createStatement(sql).execute())
        .flatMap(result -> result.map(row -> row.get(0, String.class)))
        .blockLast(Patience.PROMPTLY);
  }
}
