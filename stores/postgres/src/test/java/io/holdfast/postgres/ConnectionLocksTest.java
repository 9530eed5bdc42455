package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.postgres.ConnectionLocks.ConnectionHold;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Locks of the session of a caller's connection. */
class ConnectionLocksTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private static PostgresServer server;
  private static String database;

  private Connection ann;
  private Connection bob;

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
  }

  @BeforeEach
  void connect() throws SQLException {
    ann = server.connect(database);
    bob = server.connect(database);
  }

  @AfterEach
  void close() throws SQLException {
    ann.close();
    bob.close();
  }

  @Test
  void aLockIsHeldUntilItIsClosedWhateverTransactionsDo() throws SQLException {
    ann.setAutoCommit(false);
    ConnectionHold hold = lock(ann).acquire();
    ann.commit();
    ann.rollback();
    assertThat(lock(bob).tryAcquire()).isEmpty();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isEmpty();
    hold.close();
    hold.close();
    lock(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void readersShareAndAWriterIsAlone() {
    ConnectionHold one = ConnectionLocks.on(ann).sharedLock("x").acquire();
    ConnectionHold two = ConnectionLocks.on(bob).sharedLock("x").tryAcquire(BRIEFLY).orElseThrow();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isEmpty();
    one.close();
    lock(bob).tryAcquire(BRIEFLY).orElseThrow().close();
    two.close();
  }

  /** In another library a try that failed counted as held. */
  @Test
  void aFailedTryDoesNotCorruptTheCount() {
    ConnectionHold hold = lock(bob).acquire();
    for (int i = 0; i < 3; i++) {
      assertThat(lock(ann).tryAcquire()).isEmpty();
      assertThat(lock(ann).tryAcquire(BRIEFLY)).isEmpty();
    }
    hold.close();
    ConnectionHold once = lock(ann).tryAcquire().orElseThrow();
    ConnectionHold twice = lock(ann).tryAcquire(BRIEFLY).orElseThrow();
    once.close();
    assertThat(lock(bob).tryAcquire()).isEmpty();
    twice.close();
    lock(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void whatTheBodyThrowsIsThrownAndTheLockIsGivenBack() throws SQLException {
    ann.setAutoCommit(false);
    IOException thrown = new IOException("of the body's");
    assertThat(
            catchThrowable(
                () ->
                    lock(ann)
                        .call(
                            () -> {
                              throw thrown;
                            })))
        .isSameAs(thrown)
        .hasNoSuppressedExceptions();
    lock(bob).tryAcquire().orElseThrow().close();
  }

  /** In another library the failure to unlock hid what had failed, and the lock stayed held. */
  @Test
  void aStatementThatFailsIsToldAndTheLockIsGivenBack() throws SQLException {
    ann.setAutoCommit(false);
    assertThatThrownBy(() -> lock(ann).call(() -> fail(ann)))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("division by zero")
        .hasNoSuppressedExceptions();
    lock(bob).tryAcquire().orElseThrow().close();
    assertThatThrownBy(
            () -> {
              try (ConnectionHold hold = lock(ann).acquire()) {
                fail(ann);
              }
            })
        .hasMessageContaining("division by zero")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
    lock(bob).tryAcquire().orElseThrow().close();
  }

  /** He would go on in a new transaction, and commit half of what he meant to. */
  @Test
  void acquiringNeverRollsBackWhatItsCallerHasWritten() throws SQLException {
    server.execute(database, "CREATE TABLE halves (id int)");
    ConnectionHold hold = lock(bob).acquire();
    ann.setAutoCommit(false);
    run(ann, "INSERT INTO halves VALUES (1)");
    assertThat(lock(ann).tryAcquire(BRIEFLY)).isEmpty();
    run(ann, "INSERT INTO halves VALUES (2)");
    ann.commit();
    assertThat(server.execute(database, "SELECT id FROM halves ORDER BY 1"))
        .containsExactly("1", "2");

    run(ann, "INSERT INTO halves VALUES (3)");
    run(ann, "SET LOCAL lock_timeout = '30ms'");
    assertThatThrownBy(() -> lock(ann).acquire())
        .isInstanceOf(LockException.class)
        .hasMessageContaining("55P03");
    assertThatThrownBy(() -> run(ann, "INSERT INTO halves VALUES (4)"))
        .hasMessageContaining("aborted");
    assertThatThrownBy(() -> lock(ann).tryAcquire())
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("TRANSACTION_FAILED");
    ann.rollback();
    hold.close();
    assertThat(server.execute(database, "SELECT id FROM halves ORDER BY 1"))
        .containsExactly("1", "2");
    lock(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void whoSwallowedTheFailureOfItsTransactionIsToldThatItIsRolledBack() throws SQLException {
    ann.setAutoCommit(false);
    ConnectionHold hold = lock(ann).acquire();
    assertThatThrownBy(() -> fail(ann)).isInstanceOf(SQLException.class);
    assertThatThrownBy(hold::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back")
        .hasMessageContaining("x");
    hold.close();
    lock(bob).tryAcquire().orElseThrow().close();

    assertThatThrownBy(
            () ->
                lock(ann)
                    .call(
                        () -> {
                          assertThatThrownBy(() -> fail(ann)).isInstanceOf(SQLException.class);
                          return "done";
                        }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back");
    lock(bob).tryAcquire().orElseThrow().close();
  }

  /** Else he would hear of something else only, and commit half of what he meant to. */
  @Test
  void aRollbackIsToldWhateverComesOfTheUnlockAfterIt() throws SQLException {
    run(ann, server.refusingUnlocks(database));
    ann.setAutoCommit(false);
    ConnectionHold hold = lock(ann).acquire();
    assertThatThrownBy(() -> fail(ann)).isInstanceOf(SQLException.class);
    assertThatThrownBy(hold::close)
        .isInstanceOf(LockException.class)
        .hasMessageContaining("not now")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
    ann.rollback(); // of what the unlock began
    run(ann, "RESET search_path");
    ann.commit();
    assertThatThrownBy(hold::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back");
    hold.close();
    lock(bob).tryAcquire().orElseThrow().close();

    ConnectionHold gone = lock(ann).acquire();
    run(ann, "SELECT pg_advisory_unlock_all()");
    assertThatThrownBy(() -> fail(ann)).isInstanceOf(SQLException.class);
    assertThatThrownBy(gone::close)
        .hasMessageContaining("did not hold")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
  }

  /** It cannot be told from pg_locks how often a session holds a lock, so what is given back must be known. */
  @Test
  void aWaitThatIsEndedGivesNothingBackThatWasHeldBefore() throws SQLException {
    ConnectionHold shared = ConnectionLocks.on(ann).sharedLock("x").acquire();
    try (Connection eve = server.connect(database)) {
      ConnectionHold other = ConnectionLocks.on(eve).sharedLock("x").acquire();
      run(ann, "SET statement_timeout = '200ms'");
      assertThatThrownBy(() -> lock(ann).acquire()).isInstanceOf(LockException.class);
      assertThat(lock(ann).tryAcquire(Duration.ofMillis(10))).isEmpty();
      other.close();
    }
    assertThat(lock(bob).tryAcquire()).isEmpty();
    shared.close();
    lock(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void withoutRollbackTheUserHasToRollBackBeforeTheLockCanBeGivenBack() throws SQLException {
    ann.setAutoCommit(false);
    ConnectionHold hold = ConnectionLocks.on(ann).rollbackOnError(false).lock("x").acquire();
    assertThatThrownBy(() -> fail(ann)).isInstanceOf(SQLException.class);
    assertThatThrownBy(hold::close).isInstanceOf(LockException.class);
    assertThat(lock(bob).tryAcquire()).isEmpty();
    ann.rollback();
    hold.close();
    lock(bob).tryAcquire().orElseThrow().close();
  }

  @Test
  void aBodyThatWentWellIsNotRolledBack() throws SQLException {
    server.execute(database, "CREATE TABLE IF NOT EXISTS kept (id int)");
    ann.setAutoCommit(false);
    String result =
        lock(ann)
            .call(
                () -> {
                  try (Statement statement = ann.createStatement()) {
                    statement.execute("INSERT INTO kept VALUES (1)");
                  }
                  ann.commit();
                  return "done";
                });
    assertThat(result).isEqualTo("done");
    assertThat(server.execute(database, "SELECT id FROM kept")).containsExactly("1");
  }

  @Test
  void aTimeOutOfTheSessionsOwnLeavesNothingHeld() throws SQLException {
    ConnectionHold hold = lock(bob).acquire();
    try (Statement statement = ann.createStatement()) {
      statement.execute("SET statement_timeout = '30ms'");
    }
    assertThatThrownBy(() -> lock(ann).acquire()).isInstanceOf(LockException.class);
    assertThatThrownBy(() -> lock(ann).tryAcquire(Duration.ofSeconds(5)))
        .isInstanceOf(LockException.class);
    hold.close();
    lock(bob).tryAcquire().orElseThrow().close();
  }

  /** The time may run out, or a cancel strike, in the moment after the grant. */
  @Test
  void aWaitThatFailsWhenItWasGrantedIsGrantedIfItsTimeRanOutAndElseHoldsNothing()
      throws Exception {
    Optional<ConnectionHold> ranOut = waitGranted("55P03");
    assertThat(lock(ann).tryAcquire()).isEmpty();
    ranOut.orElseThrow().close();
    lock(ann).tryAcquire().orElseThrow().close();

    assertThatThrownBy(() -> waitGranted("57014")).hasCauseInstanceOf(LockException.class);
    lock(ann).tryAcquire().orElseThrow().close();
  }

  private Optional<ConnectionHold> waitGranted(String andThen) throws Exception {
    run(bob, "SET search_path = " + server.grantingTooLate(database, andThen));
    ConnectionHold hold = lock(ann).acquire();
    CompletableFuture<Optional<ConnectionHold>> waiting =
        CompletableFuture.supplyAsync(() -> lock(bob).tryAcquire(Patience.PROMPTLY));
    Patience.until(
        "bob waits",
        () ->
            !server
                .execute(
                    database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                .isEmpty());
    hold.close();
    return Patience.promptly(waiting);
  }

  @Test
  void closingWhatSomebodyHasGivenBackSaysSo() throws SQLException {
    ConnectionHold hold = lock(ann).acquire();
    try (Statement statement = ann.createStatement()) {
      statement.execute("SELECT pg_advisory_unlock_all()");
    }
    assertThatThrownBy(hold::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("x");
    hold.close();
  }

  /** A pool hands a connection on with the locks that its session holds. */
  @Test
  void aPoolNeverSeesTheConnectionsOfAClientAgain() throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(server.jdbcUrl(database));
    config.setMaximumPoolSize(5);
    try (HikariDataSource pool = new HikariDataSource(config)) {
      LockClient client = PostgresLocks.in(pool).connect();
      Hold hold = client.lock("pooled").acquire();
      client.close();
      assertThat(hold.isHeld()).isFalse();
      List<Connection> borrowed = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        Connection connection = pool.getConnection();
        borrowed.add(connection);
        try (Statement statement = connection.createStatement();
            java.sql.ResultSet row = statement.executeQuery("SHOW application_name")) {
          row.next();
          assertThat(row.getString(1)).doesNotStartWith("holdfast");
        }
      }
      ConnectionLocks.on(bob).lock("pooled").tryAcquire().orElseThrow().close();
      for (Connection connection : borrowed) {
        connection.close();
      }
    }
  }

  private static Object fail(Connection connection) throws SQLException {
    return run(connection, "SELECT 1 / 0");
  }

  private static Object run(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.execute(sql);
    }
  }

  private static ConnectionLocks.ConnectionLock lock(Connection connection) {
    return ConnectionLocks.on(connection).lock("x");
  }
}
