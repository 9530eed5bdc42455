package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.postgres.ConnectionLocks.ConnectionHold;
import io.holdfast.postgres.ConnectionLocks.ConnectionLock;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Locks of the session of a caller's connection of JDBC's. */
class ConnectionLocksTest extends ConnectionLockFacts<JdbcCaller> {
  @Override
  protected JdbcCaller connect(int port) throws SQLException {
    return new JdbcCaller(port, database);
  }

  @Override
  protected Lock lock(JdbcCaller caller) {
    return waiting(caller, x(caller));
  }

  @Override
  protected Lock sharedLock(JdbcCaller caller) {
    return waiting(caller, ConnectionLocks.on(caller.connection).sharedLock("x"));
  }

  @Override
  protected Lock lockWithoutRollback(JdbcCaller caller) {
    return waiting(caller, ConnectionLocks.on(caller.connection).rollbackOnError(false).lock("x"));
  }

  @Override
  protected Lock lockByOldKeys(JdbcCaller caller) {
    PostgresKeys old = PostgresKeys.pythonUpTo015();
    return waiting(caller, ConnectionLocks.on(caller.connection).keys(old).lock("x"));
  }

  private static ConnectionLock x(JdbcCaller caller) {
    return ConnectionLocks.on(caller.connection).lock("x");
  }

  private static Lock waiting(JdbcCaller caller, ConnectionLock lock) {
    return new Lock() {
      @Override
      public AutoCloseable acquire() {
        return lock.acquire();
      }

      @Override
      public Optional<? extends AutoCloseable> tryAcquire() {
        return lock.tryAcquire();
      }

      @Override
      public Optional<? extends AutoCloseable> tryAcquire(Duration maxWait) {
        return lock.tryAcquire(maxWait);
      }

      @Override
      public void call(String sql, Exception failure) throws Exception {
        lock.call(
            () -> {
              caller.ask(sql);
              throw failure;
            });
      }

      @Override
      public void call(RuntimeException thrown) {
        lock.call(
            () -> {
              throw thrown;
            });
      }

      @Override
      public void call(Error thrown) {
        lock.call(
            () -> {
              throw thrown;
            });
      }
    };
  }

  /** By a close that cannot see what the block threw. */
  @Test
  void aBlockThatLeavesAFailedTransactionIsToldOfTheRollback() throws SQLException {
    ann.begin();
    assertThatThrownBy(
            () -> {
              try (ConnectionHold hold = x(ann).acquire()) {
                ann.ask("SELECT 1 / 0");
              }
            })
        .hasMessageContaining("division by zero")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
    assertThat(isFree()).isTrue();
  }

  @Test
  void aBodyThatSwallowsTheFailureOfItsTransactionIsToldOfTheRollback() throws SQLException {
    ann.begin();
    assertThatThrownBy(() -> x(ann).call(() -> told(() -> ann.ask("SELECT 1 / 0"))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back");
    assertThat(isFree()).isTrue();
  }

  /** It cannot be told from pg_locks how often a session holds a lock, so what is given back must be known. */
  @Test
  void aWaitThatIsEndedGivesNothingBackThatWasHeldBefore() throws Exception {
    AutoCloseable shared = sharedLock(ann).acquire();
    try (JdbcCaller eve = connect(server.port())) {
      AutoCloseable other = sharedLock(eve).acquire();
      ann.ask("SET statement_timeout = '200ms'");
      assertThatThrownBy(() -> x(ann).acquire()).isInstanceOf(LockException.class);
      assertThat(x(ann).tryAcquire(Duration.ofMillis(10))).isEmpty();
      other.close();
    }
    assertThat(isFree()).isFalse();
    shared.close();
    assertThat(isFree()).isTrue();
  }

  @Test
  void aBodyThatWentWellIsNotRolledBack() throws SQLException {
    server.execute(database, "CREATE TABLE kept (id int)");
    ann.begin();
    String result =
        x(ann)
            .call(
                () -> {
                  ann.ask("INSERT INTO kept VALUES (1)");
                  ann.commit();
                  return "done";
                });
    assertThat(result).isEqualTo("done");
    assertThat(server.execute(database, "SELECT id FROM kept")).containsExactly("1");
  }

  /** The time may run out, or a cancel strike, in the moment after the grant. */
  @Test
  void aWaitThatFailsWhenItWasGrantedIsGrantedIfItsTimeRanOutAndElseHoldsNothing()
      throws Exception {
    Optional<ConnectionHold> ranOut = waitGranted("55P03");
    assertThat(isFree()).isFalse();
    ranOut.orElseThrow().close();
    assertThat(isFree()).isTrue();

    assertThatThrownBy(() -> waitGranted("57014")).hasCauseInstanceOf(LockException.class);
    assertThat(isFree()).isTrue();
  }

  private Optional<ConnectionHold> waitGranted(String andThen) throws Exception {
    bob.ask("SET search_path = " + server.grantingTooLate(database, andThen));
    String pid = pid(bob);
    ConnectionHold hold = x(ann).acquire();
    CompletableFuture<Optional<ConnectionHold>> waiting =
        meanwhile(() -> x(bob).tryAcquire(Patience.PROMPTLY));
    untilWaiting(pid);
    hold.close();
    return Patience.promptly(waiting);
  }

  /** A pool hands a connection on with the locks that its session holds. */
  @Test
  void aPoolNeverSeesTheConnectionsOfAClientAgain() throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(server.jdbcUrl(database));
    config.setMaximumPoolSize(5);
    try (HikariDataSource pool = new HikariDataSource(config)) {
      LockClient client = PostgresLocks.in(pool).connect();
      Hold hold = client.lock("x").acquire();
      client.close();
      assertThat(hold.isHeld()).isFalse();
      List<Connection> borrowed = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        Connection connection = pool.getConnection();
        borrowed.add(connection);
        try (Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery("SHOW application_name")) {
          row.next();
          assertThat(row.getString(1)).doesNotStartWith("holdfast");
        }
      }
      assertThat(isFree()).isTrue();
      for (Connection connection : borrowed) {
        connection.close();
      }
    }
  }
}
