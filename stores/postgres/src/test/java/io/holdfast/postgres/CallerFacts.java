package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.catchThrowable;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;

/** Two callers' connections to a database of the test class' own, and what is asked about the lock on {@code x}. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class CallerFacts<C extends Caller> {
  protected static final Duration BRIEFLY = Duration.ofMillis(50);

  protected final PostgresServer server = PostgresServer.shared();
  protected final String database = server.newDatabase();
  protected C ann;
  protected C bob;

  /** A connection to the database, by way of what listens at the port. */
  protected abstract C connect(int port) throws Exception;

  @BeforeEach
  void connectBoth() throws Exception {
    ann = connect(server.port());
    bob = connect(server.port());
  }

  @AfterEach
  void closeBoth() throws Exception {
    ann.close();
    bob.close();
  }

  /** Whether a session of JDBC's would get it. */
  protected boolean isFree() {
    try (Connection connection = server.connect(database)) {
      var hold = ConnectionLocks.on(connection).lock("x").tryAcquire();
      hold.ifPresent(it -> it.close());
      return hold.isPresent();
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  /** What it fails with; null if it does not. */
  protected static Throwable told(ThrowingCallable call) {
    return catchThrowable(call);
  }

  protected static String pid(Caller caller) throws Exception {
    return caller.ask("SELECT pg_backend_pid()::text");
  }

  protected void untilWaiting(String pid) {
    Patience.until(
        "process " + pid + " waits for a lock",
        () ->
            server
                .execute(
                    database,
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = "
                        + pid)
                .equals(List.of("1")));
  }

  /** In another thread. */
  protected static <T> CompletableFuture<T> meanwhile(Callable<T> task) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return task.call();
          } catch (Exception e) {
            throw new CompletionException(e);
          }
        });
  }
}
