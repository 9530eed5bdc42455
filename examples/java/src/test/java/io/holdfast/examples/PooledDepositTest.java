package io.holdfast.examples;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PooledDepositTest extends AccountsTest {
  private HikariDataSource pool;
  private PooledDeposit example;

  @BeforeEach
  void open() {
    pool = pool(3);
    example = new PooledDeposit(pool);
  }

  @AfterEach
  void close() {
    pool.close();
  }

  @Override
  boolean deposit(String account, long amount, Duration maxWait) throws SQLException {
    return example.deposit(account, amount, maxWait);
  }

  @Test
  void aConnectionThatGoesBackToThePoolHoldsNoLock() throws SQLException {
    example.deposit("ann", 1, PROMPTLY);
    assertThat(locks()).isEmpty();
    example.depositEach("ann", 1, 2);
    assertThat(locks()).isEmpty();
    assertThat(balance()).isEqualTo(4);
  }

  @Test
  void norDoesOneThatGoesBackAfterAFailure() {
    assertThatThrownBy(() -> example.deposit("nobody", 1, PROMPTLY))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(locks()).isEmpty();
    assertThatThrownBy(() -> example.depositEach("nobody", 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(locks()).isEmpty();

    server.execute(database, "ALTER TABLE account ADD CHECK (balance < 10)");
    assertThatThrownBy(() -> example.deposit("ann", 10, PROMPTLY)).isInstanceOf(SQLException.class);
    assertThat(locks()).isEmpty();
    assertThatThrownBy(() -> example.depositEach("ann", 9, 1)).isInstanceOf(SQLException.class);
    assertThat(locks()).isEmpty();
    assertThat(balance()).isEqualTo(9);
    assertThat(pool.getHikariPoolMXBean().getActiveConnections()).isZero();
  }
}
