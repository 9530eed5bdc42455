package io.holdfast.postgres.r2dbc;

import static io.holdfast.postgres.r2dbc.R2dbcCaller.all;
import static io.holdfast.postgres.r2dbc.R2dbcCaller.one;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.postgres.PostgresKeys;
import io.holdfast.postgres.TransactionLockFacts;
import io.holdfast.postgres.r2dbc.R2dbcTransactionLocks.TransactionLock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Locks that end with a transaction, on R2DBC's connections. */
class R2dbcTransactionLocksTest extends TransactionLockFacts<R2dbcCaller> {
  @Override
  protected R2dbcCaller connect(int port) throws Exception {
    return new R2dbcCaller(port, database);
  }

  @Override
  protected Lock lock(R2dbcCaller caller) {
    return waiting(x(caller));
  }

  @Override
  protected Lock sharedLock(R2dbcCaller caller) {
    return waiting(R2dbcTransactionLocks.on(caller.connection).sharedLock("x"));
  }

  @Override
  protected Lock lockByOldKeys(R2dbcCaller caller) {
    PostgresKeys old = PostgresKeys.pythonUpTo015();
    return waiting(R2dbcTransactionLocks.on(caller.connection).keys(old).lock("x"));
  }

  private static TransactionLock x(R2dbcCaller caller) {
    return R2dbcTransactionLocks.on(caller.connection).lock("x");
  }

  private static Lock waiting(TransactionLock lock) {
    return new Lock() {
      @Override
      public void acquire() throws Exception {
        all(lock.acquire());
      }

      @Override
      public boolean tryAcquire() throws Exception {
        return one(lock.tryAcquire()).orElseThrow();
      }

      @Override
      public boolean tryAcquire(Duration maxWait) throws Exception {
        return one(lock.tryAcquire(maxWait)).orElseThrow();
      }
    };
  }

  @Test
  void aConnectionThatCommitsNothingByItselfIsInATransaction() throws Exception {
    ann.commit();
    all(ann.connection.setAutoCommit(false));
    assertThat(lock(ann).tryAcquire()).isTrue();
  }

  @Test
  void nothingHappensBeforeSomebodySubscribes() throws Exception {
    Publisher<Void> acquire = x(ann).acquire();
    assertThat(isFree()).isTrue();
    all(acquire);
    assertThat(isFree()).isFalse();
  }

  /** Cancelling is deaf, not undone: what the transaction got meanwhile it keeps to its end. */
  @Test
  void whatACancelledSubscriberWasGrantedEndsWithTheTransaction() throws Exception {
    lock(bob).acquire();
    String pid = pid(ann);
    CompletableFuture<Void> waiting = Mono.from(x(ann).acquire()).toFuture();
    untilWaiting(pid);
    waiting.cancel(false);
    bob.commit();
    ann.rollback();
    assertThat(isFree()).isTrue();
  }
}
