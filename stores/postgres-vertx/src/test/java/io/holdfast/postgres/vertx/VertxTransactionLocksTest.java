package io.holdfast.postgres.vertx;

import static io.holdfast.postgres.vertx.VertxCaller.answer;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.LockException;
import io.holdfast.postgres.PostgresKeys;
import io.holdfast.postgres.TransactionLockFacts;
import io.holdfast.postgres.vertx.VertxTransactionLocks.TransactionLock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Locks that end with a transaction, on Vert.x's connections. */
class VertxTransactionLocksTest extends TransactionLockFacts<VertxCaller> {
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
    return waiting(x(caller));
  }

  @Override
  protected Lock sharedLock(VertxCaller caller) {
    return waiting(VertxTransactionLocks.on(caller.connection).sharedLock("x"));
  }

  @Override
  protected Lock lockByOldKeys(VertxCaller caller) {
    PostgresKeys old = PostgresKeys.pythonUpTo015();
    return waiting(VertxTransactionLocks.on(caller.connection).keys(old).lock("x"));
  }

  private static TransactionLock x(VertxCaller caller) {
    return VertxTransactionLocks.on(caller.connection).lock("x");
  }

  private static Lock waiting(TransactionLock lock) {
    return new Lock() {
      @Override
      public void acquire() throws Exception {
        answer(lock.acquire());
      }

      @Override
      public boolean tryAcquire() throws Exception {
        return answer(lock.tryAcquire());
      }

      @Override
      public boolean tryAcquire(Duration maxWait) throws Exception {
        return answer(lock.tryAcquire(maxWait));
      }
    };
  }

  @Test
  void aTransactionOfAPoolHoldsItToItsEnd() throws Exception {
    Pool pool =
        PgBuilder.pool()
            .with(new PoolOptions().setMaxSize(1))
            .connectingTo(VertxCaller.options(server.port(), database))
            .using(vertx)
            .build();
    boolean wasFree =
        answer(
            pool.withTransaction(
                connection ->
                    VertxTransactionLocks.on(connection)
                        .lock("x")
                        .acquire()
                        .compose(had -> vertx.executeBlocking(this::isFree))));
    assertThat(wasFree).isFalse();
    assertThat(isFree()).isTrue();
    answer(pool.close());
  }

  @Test
  void aWaitThatIsCancelledFailsTheTransactionAndHoldsNothing() throws Exception {
    lock(bob).acquire();
    Future<Void> waiting = x(ann).acquire();
    untilWaiting("" + ann.connection.processId());
    answer(ann.connection.cancelRequest());
    assertThat(told(() -> answer(waiting)))
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("57014");
    bob.commit();
    ann.rollback();
    assertThat(isFree()).isTrue();
  }
}
