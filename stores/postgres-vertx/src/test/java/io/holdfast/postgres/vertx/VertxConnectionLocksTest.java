package io.holdfast.postgres.vertx;

import static io.holdfast.postgres.Patience.until;
import static io.holdfast.postgres.vertx.VertxCaller.answer;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.postgres.ConnectionLockFacts;
import io.holdfast.postgres.Pgbouncer;
import io.holdfast.postgres.PostgresKeys;
import io.holdfast.postgres.vertx.VertxConnectionLocks.ConnectionHold;
import io.holdfast.postgres.vertx.VertxConnectionLocks.ConnectionLock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.sqlclient.Pool;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Locks of the session of a caller's Vert.x connection. */
class VertxConnectionLocksTest extends ConnectionLockFacts<VertxCaller> {
  private final Vertx vertx = Vertx.vertx();

  @AfterAll
  void stop() throws Exception {
    answer(vertx.close());
  }

  @Override
  protected VertxCaller connect(int port) throws Exception {
    return new VertxCaller(vertx, VertxCaller.options(port, database));
  }

  @Override
  protected Lock lock(VertxCaller caller) {
    return waiting(caller, x(caller));
  }

  @Override
  protected Lock sharedLock(VertxCaller caller) {
    return waiting(caller, VertxConnectionLocks.on(caller.connection).sharedLock("x"));
  }

  @Override
  protected Lock lockWithoutRollback(VertxCaller caller) {
    return waiting(
        caller, VertxConnectionLocks.on(caller.connection).rollbackOnError(false).lock("x"));
  }

  @Override
  protected Lock lockByOldKeys(VertxCaller caller) {
    PostgresKeys old = PostgresKeys.pythonUpTo015();
    return waiting(caller, VertxConnectionLocks.on(caller.connection).keys(old).lock("x"));
  }

  private static ConnectionLock x(VertxCaller caller) {
    return VertxConnectionLocks.on(caller.connection).lock("x");
  }

  private static Lock waiting(VertxCaller caller, ConnectionLock lock) {
    return new Lock() {
      @Override
      public AutoCloseable acquire() throws Exception {
        return closeable(answer(lock.acquire()));
      }

      @Override
      public Optional<AutoCloseable> tryAcquire() throws Exception {
        return answer(lock.tryAcquire()).map(VertxConnectionLocksTest::closeable);
      }

      @Override
      public Optional<AutoCloseable> tryAcquire(Duration maxWait) throws Exception {
        return answer(lock.tryAcquire(maxWait)).map(VertxConnectionLocksTest::closeable);
      }

      @Override
      public void call(String sql, Exception failure) throws Exception {
        answer(
            lock.call(() -> caller.statement(sql).compose(rows -> Future.failedFuture(failure))));
      }

      @Override
      public void call(RuntimeException thrown) throws Exception {
        answer(
            lock.call(
                () -> {
                  throw thrown;
                }));
      }

      @Override
      public void call(Error thrown) throws Exception {
        answer(
            lock.call(
                () -> {
                  throw thrown;
                }));
      }
    };
  }

  private static AutoCloseable closeable(ConnectionHold hold) {
    return () -> answer(hold.close());
  }

  @Test
  void aBodyRunsWhileTheLockIsHeld() throws Exception {
    server.execute(database, "CREATE TABLE kept (id int)");
    boolean wasFree =
        answer(
            x(ann)
                .call(
                    () ->
                        ann.statement("INSERT INTO kept VALUES (1)")
                            .compose(rows -> vertx.executeBlocking(this::isFree))));
    assertThat(wasFree).isFalse();
    assertThat(isFree()).isTrue();
    assertThat(server.execute(database, "SELECT id FROM kept")).containsExactly("1");
    assertThat(answer(x(ann).<Void>call(Future::succeededFuture))).isNull();
  }

  @Test
  void aSupplierOfNoBodyIsAMistakeAndTheLockIsGivenBack() {
    assertThat(told(() -> answer(x(ann).call(() -> null))))
        .isInstanceOf(NullPointerException.class);
    assertThat(isFree()).isTrue();
  }

  @Test
  void aTransactionOfWhichVertxDoesNotKnowIsRolledBackToo() throws Exception {
    ann.ask("BEGIN");
    AutoCloseable hold = lock(ann).acquire();
    assertThat(told(() -> ann.ask("SELECT 1 / 0"))).hasMessageContaining("division by zero");
    assertThat(told(hold::close)).hasMessageContaining("rolled back");
    assertThat(isFree()).isTrue();
  }

  @Test
  void aWaitThatIsCancelledHoldsNothing() throws Exception {
    AutoCloseable hold = lock(bob).acquire();
    Future<ConnectionHold> waiting = x(ann).acquire();
    untilWaiting("" + ann.connection.processId());
    answer(ann.connection.cancelRequest());
    assertThat(told(() -> answer(waiting)))
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("57014");
    hold.close();
    assertThat(isFree()).isTrue();
    lock(ann).acquire().close();
  }

  @Test
  void onABrokenConnectionTheBodysFailureIsTold() {
    IOException thrown = new IOException("of the body's");
    CompletableFuture<Void> broken = new CompletableFuture<>();
    ann.connection.closeHandler(gone -> broken.complete(null));
    String end = "SELECT pg_terminate_backend(" + ann.connection.processId() + ")";
    Future<Object> called =
        x(ann)
            .call(
                () -> {
                  Future<Void> gone = Future.fromCompletionStage(broken);
                  return vertx
                      .executeBlocking(() -> server.execute(database, end))
                      .compose(done -> gone)
                      .compose(done -> Future.failedFuture(thrown));
                });
    assertThat(told(() -> answer(called))).isSameAs(thrown);
    assertThat(thrown.getSuppressed()).singleElement().isInstanceOf(LockException.class);
    until("its end freed it", this::isFree);
    assertThat(told(() -> lock(ann).acquire())).isInstanceOf(LockException.class);
  }

  /** It would hand the session with its locks to somebody else. */
  @Test
  void aPoolerIsRefused(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    try (Pgbouncer pooler = new Pgbouncer(folder, server, database);
        VertxCaller eve = connect(pooler.port())) {
      for (Future<?> asked :
          List.of(x(eve).acquire(), x(eve).tryAcquire(), x(eve).tryAcquire(BRIEFLY))) {
        assertThat(told(() -> answer(asked)))
            .isInstanceOf(LockRefusedException.class)
            .hasMessageStartingWith("POOLER: a connection pooler is in between");
      }
    }
    assertThat(isFree()).isTrue();
  }

  @Test
  void vertxsOwnPoolIsNoPooler() throws Exception {
    Pool pool =
        PgBuilder.pool()
            .connectingTo(VertxCaller.options(server.port(), database))
            .using(vertx)
            .build();
    int answer =
        answer(
            pool.withConnection(
                each ->
                    VertxConnectionLocks.on(each).lock("x").call(() -> Future.succeededFuture(1))));
    assertThat(answer).isEqualTo(1);
    answer(pool.close());
    assertThat(isFree()).isTrue();
  }
}
