package io.holdfast.examples;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static io.holdfast.postgres.Patience.promptly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.DatabaseException;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class VertxDepositTest extends AccountsTest {
  private Vertx vertx;
  private VertxDeposit example;

  @BeforeEach
  void open() {
    vertx = Vertx.vertx();
    Pool pool =
        PgBuilder.pool()
            .with(new PoolOptions().setMaxSize(3))
            .connectingTo(
                new PgConnectOptions()
                    .setHost("127.0.0.1")
                    .setPort(server.port())
                    .setUser("postgres")
                    .setPassword("")
                    .setDatabase(database))
            .using(vertx)
            .build();
    example = new VertxDeposit(pool);
  }

  @AfterEach
  void close() throws Exception {
    promptly(vertx.close().toCompletionStage());
  }

  @Override
  boolean deposit(String account, long amount, Duration maxWait) throws Exception {
    return promptly(example.deposit(account, amount, maxWait).toCompletionStage());
  }

  @Test
  void severalDepositsAreUnderOneLock() throws Exception {
    assertThat(promptly(example.depositEach("ann", List.of(1L, 2L, 3L)).toCompletionStage()))
        .isEqualTo(3);
    assertThat(balance()).isEqualTo(6);
    assertThat(locks()).isEmpty();
  }

  @Test
  void whatFailsIsToldAndTheLockIsGivenBack() throws Exception {
    server.execute(database, "ALTER TABLE account ADD CHECK (balance < 10)");
    assertThatThrownBy(
            () -> promptly(example.depositEach("ann", List.of(9L, 1L)).toCompletionStage()))
        .hasCauseInstanceOf(DatabaseException.class);
    assertThat(balance()).isEqualTo(9);
    assertThat(locks()).isEmpty();
    assertThat(deposit("ann", -9, PROMPTLY)).isTrue();
  }
}
