package io.holdfast.examples;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.postgres.PostgresServer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is so of every example. */
abstract class AccountsTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  final PostgresServer server = PostgresServer.shared();
  String database;

  @BeforeEach
  void openAccount() {
    database = server.newDatabase();
    server.execute(
        database, "CREATE TABLE account (name text PRIMARY KEY, balance bigint NOT NULL)");
    server.execute(database, "INSERT INTO account VALUES ('ann', 0)");
  }

  /** The example's. */
  abstract boolean deposit(String account, long amount, Duration maxWait) throws Exception;

  @Test
  void depositsSideBySideAreAllKept() throws Exception {
    Tellers.work(() -> assertThat(deposit("ann", 1, PROMPTLY)).isTrue());
    assertThat(balance()).isEqualTo(Tellers.ALL);
  }

  @Test
  void whileALockClientHoldsTheAccountNothingIsDeposited() throws Exception {
    try (LockClient locks = LockClient.connect(server.url(database))) {
      try (Hold hold = locks.lock("account/ann").acquire()) {
        assertThat(deposit("ann", 1, BRIEFLY)).isFalse();
      }
      assertThat(balance()).isZero();
      assertThat(deposit("ann", 1, BRIEFLY)).isTrue();
      assertThat(locks.lock("account/ann").tryAcquire()).isPresent();
    }
    assertThat(balance()).isOne();
  }

  long balance() {
    return Long.parseLong(server.execute(database, "SELECT balance FROM account").get(0));
  }

  /** How many locks are held in the database, by whomever. */
  List<String> locks() {
    return server.execute(
        database,
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND database ="
            + " (SELECT oid FROM pg_database WHERE datname = current_database())");
  }

  HikariDataSource pool(int size) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(server.jdbcUrl(database));
    config.setMaximumPoolSize(size);
    return new HikariDataSource(config);
  }
}
