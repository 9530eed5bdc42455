package io.holdfast.postgres.vertx;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static io.holdfast.postgres.vertx.Sessions.did;
import static io.holdfast.postgres.vertx.Sessions.run;
import static io.holdfast.postgres.vertx.Sessions.statement;
import static io.holdfast.postgres.vertx.Sessions.text;
import static io.holdfast.postgres.vertx.Sessions.told;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.postgres.Pgbouncer;
import io.holdfast.postgres.PostgresKeys;
import io.holdfast.postgres.TransactionLocks;
import io.vertx.core.Future;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Transaction;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Locks that end with a transaction, on Vert.x's connections. */
class VertxTransactionLocksTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private static Sessions sessions;

  private PgConnection ann;
  private PgConnection bob;
  private Transaction annsTransaction;
  private Transaction bobsTransaction;

  @BeforeAll
  static void start() {
    sessions = new Sessions();
    sessions.server.execute(sessions.database, "CREATE TABLE written (id int)");
  }

  @AfterAll
  static void stop() {
    sessions.close();
  }

  @BeforeEach
  void connect() {
    ann = sessions.connect();
    bob = sessions.connect();
    annsTransaction = did(ann.begin());
    bobsTransaction = did(bob.begin());
  }

  @AfterEach
  void close() {
    did(ann.close());
    did(bob.close());
  }

  @Test
  void aLockIsHeldUntilCommit() {
    did(lock(ann).acquire());
    assertThat(did(lock(bob).tryAcquire())).isFalse();
    did(annsTransaction.commit());
    assertThat(did(lock(bob).tryAcquire())).isTrue();
  }

  @Test
  void aLockIsHeldUntilRollback() {
    assertThat(did(lock(ann).tryAcquire(BRIEFLY))).isTrue();
    assertThat(did(lock(bob).tryAcquire(BRIEFLY))).isFalse();
    did(annsTransaction.rollback());
    assertThat(did(lock(bob).tryAcquire(BRIEFLY))).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() {
    did(VertxTransactionLocks.on(ann).sharedLock("x").acquire());
    assertThat(did(VertxTransactionLocks.on(bob).sharedLock("x").tryAcquire())).isTrue();
    assertThat(did(lock(bob).tryAcquire())).isFalse();
    did(annsTransaction.commit());
    assertThat(did(lock(bob).tryAcquire(BRIEFLY))).isTrue();
  }

  @Test
  void whoWaitsHasItWhenTheOtherCommits() {
    did(lock(ann).acquire());
    Future<Boolean> waiting = lock(bob).tryAcquire(PROMPTLY);
    Future<Void> committing = annsTransaction.commit();
    assertThat(did(waiting)).isTrue();
    did(committing);
  }

  /** Another library's returned true there, and held nothing. */
  @Test
  void withoutATransactionItIsRefused() {
    did(annsTransaction.commit());
    for (Future<?> refused :
        List.of(lock(ann).acquire(), lock(ann).tryAcquire(), lock(ann).tryAcquire(BRIEFLY))) {
      assertThat(told(refused))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("no transaction is open")
          .hasMessageContaining("lock on x");
    }
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aTransactionOfAPoolHoldsItToItsEnd() {
    did(bobsTransaction.rollback());
    Pool pool =
        PgBuilder.pool()
            .with(new PoolOptions().setMaxSize(1))
            .connectingTo(sessions.options())
            .using(sessions.vertx)
            .build();
    boolean wasFree =
        did(
            pool.withTransaction(
                connection ->
                    lock(connection)
                        .acquire()
                        .compose(
                            had -> sessions.vertx.executeBlocking(() -> sessions.isFree("x")))));
    assertThat(wasFree).isFalse();
    assertThat(sessions.isFree("x")).isTrue();
    did(pool.close());
  }

  @Test
  void aWaitThatEndsWithoutTheLockLeavesTheTransactionAsItWas() throws Exception {
    did(lock(bob).acquire());
    run(ann, "SET LOCAL lock_timeout = '1234ms'");
    run(ann, "INSERT INTO written VALUES (1)");
    Duration took = timed(() -> assertThat(did(lock(ann).tryAcquire(BRIEFLY))).isFalse());
    assertThat(took).isGreaterThanOrEqualTo(BRIEFLY);
    assertThat(text(ann, "SHOW lock_timeout")).isEqualTo("1234ms");
    did(bobsTransaction.commit());
    assertThat(did(lock(ann).tryAcquire(BRIEFLY))).isTrue();
    assertThat(text(ann, "SHOW lock_timeout")).isEqualTo("1234ms");
    did(annsTransaction.commit());
    assertThat(text(ann, "SHOW lock_timeout")).isEqualTo("0");
    assertThat(sessions.server.execute(sessions.database, "SELECT id FROM written"))
        .containsExactly("1");
  }

  @Test
  void aTransactionThatHasFailedSaysSo() {
    told(statement(ann, "SELECT 1 / 0"));
    assertThat(told(lock(ann).acquire()))
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("TRANSACTION_FAILED: ");
  }

  @Test
  void aWaitThatIsCancelledFailsTheTransactionAndHoldsNothing() {
    did(lock(bob).acquire());
    Future<Void> waiting = lock(ann).acquire();
    sessions.untilWaiting(ann.processId());
    did(ann.cancelRequest());
    assertThat(told(waiting)).isInstanceOf(LockException.class).hasMessageStartingWith("57014");
    did(bobsTransaction.commit());
    did(annsTransaction.rollback());
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** It depends on whether Vert.x has heard of it yet, and with it of the transaction's end. */
  @Test
  void aBrokenConnectionIsALockExceptionOrHasNoTransaction() {
    sessions.server.execute(
        sessions.database, "SELECT pg_terminate_backend(" + ann.processId() + ")");
    assertThat(told(lock(ann).acquire()))
        .isInstanceOfAny(LockException.class, IllegalStateException.class);
  }

  @Test
  void negativePatienceFailsAtTheDoor() {
    assertThatThrownBy(() -> lock(ann).tryAcquire(Duration.ofMillis(-1)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("WAIT_NEGATIVE");
    assertThat(did(lock(ann).tryAcquire(Duration.ofSeconds(Long.MAX_VALUE)))).isTrue();
  }

  @Test
  void locksOfVertxOfJdbcAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(sessions.server.url(sessions.database));
        java.sql.Connection jdbc = sessions.server.connect(sessions.database)) {
      jdbc.setAutoCommit(false);
      Hold hold = client.lock("x").acquire();
      assertThat(did(lock(ann).tryAcquire())).isFalse();
      hold.close();
      assertThat(did(lock(ann).tryAcquire())).isTrue();
      assertThat(TransactionLocks.on(jdbc).lock("x").tryAcquire()).isFalse();
      CompletableFuture<Hold> waiting = client.lock("x").acquireAsync();
      did(annsTransaction.commit());
      promptly(waiting).close();
    }
  }

  /** Which lends a session for one transaction at a time. */
  @Test
  void aTransactionOfAPoolersHoldsItToItsEnd(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    try (Pgbouncer pooler = new Pgbouncer(folder, sessions.server, sessions.database)) {
      PgConnection cid = sessions.connect(sessions.options().setPort(pooler.port()));
      PgConnection dan = sessions.connect(sessions.options().setPort(pooler.port()));
      for (int i = 0; i < 2; i++) {
        Transaction cids = did(cid.begin());
        did(lock(cid).acquire());
        Transaction dans = did(dan.begin());
        assertThat(did(lock(dan).tryAcquire())).isFalse();
        assertThat(did(lock(dan).tryAcquire(BRIEFLY))).isFalse();
        Future<Boolean> waiting = lock(dan).tryAcquire(PROMPTLY);
        did(cids.commit());
        assertThat(did(waiting)).isTrue();
        assertThat(sessions.isFree("x")).isFalse();
        did(dans.rollback());
        assertThat(sessions.isFree("x")).isTrue();
      }
      did(cid.close());
      did(dan.close());
    }
  }

  @Test
  void otherKeysAreOtherLocks() {
    did(lock(ann).acquire());
    VertxTransactionLocks old = VertxTransactionLocks.on(bob).keys(PostgresKeys.pythonUpTo015());
    assertThat(did(old.lock("x").tryAcquire())).isTrue();
  }

  private static VertxTransactionLocks.TransactionLock lock(SqlConnection connection) {
    return VertxTransactionLocks.on(connection).lock("x");
  }
}
