package io.holdfast.postgres.vertx;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.until;
import static io.holdfast.postgres.vertx.Sessions.did;
import static io.holdfast.postgres.vertx.Sessions.run;
import static io.holdfast.postgres.vertx.Sessions.statement;
import static io.holdfast.postgres.vertx.Sessions.text;
import static io.holdfast.postgres.vertx.Sessions.told;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.postgres.Pgbouncer;
import io.holdfast.postgres.vertx.VertxConnectionLocks.ConnectionHold;
import io.vertx.core.Future;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.DatabaseException;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Transaction;
import java.io.IOException;
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

/** Locks of the session of a caller's Vert.x connection. */
class VertxConnectionLocksTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private static Sessions sessions;

  private PgConnection ann;
  private PgConnection bob;

  @BeforeAll
  static void start() {
    sessions = new Sessions();
    sessions.server.execute(sessions.database, "CREATE TABLE kept (id int)");
  }

  @AfterAll
  static void stop() {
    sessions.close();
  }

  @BeforeEach
  void connect() {
    ann = sessions.connect();
    bob = sessions.connect();
  }

  @AfterEach
  void close() {
    did(ann.close());
    did(bob.close());
  }

  @Test
  void aLockIsHeldUntilItIsClosedWhateverTransactionsDo() {
    Transaction transaction = did(ann.begin());
    ConnectionHold hold = did(lock(ann).acquire());
    did(transaction.commit());
    did(did(ann.begin()).rollback());
    assertThat(did(lock(bob).tryAcquire())).isEmpty();
    assertThat(did(lock(bob).tryAcquire(BRIEFLY))).isEmpty();
    did(hold.close());
    did(hold.close());
    did(did(lock(bob).tryAcquire()).orElseThrow().close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() {
    ConnectionHold one = did(VertxConnectionLocks.on(ann).sharedLock("x").acquire());
    ConnectionHold two =
        did(VertxConnectionLocks.on(bob).sharedLock("x").tryAcquire(BRIEFLY)).orElseThrow();
    assertThat(did(lock(bob).tryAcquire(BRIEFLY))).isEmpty();
    did(one.close());
    did(did(lock(bob).tryAcquire(BRIEFLY)).orElseThrow().close());
    did(two.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void locksOfVertxAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(sessions.server.url(sessions.database))) {
      Hold theirs = client.lock("x").acquire();
      assertThat(did(lock(ann).tryAcquire())).isEmpty();
      Future<ConnectionHold> waiting = lock(ann).acquire();
      theirs.close();
      ConnectionHold ours = did(waiting);
      assertThat(client.lock("x").tryAcquire()).isEmpty();
      CompletableFuture<Hold> again = client.lock("x").acquireAsync();
      did(ours.close());
      promptly(again).close();
    }
  }

  /** In another library a try that failed counted as held. */
  @Test
  void aFailedTryDoesNotCorruptTheCount() {
    ConnectionHold hold = did(lock(bob).acquire());
    for (int i = 0; i < 3; i++) {
      assertThat(did(lock(ann).tryAcquire())).isEmpty();
      assertThat(did(lock(ann).tryAcquire(BRIEFLY))).isEmpty();
    }
    did(hold.close());
    ConnectionHold once = did(lock(ann).tryAcquire()).orElseThrow();
    ConnectionHold twice = did(lock(ann).tryAcquire(BRIEFLY)).orElseThrow();
    did(once.close());
    assertThat(did(lock(bob).tryAcquire())).isEmpty();
    did(twice.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aBodyRunsWhileTheLockIsHeld() {
    boolean wasFree =
        did(
            lock(ann)
                .call(
                    () ->
                        statement(ann, "INSERT INTO kept VALUES (1)")
                            .compose(
                                rows ->
                                    sessions.vertx.executeBlocking(() -> sessions.isFree("x")))));
    assertThat(wasFree).isFalse();
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(sessions.server.execute(sessions.database, "SELECT id FROM kept"))
        .containsExactly("1");
    assertThat(did(lock(ann).<Void>call(Future::succeededFuture))).isNull();
  }

  @Test
  void whatTheBodyFailsWithIsToldAndTheLockIsGivenBack() {
    did(ann.begin());
    IOException thrown = new IOException("of the body's");
    assertThat(told(lock(ann).call(() -> Future.failedFuture(thrown))))
        .isSameAs(thrown)
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(ann.transaction()).as("rolled back").isNull();
    IllegalStateException early = new IllegalStateException("of the supplier's");
    assertThat(
            told(
                lock(ann)
                    .call(
                        () -> {
                          throw early;
                        })))
        .isSameAs(early)
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void anErrorOfTheBodysIsToldAndTheLockIsGivenBack() {
    AssertionError thrown = new AssertionError("of the body's");
    assertThat(
            told(
                lock(ann)
                    .call(
                        () -> {
                          throw thrown;
                        })))
        .isSameAs(thrown);
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(told(lock(ann).call(() -> null))).isInstanceOf(NullPointerException.class);
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** In another library the failure to unlock hid what had failed, and the lock stayed held. */
  @Test
  void aStatementThatFailsIsToldAndTheLockIsGivenBack() {
    did(ann.begin());
    assertThat(told(lock(ann).call(() -> statement(ann, "SELECT 1 / 0"))))
        .isInstanceOf(DatabaseException.class)
        .hasMessageContaining("division by zero")
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(text(ann, "SELECT 'goes on'")).isEqualTo("goes on");
  }

  @Test
  void aTransactionThatHasFailedIsRolledBackSoThatTheLockIsGivenBack() {
    did(ann.begin());
    ConnectionHold hold = did(lock(ann).acquire());
    told(statement(ann, "SELECT 1 / 0"));
    assertThat(told(hold.close())).hasMessageContaining("rolled back");
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();

    run(ann, "BEGIN"); // of which Vert.x does not know
    ConnectionHold again = did(lock(ann).acquire());
    told(statement(ann, "SELECT 1 / 0"));
    assertThat(told(again.close())).hasMessageContaining("rolled back");
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** Else he would hear of something else only, and commit half of what he meant to. */
  @Test
  void aRollbackIsToldWhateverComesOfTheUnlockAfterIt() {
    run(ann, sessions.server.refusingUnlocks(sessions.database));
    did(ann.begin());
    ConnectionHold hold = did(lock(ann).acquire());
    told(statement(ann, "SELECT 1 / 0"));
    assertThat(told(hold.close()))
        .isInstanceOf(LockException.class)
        .hasMessageContaining("not now")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
    run(ann, "RESET search_path");
    assertThat(told(hold.close()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back");
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();

    did(ann.begin());
    ConnectionHold gone = did(lock(ann).acquire());
    run(ann, "SELECT pg_advisory_unlock_all()::text");
    told(statement(ann, "SELECT 1 / 0"));
    assertThat(told(gone.close()))
        .hasMessageContaining("did not hold")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
  }

  /** He would go on in a new transaction, and commit half of what he meant to. */
  @Test
  void acquiringNeverRollsBackWhatItsCallerHasWritten() {
    ConnectionHold hold = did(lock(bob).acquire());
    Transaction transaction = did(ann.begin());
    run(ann, "INSERT INTO kept VALUES (11)");
    run(ann, "SET LOCAL lock_timeout = '30ms'");
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
    assertThat(told(statement(ann, "INSERT INTO kept VALUES (12)")))
        .hasMessageContaining("aborted");
    did(transaction.rollback());
    did(hold.close());
    assertThat(sessions.server.execute(sessions.database, "SELECT id FROM kept WHERE id > 10"))
        .isEmpty();
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aFailureToGiveBackIsSuppressedInWhatTheBodyFailedWith() {
    IOException thrown = new IOException("of the body's");
    assertThat(
            told(
                lock(ann)
                    .call(
                        () ->
                            statement(ann, "SELECT pg_advisory_unlock_all()::text")
                                .compose(rows -> Future.failedFuture(thrown)))))
        .isSameAs(thrown);
    assertThat(thrown.getSuppressed())
        .singleElement()
        .isInstanceOf(IllegalStateException.class)
        .extracting(Throwable::getMessage)
        .asString()
        .contains("did not hold x");
  }

  @Test
  void withoutRollbackTheUserHasToRollBackBeforeTheLockCanBeGivenBack() {
    Transaction transaction = did(ann.begin());
    ConnectionHold hold =
        did(VertxConnectionLocks.on(ann).rollbackOnError(false).lock("x").acquire());
    told(statement(ann, "SELECT 1 / 0"));
    assertThat(told(hold.close())).isInstanceOf(LockException.class);
    assertThat(sessions.isFree("x")).isFalse();
    did(transaction.rollback());
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aTimeOutOfTheSessionsOwnLeavesNothingHeld() {
    ConnectionHold hold = did(lock(bob).acquire());
    run(ann, "SET statement_timeout = '30ms'");
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
    assertThat(told(lock(ann).tryAcquire(Duration.ofSeconds(5)))).isInstanceOf(LockException.class);
    did(ann.begin());
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aWaitThatIsCancelledHoldsNothing() {
    ConnectionHold hold = did(lock(bob).acquire());
    Future<ConnectionHold> waiting = lock(ann).acquire();
    sessions.untilWaiting(ann.processId());
    did(ann.cancelRequest());
    assertThat(told(waiting)).isInstanceOf(LockException.class).hasMessageStartingWith("57014");
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();
    did(did(lock(ann).acquire()).close());
  }

  @Test
  void closingWhatSomebodyHasGivenBackSaysSo() {
    ConnectionHold hold = did(lock(ann).acquire());
    run(ann, "SELECT pg_advisory_unlock_all()::text");
    assertThat(told(hold.close()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("x");
    did(hold.close());
  }

  @Test
  void onABrokenConnectionTheBodysFailureIsTold() {
    IOException thrown = new IOException("of the body's");
    CompletableFuture<Void> broken = new CompletableFuture<>();
    ann.closeHandler(gone -> broken.complete(null));
    Future<Object> called =
        lock(ann)
            .call(
                () -> {
                  Future<Void> gone = Future.fromCompletionStage(broken);
                  return sessions
                      .vertx
                      .executeBlocking(
                          () ->
                              sessions.server.execute(
                                  sessions.database,
                                  "SELECT pg_terminate_backend(" + ann.processId() + ")"))
                      .compose(done -> gone)
                      .compose(done -> Future.failedFuture(thrown));
                });
    assertThat(told(called)).isSameAs(thrown);
    assertThat(thrown.getSuppressed()).singleElement().isInstanceOf(LockException.class);
    until("its end freed it", () -> sessions.isFree("x"));
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
  }

  /** It would hand the session with its locks to somebody else. */
  @Test
  void aPoolerIsRefused(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    try (Pgbouncer pooler = new Pgbouncer(folder, sessions.server, sessions.database)) {
      PgConnection eve = did(PgConnection.connect(sessions.vertx, pooler.url(sessions.database)));
      for (Future<?> asked :
          List.of(lock(eve).acquire(), lock(eve).tryAcquire(), lock(eve).tryAcquire(BRIEFLY))) {
        assertThat(told(asked))
            .isInstanceOf(LockRefusedException.class)
            .hasMessageStartingWith("POOLER: a connection pooler is in between");
      }
      did(eve.close());
    }
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void vertxsOwnPoolIsNoPooler() {
    Pool pool = PgBuilder.pool().connectingTo(sessions.options()).using(sessions.vertx).build();
    int answer = did(pool.withConnection(each -> lock(each).call(() -> Future.succeededFuture(1))));
    assertThat(answer).isEqualTo(1);
    did(pool.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  private static VertxConnectionLocks.ConnectionLock lock(SqlConnection connection) {
    return VertxConnectionLocks.on(connection).lock("x");
  }
}
