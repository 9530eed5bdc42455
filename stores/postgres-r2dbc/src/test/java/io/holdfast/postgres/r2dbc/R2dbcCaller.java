package io.holdfast.postgres.r2dbc;

import io.holdfast.postgres.Caller;
import io.holdfast.postgres.Patience;
import io.r2dbc.postgresql.PostgresqlConnectionConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.util.List;
import java.util.Optional;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A connection of R2DBC's. */
final class R2dbcCaller implements Caller {
  final Connection connection;

  R2dbcCaller(int port, String database) throws Exception {
    connection =
        one(new PostgresqlConnectionFactory(
                    PostgresqlConnectionConfiguration.builder()
                        .host("127.0.0.1")
                        .port(port)
                        .username("postgres")
                        .database(database)
                        .build())
                .create())
            .orElseThrow();
  }

  @Override
  public void begin() throws Exception {
    all(connection.beginTransaction());
  }

  @Override
  public void commit() throws Exception {
    all(connection.commitTransaction());
  }

  @Override
  public void rollback() throws Exception {
    all(connection.rollbackTransaction());
  }

  @Override
  public boolean isInTransaction() {
    return !connection.isAutoCommit();
  }

  @Override
  public String ask(String sql) throws Exception {
    List<String> rows =
        all(
            Flux.from(connection.createStatement(sql).execute())
                .flatMap(result -> result.map(row -> row.get(0, String.class))));
    return rows.isEmpty() ? null : rows.get(rows.size() - 1);
  }

  /** Tells how many rows it has changed. */
  Flux<Long> statement(String sql) {
    return Flux.from(connection.createStatement(sql).execute()).flatMap(Result::getRowsUpdated);
  }

  @Override
  public void close() throws Exception {
    all(connection.close());
  }

  /** Waits for all that is published. */
  static <T> List<T> all(Publisher<T> publisher) throws Exception {
    return Patience.answer(Flux.from(publisher).collectList().toFuture());
  }

  /** Waits for the first that is published. */
  static <T> Optional<T> one(Publisher<T> publisher) throws Exception {
    return Optional.ofNullable(Patience.answer(Mono.<T>from(publisher).toFuture()));
  }
}
