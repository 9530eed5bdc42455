package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.postgres.TransactionLocks.TransactionLock;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Locks that end with a transaction, on connections of JDBC's. */
class TransactionLocksTest extends TransactionLockFacts<JdbcCaller> {
  @Override
  protected JdbcCaller connect(int port) throws SQLException {
    return new JdbcCaller(port, database);
  }

  @Override
  protected Lock lock(JdbcCaller caller) {
    return waiting(TransactionLocks.on(caller.connection).lock("x"));
  }

  @Override
  protected Lock sharedLock(JdbcCaller caller) {
    return waiting(TransactionLocks.on(caller.connection).sharedLock("x"));
  }

  @Override
  protected Lock lockByOldKeys(JdbcCaller caller) {
    PostgresKeys old = PostgresKeys.pythonUpTo015();
    return waiting(TransactionLocks.on(caller.connection).keys(old).lock("x"));
  }

  private static Lock waiting(TransactionLock lock) {
    return new Lock() {
      @Override
      public void acquire() {
        lock.acquire();
      }

      @Override
      public boolean tryAcquire() {
        return lock.tryAcquire();
      }

      @Override
      public boolean tryAcquire(Duration maxWait) {
        return lock.tryAcquire(maxWait);
      }
    };
  }

  /** The time may run out in the moment after the grant. */
  @Test
  void aWaitThatFailsWhenItWasGrantedIsGranted() throws Exception {
    bob.ask("SET search_path = " + server.grantingTooLate(database, "55P03"));
    bob.ask("INSERT INTO public.written VALUES (2)");
    assertThat(lock(bob).tryAcquire(PROMPTLY)).isTrue();
    assertThat(isFree()).isFalse();
    bob.commit();
    assertThat(isFree()).isTrue();
    assertThat(server.execute(database, "SELECT id FROM written WHERE id = 2"))
        .containsExactly("2");
  }
}
