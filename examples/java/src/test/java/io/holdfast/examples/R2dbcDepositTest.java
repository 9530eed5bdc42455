package io.holdfast.examples;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.r2dbc.postgresql.PostgresqlConnectionConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

class R2dbcDepositTest extends AccountsTest {
  private R2dbcDeposit example;

  @BeforeEach
  void open() {
    example =
        new R2dbcDeposit(
            new PostgresqlConnectionFactory(
                PostgresqlConnectionConfiguration.builder()
                    .host("127.0.0.1")
                    .port(server.port())
                    .username("postgres")
                    .database(database)
                    .build()));
  }

  @Override
  boolean deposit(String account, long amount, Duration maxWait) {
    return example.deposit(account, amount, maxWait).block(PROMPTLY);
  }

  @Test
  void severalDepositsAreUnderOneLock() {
    assertThat(example.depositEach("ann", Flux.just(1L, 2L, 3L)).block(PROMPTLY)).isEqualTo(3);
    assertThat(balance()).isEqualTo(6);
    assertThat(locks()).isEmpty();
  }

  @Test
  void whatFailsIsToldAndTheLockIsGivenBack() {
    server.execute(database, "ALTER TABLE account ADD CHECK (balance < 10)");
    assertThatThrownBy(() -> example.depositEach("ann", Flux.just(9L, 1L)).block(PROMPTLY))
        .isInstanceOf(R2dbcException.class);
    assertThat(balance()).isEqualTo(9);
    assertThat(deposit("ann", -9, PROMPTLY)).isTrue();
  }
}
