package io.holdfast.postgres.r2dbc;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static io.holdfast.postgres.r2dbc.Sessions.did;
import static io.holdfast.postgres.r2dbc.Sessions.had;
import static io.holdfast.postgres.r2dbc.Sessions.run;
import static io.holdfast.postgres.r2dbc.Sessions.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.postgres.Pgbouncer;
import io.holdfast.postgres.PostgresKeys;
import io.holdfast.postgres.TransactionLocks;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Locks that end with a transaction, on R2DBC's connections. */
class R2dbcTransactionLocksTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private static Sessions sessions;

  private Connection ann;
  private Connection bob;

  @BeforeAll
  static void start() {
    sessions = new Sessions();
    sessions.server.execute(sessions.database, "CREATE TABLE written (id int)");
  }

  @BeforeEach
  void connect() {
    ann = sessions.connect();
    bob = sessions.connect();
    did(ann.beginTransaction());
    did(bob.beginTransaction());
  }

  @AfterEach
  void close() {
    did(ann.close());
    did(bob.close());
  }

  @Test
  void aLockIsHeldUntilCommit() {
    did(lock(ann).acquire());
    assertThat(had(lock(bob).tryAcquire())).isFalse();
    did(ann.commitTransaction());
    assertThat(had(lock(bob).tryAcquire())).isTrue();
  }

  @Test
  void aLockIsHeldUntilRollback() {
    assertThat(had(lock(ann).tryAcquire(BRIEFLY))).isTrue();
    assertThat(had(lock(bob).tryAcquire(BRIEFLY))).isFalse();
    did(ann.rollbackTransaction());
    assertThat(had(lock(bob).tryAcquire(BRIEFLY))).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() {
    did(R2dbcTransactionLocks.on(ann).sharedLock("x").acquire());
    assertThat(had(R2dbcTransactionLocks.on(bob).sharedLock("x").tryAcquire())).isTrue();
    assertThat(had(lock(bob).tryAcquire())).isFalse();
    did(ann.commitTransaction());
    assertThat(had(lock(bob).tryAcquire(BRIEFLY))).isTrue();
  }

  @Test
  void whoWaitsHasItWhenTheOtherCommits() throws Exception {
    did(lock(ann).acquire());
    CompletableFuture<Boolean> waiting = Mono.from(lock(bob).tryAcquire(PROMPTLY)).toFuture();
    CompletableFuture<Void> committing = Mono.from(ann.commitTransaction()).toFuture();
    assertThat(promptly(waiting)).isTrue();
    promptly(committing);
  }

  /** Another library's returned true there, and held nothing. */
  @Test
  void withoutATransactionItIsRefused() {
    did(ann.commitTransaction());
    for (Publisher<?> refused :
        new Publisher<?>[] {
          lock(ann).acquire(), lock(ann).tryAcquire(), lock(ann).tryAcquire(BRIEFLY)
        }) {
      assertThatThrownBy(() -> did(refused))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("no transaction is open")
          .hasMessageContaining("lock on x");
    }
    did(ann.setAutoCommit(false));
    assertThat(had(lock(ann).tryAcquire())).isTrue();
  }

  @Test
  void nothingHappensBeforeSomebodySubscribes() {
    Publisher<Void> acquire = lock(ann).acquire();
    assertThat(had(lock(bob).tryAcquire())).isTrue();
    did(bob.rollbackTransaction());
    did(acquire);
    assertThat(sessions.isFree("x")).isFalse();
  }

  @Test
  void aWaitThatEndsWithoutTheLockLeavesTheTransactionAsItWas() throws Exception {
    did(lock(bob).acquire());
    run(ann, "SET LOCAL lock_timeout = '1234ms'");
    run(ann, "INSERT INTO written VALUES (1)");
    Duration took = timed(() -> assertThat(had(lock(ann).tryAcquire(BRIEFLY))).isFalse());
    assertThat(took).isGreaterThanOrEqualTo(BRIEFLY);
    assertThat(text(ann, "SHOW lock_timeout")).isEqualTo("1234ms");
    did(bob.commitTransaction());
    assertThat(had(lock(ann).tryAcquire(BRIEFLY))).isTrue();
    assertThat(text(ann, "SHOW lock_timeout")).isEqualTo("1234ms");
    did(ann.commitTransaction());
    assertThat(text(ann, "SHOW lock_timeout")).isEqualTo("0");
    assertThat(sessions.server.execute(sessions.database, "SELECT id FROM written"))
        .containsExactly("1");
  }

  @Test
  void aTransactionThatHasFailedSaysSo() {
    assertThatThrownBy(() -> run(ann, "SELECT 1 / 0")).isInstanceOf(R2dbcException.class);
    assertThatThrownBy(() -> did(lock(ann).acquire()))
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("TRANSACTION_FAILED: ");
  }

  @Test
  void aWaitThatIsCancelledAtTheServerFailsTheTransactionAndHoldsNothing() throws Exception {
    did(lock(bob).acquire());
    String pid = text(ann, "SELECT pg_backend_pid()::text");
    CompletableFuture<Void> waiting = Mono.from(lock(ann).acquire()).toFuture();
    sessions.untilWaiting(pid);
    sessions.server.execute(sessions.database, "SELECT pg_cancel_backend(" + pid + ")");
    assertThatThrownBy(() -> promptly(waiting)).hasCauseInstanceOf(LockException.class);
    did(bob.commitTransaction());
    did(ann.rollbackTransaction());
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** Cancelling is deaf, not undone: what the transaction got meanwhile it keeps to its end. */
  @Test
  void whatACancelledSubscriberWasGrantedEndsWithTheTransaction() throws Exception {
    did(lock(bob).acquire());
    String pid = text(ann, "SELECT pg_backend_pid()::text");
    CompletableFuture<Void> waiting = Mono.from(lock(ann).acquire()).toFuture();
    sessions.untilWaiting(pid);
    waiting.cancel(false);
    did(bob.commitTransaction());
    did(ann.rollbackTransaction());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aBrokenConnectionIsALockException() {
    String pid = text(ann, "SELECT pg_backend_pid()::text");
    sessions.server.execute(sessions.database, "SELECT pg_terminate_backend(" + pid + ")");
    assertThatThrownBy(() -> did(lock(ann).acquire())).isInstanceOf(LockException.class);
  }

  @Test
  void negativePatienceFailsAtTheDoor() {
    assertThatThrownBy(() -> lock(ann).tryAcquire(Duration.ofMillis(-1)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("WAIT_NEGATIVE");
    assertThat(had(lock(ann).tryAcquire(Duration.ofSeconds(Long.MAX_VALUE)))).isTrue();
  }

  @Test
  void locksOfR2dbcOfJdbcAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(sessions.server.url(sessions.database));
        java.sql.Connection jdbc = sessions.server.connect(sessions.database)) {
      jdbc.setAutoCommit(false);
      Hold hold = client.lock("x").acquire();
      assertThat(had(lock(ann).tryAcquire())).isFalse();
      hold.close();
      assertThat(had(lock(ann).tryAcquire())).isTrue();
      assertThat(TransactionLocks.on(jdbc).lock("x").tryAcquire()).isFalse();
      CompletableFuture<Hold> waiting = client.lock("x").acquireAsync();
      did(ann.commitTransaction());
      promptly(waiting).close();
    }
  }

  /** Which lends a session for one transaction at a time. */
  @Test
  void aTransactionOfAPoolersHoldsItToItsEnd(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    try (Pgbouncer pooler = new Pgbouncer(folder, sessions.server, sessions.database)) {
      Connection cid = sessions.connect(pooler.port());
      Connection dan = sessions.connect(pooler.port());
      for (int i = 0; i < 2; i++) {
        did(cid.beginTransaction());
        did(lock(cid).acquire());
        did(dan.beginTransaction());
        assertThat(had(lock(dan).tryAcquire())).isFalse();
        assertThat(had(lock(dan).tryAcquire(BRIEFLY))).isFalse();
        CompletableFuture<Boolean> waiting = Mono.from(lock(dan).tryAcquire(PROMPTLY)).toFuture();
        did(cid.commitTransaction());
        assertThat(promptly(waiting)).isTrue();
        assertThat(sessions.isFree("x")).isFalse();
        did(dan.rollbackTransaction());
        assertThat(sessions.isFree("x")).isTrue();
      }
      did(cid.close());
      did(dan.close());
    }
  }

  @Test
  void otherKeysAreOtherLocks() {
    did(lock(ann).acquire());
    R2dbcTransactionLocks old = R2dbcTransactionLocks.on(bob).keys(PostgresKeys.pythonUpTo015());
    assertThat(had(old.lock("x").tryAcquire())).isTrue();
  }

  private static R2dbcTransactionLocks.TransactionLock lock(Connection connection) {
    return R2dbcTransactionLocks.on(connection).lock("x");
  }
}
