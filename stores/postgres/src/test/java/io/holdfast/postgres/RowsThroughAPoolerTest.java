package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** Locks as rows where each statement may run on another connection than the one before. */
class RowsThroughAPoolerTest {
  /** After so many the driver would prepare a statement at the server, where it is asked to. */
  private static final int ROUNDS = 12;

  private String database;
  private Pgbouncer pooler;

  @BeforeEach
  void start(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    PostgresServer server = PostgresServer.shared();
    database = server.newDatabase();
    PostgresRows.on(() -> server.connect(database), "test").setup().run();
    pooler = new Pgbouncer(folder, server, database);
  }

  @AfterEach
  void stop() throws Exception {
    if (pooler != null) {
      pooler.close();
    }
  }

  @Test
  void whatTheDriverWouldPrepareIsNotMissedElsewhere() throws Exception {
    try (LockClient client = LockClient.connect(pooler.url(database) + "?mode=rows")) {
      useOneBackendThenTheOther(client);
    }
  }

  @Test
  void norIsItOnConnectionsOfAPool() throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(pooler.jdbcUrl(database));
    config.setMaximumPoolSize(2);
    try (HikariDataSource pool = new HikariDataSource(config);
        LockClient client = PostgresRows.in(pool).connect()) {
      useOneBackendThenTheOther(client);
    }
  }

  private void useOneBackendThenTheOther(LockClient client) throws Exception {
    rounds(client);
    // Whoever has a transaction open keeps the backend that was used last, so the other one is used
    // now.
    try (Connection other = pooler.connect(database);
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("SELECT 1");
      rounds(client);
      other.rollback();
    }
    rounds(client);
  }

  private static void rounds(LockClient client) throws InterruptedException {
    for (int i = 0; i < ROUNDS; i++) {
      Hold one = client.lock("x").tryAcquire().orElseThrow();
      assertThat(client.describe("x").holders()).hasSize(1);
      one.close();
      client.all(client.lock("x"), client.lock("y")).acquire().close();
      assertThat(client.list("x").locks()).isEmpty();
    }
  }

  @Test
  void twoClientsExcludeEachOtherAndTokensGrow() throws Exception {
    int each = 25;
    List<Long> tokens = new ArrayList<>(); // guarded by the lock, which is what is tested
    List<CompletableFuture<Void>> done = new ArrayList<>();
    try (LockClient ann = connect("ann");
        LockClient bob = connect("bob")) {
      for (LockClient client : List.of(ann, bob)) {
        done.add(
            CompletableFuture.runAsync(
                () -> {
                  for (int i = 0; i < each; i++) {
                    try (Hold hold = client.lock("x").acquireAsync().join()) {
                      tokens.add(hold.token());
                    }
                  }
                }));
      }
      for (CompletableFuture<Void> one : done) {
        Patience.promptly(one);
      }
    }
    assertThat(tokens).hasSize(2 * each).isSorted().doesNotHaveDuplicates();
  }

  /** A lease is renewed through the pooler, too. */
  @Test
  void aHoldOutlivesItsFirstLease() throws Exception {
    Duration lease = Duration.ofSeconds(2);
    try (LockClient client =
            LockClient.connect(
                pooler.url(database) + "?mode=rows",
                ClientOptions.defaults().holds(HoldOptions.defaults().leaseDuration(lease)));
        Hold hold = client.lock("x").acquire()) {
      long first = version();
      Patience.until("renewed four times", () -> version() >= first + 4);
      assertThat(hold.isHeld()).isTrue();
    }
  }

  @Test
  void nobodyListensThroughThePoolerButBesideIt() throws Exception {
    PostgresServer server = PostgresServer.shared();
    PostgresRows rows = PostgresRows.on(() -> pooler.connect(database), "test");
    assertThatThrownBy(() -> rows.listening(() -> pooler.connect(database)).connect())
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("POOLER: ");
    try (LockClient client =
            LockClient.connect(
                pooler.url(database) + "?mode=rows&listen=127.0.0.1:" + server.port());
        Connection listener = server.connect(database);
        Statement statement = listener.createStatement()) {
      statement.execute(
          "DO $$ BEGIN EXECUTE 'LISTEN holdfast_' || 'holdfast_lock'::regclass::oid; END $$");
      client.lock("x").acquire().close();
      assertThat(listener.unwrap(PGConnection.class).getNotifications(10_000))
          .singleElement()
          .extracting(PGNotification::getParameter)
          .isEqualTo("x");
    }
  }

  private long version() {
    return Long.parseLong(
        PostgresServer.shared()
            .execute(database, "SELECT version FROM holdfast_lock WHERE name = 'x'")
            .get(0));
  }

  private LockClient connect(String name) {
    return LockClient.connect(
        pooler.url(database) + "?mode=rows", ClientOptions.defaults().name(name));
  }
}
