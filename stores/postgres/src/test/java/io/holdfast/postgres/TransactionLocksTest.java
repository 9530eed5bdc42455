package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Locks that end with a transaction. */
class TransactionLocksTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private static PostgresServer server;
  private static String database;

  private Connection ann;
  private Connection bob;

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
    server.execute(database, "CREATE TABLE written (id int)");
  }

  @BeforeEach
  void connect() throws SQLException {
    ann = server.connect(database);
    bob = server.connect(database);
    ann.setAutoCommit(false);
    bob.setAutoCommit(false);
  }

  @AfterEach
  void close() throws SQLException {
    ann.close();
    bob.close();
  }

  @Test
  void aLockIsHeldUntilCommit() throws SQLException {
    lock(ann).acquire();
    assertThat(lock(bob).tryAcquire()).isFalse();
    ann.commit();
    assertThat(lock(bob).tryAcquire()).isTrue();
  }

  @Test
  void aLockIsHeldUntilRollback() throws SQLException {
    assertThat(lock(ann).tryAcquire(BRIEFLY)).isTrue();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isFalse();
    ann.rollback();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() throws SQLException {
    TransactionLocks.on(ann).sharedLock("x").acquire();
    assertThat(TransactionLocks.on(bob).sharedLock("x").tryAcquire()).isTrue();
    assertThat(lock(bob).tryAcquire()).isFalse();
    ann.commit();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isTrue();
  }

  @Test
  void whoWaitsHasItWhenTheOtherCommits() throws Exception {
    lock(ann).acquire();
    CompletableFuture<Boolean> waiting =
        CompletableFuture.supplyAsync(() -> lock(bob).tryAcquire(PROMPTLY));
    until(
        "bob waits",
        () ->
            !server
                .execute(
                    database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                .isEmpty());
    assertThat(waiting).isNotDone();
    ann.commit();
    assertThat(promptly(waiting)).isTrue();
  }

  /** Another library's returned true there, and held nothing. */
  @Test
  void withoutATransactionItIsRefused() throws SQLException {
    ann.setAutoCommit(true);
    assertThatThrownBy(() -> lock(ann).acquire()).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> lock(ann).tryAcquire())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("autocommit");
    assertThatThrownBy(() -> lock(ann).tryAcquire(BRIEFLY))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aWaitThatEndsWithoutTheLockLeavesTheTransactionAsItWas() throws Exception {
    lock(bob).acquire();
    try (Statement statement = ann.createStatement()) {
      statement.execute("SET LOCAL lock_timeout = '1234ms'");
      statement.execute("INSERT INTO written VALUES (1)");
      Duration took = timed(() -> assertThat(lock(ann).tryAcquire(BRIEFLY)).isFalse());
      assertThat(took).isGreaterThanOrEqualTo(BRIEFLY);
      assertThat(text(statement, "SHOW lock_timeout")).isEqualTo("1234ms");
      bob.commit();
      assertThat(lock(ann).tryAcquire(BRIEFLY)).isTrue();
      assertThat(text(statement, "SHOW lock_timeout")).isEqualTo("1234ms");
      ann.commit();
      assertThat(text(statement, "SHOW lock_timeout")).isEqualTo("0");
      assertThat(text(statement, "SELECT count(*) FROM written WHERE id = 1")).isEqualTo("1");
    }
  }

  /** The time may run out in the moment after the grant. */
  @Test
  void aWaitThatFailsWhenItWasGrantedIsGranted() throws Exception {
    try (Statement statement = bob.createStatement()) {
      statement.execute("SET search_path = " + server.grantingTooLate(database, "55P03"));
      statement.execute("INSERT INTO public.written VALUES (2)");
      assertThat(lock(bob).tryAcquire(PROMPTLY)).isTrue();
      assertThat(lock(ann).tryAcquire()).isFalse();
      bob.commit();
      assertThat(lock(ann).tryAcquire()).isTrue();
      assertThat(text(statement, "SELECT count(*) FROM public.written WHERE id = 2"))
          .isEqualTo("1");
    }
  }

  @Test
  void aFailedTryHoldsNothingAndASuccessfulOneIsGivenBackOnce() throws SQLException {
    lock(bob).acquire();
    assertThat(lock(ann).tryAcquire()).isFalse();
    assertThat(lock(ann).tryAcquire()).isFalse();
    bob.commit();
    assertThat(lock(ann).tryAcquire()).isTrue();
    assertThat(lock(ann).tryAcquire()).isTrue();
    ann.commit();
    assertThat(lock(bob).tryAcquire()).isTrue();
  }

  @Test
  void aTransactionThatHasFailedSaysSo() throws SQLException {
    try (Statement statement = ann.createStatement()) {
      assertThatThrownBy(() -> statement.execute("SELECT 1 / 0")).isInstanceOf(SQLException.class);
    }
    assertThatThrownBy(() -> lock(ann).acquire())
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("TRANSACTION_FAILED: ");
  }

  @Test
  void negativePatienceFailsAtTheDoor() {
    assertThatThrownBy(() -> lock(ann).tryAcquire(Duration.ofMillis(-1)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("WAIT_NEGATIVE");
    assertThat(lock(ann).tryAcquire(Duration.ofSeconds(Long.MAX_VALUE))).isTrue();
  }

  @Test
  void locksOfTransactionsAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(server.url(database))) {
      Hold hold = client.lock("x").acquire();
      assertThat(lock(ann).tryAcquire()).isFalse();
      hold.close();
      assertThat(lock(ann).tryAcquire()).isTrue();
      assertThat(client.lock("x").tryAcquire()).isEmpty();
      CompletableFuture<Hold> waiting = client.lock("x").acquireAsync();
      ann.commit();
      promptly(waiting).close();
    }
  }

  private static TransactionLocks.TransactionLock lock(Connection connection) {
    return TransactionLocks.on(connection).lock("x");
  }

  private static String text(Statement statement, String sql) throws SQLException {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }
}
