package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where locks would exclude nobody, or not be given back, there are none; each refusal is one line. */
class RefusalsTest {
  /** A standby grants what the primary has granted, too. */
  @Test
  void aStandbyIsRefusedAndAPromotedOneGivesHigherTokens() throws Exception {
    try (PostgresServer primary = PostgresServer.own(Map.of());
        PostgresServer standby = primary.standby()) {
      assertThatThrownBy(() -> LockClient.connect(standby.url("postgres")))
          .isInstanceOf(LockRefusedException.class)
          .hasMessage(
              "STANDBY: server is in recovery (read-only standby); advisory locks there exclude nobody");
      try (Connection connection = standby.connect("postgres")) {
        connection.setAutoCommit(false);
        TransactionLocks.TransactionLock inTransaction = TransactionLocks.on(connection).lock("x");
        refusesAsStandby(connection, inTransaction::acquire);
        refusesAsStandby(connection, inTransaction::tryAcquire);
        refusesAsStandby(connection, () -> inTransaction.tryAcquire(Duration.ofMillis(10)));
        ConnectionLocks.ConnectionLock ofConnection = ConnectionLocks.on(connection).lock("x");
        refusesAsStandby(connection, ofConnection::acquire);
        refusesAsStandby(connection, ofConnection::tryAcquire);
        refusesAsStandby(connection, () -> ofConnection.tryAcquire(Duration.ofMillis(10)));
      }
      // What the standby has not received, and its own log does not reach, by position alone.
      primary.execute(
          "postgres", "SELECT pg_logical_emit_message(false, 'lag', repeat('x', 10000000))");
      long token;
      try (LockClient client = LockClient.connect(primary.url("postgres"));
          Hold hold = client.lock("x").acquire()) {
        token = hold.token();
      }
      standby.execute("postgres", "SELECT pg_promote()");
      try (LockClient client = LockClient.connect(standby.url("postgres"));
          Hold hold = client.lock("x").acquire()) {
        long ofTimelines = 1L << 48;
        assertThat(hold.token() % ofTimelines).isLessThan(token % ofTimelines);
        assertThat(hold.token()).isGreaterThan(token);
      }
    }
  }

  private static void refusesAsStandby(Connection connection, ThrowingCallable asking)
      throws SQLException {
    assertThatThrownBy(asking)
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("STANDBY");
    connection.rollback();
  }

  @Test
  void anOldServerIsRefused() {
    ServerFacts old = new ServerFacts(1, 1, false, 110022, 1, 1000);
    assertThatThrownBy(() -> old.requireFitForSessions())
        .isInstanceOf(LockRefusedException.class)
        .hasMessage("SERVER_TOO_OLD: server is PostgreSQL 11.22, at least 12 is needed");
    assertThatThrownBy(() -> ServerFacts.requireVersion(90624)).hasMessageContaining("SQL 9,");
    new ServerFacts(1, 1, false, 120000, 1, 1000).requireFitForSessions();
  }

  /** It would hand the session with its locks to somebody else. */
  @ParameterizedTest
  @ValueSource(strings = {"transaction", "session"})
  void aPoolerIsRefusedForSessionsAndServesTransactions(String mode, @TempDir Path folder)
      throws Exception {
    Pgbouncer.assumeThereIsOne();
    PostgresServer server = PostgresServer.shared();
    String database = server.newDatabase();
    try (Pgbouncer pooler = new Pgbouncer(folder, server, database, mode)) {
      refusesAsPooler(() -> LockClient.connect(pooler.url(database)));
      try (Connection ann = pooler.connect(database);
          Connection bob = pooler.connect(database)) {
        for (boolean autoCommit : List.of(true, false)) {
          ann.setAutoCommit(autoCommit);
          ConnectionLocks.ConnectionLock ofSession = ConnectionLocks.on(ann).lock("y");
          refusesAsPooler(ofSession::acquire);
          refusesAsPooler(ofSession::tryAcquire);
          refusesAsPooler(() -> ofSession.tryAcquire(Duration.ofMillis(20)));
        }
        ann.rollback();
        assertThat(server.execute(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))
            .isEmpty();
        bob.setAutoCommit(false);
        TransactionLocks.on(ann).lock("x").acquire();
        assertThat(TransactionLocks.on(bob).lock("x").tryAcquire()).isFalse();
        assertThat(TransactionLocks.on(bob).lock("x").tryAcquire(Duration.ofMillis(20))).isFalse();
        ann.commit();
        assertThat(TransactionLocks.on(bob).lock("x").tryAcquire()).isTrue();
      }
    }
  }

  private static void refusesAsPooler(ThrowingCallable asking) {
    assertThatThrownBy(asking)
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("POOLER: a connection pooler is in between")
        .message()
        .matches(".*connected to process -?[0-9]+, statements run in [0-9]+.*");
  }

  @Test
  void anUnknownDatabaseIsToldWithoutThePassword() {
    String url = PostgresServer.shared().url("nowhere").replace("postgres@", "postgres:secret@");
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("postgresql://postgres@127.0.0.1")
        .hasMessageContaining("3D000")
        .message()
        .doesNotContain("secret")
        .doesNotContain("\n");
  }

  @Test
  void anUnknownUserIsTold() {
    String url = PostgresServer.shared().url("postgres").replace("postgres@", "nobody:secret@");
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("28000")
        .message()
        .doesNotContain("secret");
  }

  @Test
  void aWrongPasswordAndARoleThatMayNotConnectAreTold() throws Exception {
    PostgresServer server = PostgresServer.shared();
    String database = server.newDatabase();
    server.execute(
        database,
        "SET password_encryption = 'scram-sha-256';"
            + " CREATE ROLE walter LOGIN PASSWORD 'open sesame'");
    server.admit("host all walter 127.0.0.1/32 scram-sha-256");
    String url = server.url(database).replace("postgres@", "walter:PASSWORD@");
    String right = url.replace("PASSWORD", "open%20sesame");
    try (LockClient client = LockClient.connect(right)) {
      client.lock("x").acquire().close();
    }
    tellsOnOneLine(url.replace("PASSWORD", "close%20sesame"), "28P01");
    tellsOnOneLine(url.replace(":PASSWORD", ""), "08004"); // there is none to send
    server.execute(database, "REVOKE CONNECT ON DATABASE " + database + " FROM PUBLIC");
    tellsOnOneLine(right, "42501");
  }

  private static void tellsOnOneLine(String url, String state) {
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("postgresql://walter@127.0.0.1")
        .hasMessageContaining(state)
        .message()
        .doesNotContain("sesame")
        .doesNotContain("\n");
  }

  @Test
  void aServerThatIsNotThereIsTold() throws IOException {
    String url = "postgresql://postgres@127.0.0.1:" + freePort() + "/postgres";
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("08001");
  }

  @Test
  void aServerWithoutRoomForAnotherConnectionIsToldWithAHint() throws SQLException {
    try (PostgresServer small = PostgresServer.own(Map.of("max_connections", "6"))) {
      small.execute("postgres", "CREATE ROLE plain LOGIN");
      String url = small.url("postgres").replace("postgres@", "plain@");
      List<LockClient> clients = new ArrayList<>();
      StoreUnavailableException full =
          catchThrowableOfType(
              StoreUnavailableException.class,
              () -> {
                for (int i = 0; i < 6; i++) {
                  clients.add(LockClient.connect(url));
                }
              });
      assertThat(full).hasMessageContaining("53300").hasMessageContaining("max_connections");
      clients.forEach(LockClient::close);
    }
  }

  /** A server with few connections is still good for waiting: the one session asks again and again. */
  @Test
  void whoCannotHaveASecondConnectionWaitsWithOne() throws Exception {
    try (PostgresServer small = PostgresServer.own(Map.of("max_connections", "6"))) {
      small.execute("postgres", "CREATE ROLE plain LOGIN");
      String url = small.url("postgres").replace("postgres@", "plain@");
      try (LockClient ann = LockClient.connect(url, ClientOptions.defaults().name("ann"));
          LockClient bob = LockClient.connect(url);
          Connection other =
              DriverManager.getConnection(
                  small.jdbcUrl("postgres").replace("=postgres", "=plain"))) {
        Hold hold = ann.lock("x").acquire();
        java.util.concurrent.CompletableFuture<Hold> waiting = bob.lock("x").acquireAsync();
        assertThat(bob.lock("y").tryAcquire(Duration.ofMillis(300))).isPresent();
        hold.close();
        Patience.promptly(waiting).close();
      }
    }
  }

  @Test
  void aServerWithoutRoomForAnotherLockIsToldAndTheOthersStayHeld() throws Exception {
    try (PostgresServer small =
            PostgresServer.own(Map.of("max_connections", "6", "max_locks_per_transaction", "10"));
        LockClient client = LockClient.connect(small.url("postgres"))) {
      List<Hold> holds = new ArrayList<>();
      LockException full =
          catchThrowableOfType(
              LockException.class,
              () -> {
                for (int i = 0; i < 20_000; i++) {
                  holds.add(client.lock("many/" + i).acquire());
                }
              });
      assertThat(full)
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("TOO_MANY_LOCKS")
          .hasMessageContaining("max_locks_per_transaction");
      assertThat(holds).isNotEmpty().allMatch(Hold::isHeld);
      holds.remove(0).close();
      client.lock("one more").acquire().close();
      holds.forEach(Hold::close);
    }
  }

  // -------------------------------------------------------------------------------------------------

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
