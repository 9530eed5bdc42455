package io.holdfast.examples;

import com.zaxxer.hikari.HikariDataSource;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

class SpringDepositTest extends AccountsTest {
  private HikariDataSource pool;
  private SpringDeposit example;

  @BeforeEach
  void open() {
    pool = pool(3);
    example = new SpringDeposit(pool);
  }

  @AfterEach
  void close() {
    pool.close();
  }

  @Override
  boolean deposit(String account, long amount, Duration maxWait) {
    return example.deposit(account, amount, maxWait);
  }
}
