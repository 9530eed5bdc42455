package io.holdfast.postgres.vertx;

import io.holdfast.LockException;
import io.holdfast.postgres.AdvisoryLock;
import io.holdfast.postgres.PostgresKeys;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.pgclient.PgConnection;
import io.vertx.sqlclient.SqlConnection;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Locks of the session of a connection of the caller's: had on that connection, and given back by closing the hold, whatever
 * becomes of transactions meanwhile. The counterpart of {@link io.holdfast.postgres.ConnectionLocks}.
 *
 * <pre>{@code
 * VertxConnectionLocks.on(connection)
 *     .lock("invoice/42")
 *     .call(() -> write(connection)) // which commits, or the next holder does not see it
 * }</pre>
 *
 * <p>The connection must be direct, for a pooler is refused, and is not to be given back to a pool while a hold is open. Nobody
 * looks after it: a hold does not learn that its connection broke. On a connection that is no {@link PgConnection} a pooler is
 * not found out: two clients that it lends one session are both granted the lock, and neither hears of it.
 *
 * <p>PostgreSQL grants a session what it holds already: each hold is to be closed. A time-out around a future does not end a
 * wait at the server, and what is granted then stays held: bound a wait by {@code tryAcquire(maxWait)}.
 */
public final class VertxConnectionLocks {
  /** Stands for a process that the driver does not tell. */
  private static final int NO_PID = 0;

  private final SqlConnection connection;
  private final PostgresKeys keys;
  private final boolean rollbackOnError;

  private VertxConnectionLocks(
      SqlConnection connection, PostgresKeys keys, boolean rollbackOnError) {
    this.connection = connection;
    this.keys = keys;
    this.rollbackOnError = rollbackOnError;
  }

  /** Locks of the session of this connection. Does no I/O. */
  public static VertxConnectionLocks on(SqlConnection connection) {
    return new VertxConnectionLocks(
        Objects.requireNonNull(connection, "connection"), PostgresKeys.python(), true);
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public VertxConnectionLocks keys(PostgresKeys keys) {
    return new VertxConnectionLocks(
        connection, Objects.requireNonNull(keys, "keys"), rollbackOnError);
  }

  /**
   * Whether the transaction of a body that failed, and one that has failed, is rolled back before the lock is given back; yes by
   * default. Whoever loses his transaction so is told, by the body's failure or that of {@link ConnectionHold#close}. In a
   * failed transaction no statement runs, so without this the lock stays held until its user has rolled back and closed the hold
   * again: use {@code acquire} then, and not {@link ConnectionLock#call}, whose hold nobody has. Acquiring never rolls back.
   */
  public VertxConnectionLocks rollbackOnError(boolean rollbackOnError) {
    return new VertxConnectionLocks(connection, keys, rollbackOnError);
  }

  /**
   * The exclusive lock on a name.
   *
   * @throws io.holdfast.InvalidRequestException if the name cannot be one
   */
  public ConnectionLock lock(String name) {
    return new ConnectionLock(AdvisoryLock.of(name, false, keys));
  }

  /**
   * The shared lock on a name; {@link #lock} is the exclusive one.
   *
   * @throws io.holdfast.InvalidRequestException if the name cannot be one
   */
  public ConnectionLock sharedLock(String name) {
    return new ConnectionLock(AdvisoryLock.of(name, true, keys));
  }

  /**
   * A lock that the session can have. Its futures fail with a {@link LockException} if the server refuses; then nothing is held,
   * and an open transaction may have failed, which is left to its user.
   */
  public final class ConnectionLock {
    private final AdvisoryLock lock;

    private ConnectionLock(AdvisoryLock lock) {
      this.lock = lock;
    }

    /** Waits for the lock, for as long as the session's own {@code lock_timeout} lets it. */
    public Future<ConnectionHold> acquire() {
      return ask(lock.lockInSession(keyPid())).map(had -> new ConnectionHold(lock));
    }

    /** Takes the lock if it is free now; empty if it is busy. */
    public Future<Optional<ConnectionHold>> tryAcquire() {
      return tryAcquire(Duration.ZERO);
    }

    /**
     * Waits for the lock for at most so long; empty if it stayed busy. A wait that ends without it leaves an open transaction as
     * it was.
     *
     * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
     * @throws io.holdfast.InvalidRequestException if {@code maxWait} is negative
     */
    public Future<Optional<ConnectionHold>> tryAcquire(Duration maxWait) {
      return ask(lock.tryInSession(maxWait, keyPid()))
          .map(had -> had ? Optional.of(new ConnectionHold(lock)) : Optional.empty());
    }

    /**
     * Acquires the lock, runs the body, and gives the lock back when the body's future has completed. Fails with what the body
     * failed with or threw; what else went wrong is suppressed in it. With {@link #rollbackOnError} off a body that leaves a
     * failed transaction leaves the lock to the session, too, and nobody has the hold.
     */
    public <T extends @Nullable Object> Future<T> call(Supplier<Future<T>> body) {
      Objects.requireNonNull(body, "body");
      return acquire().compose(hold -> run(body, hold));
    }

    private <T extends @Nullable Object> Future<T> run(
        Supplier<Future<T>> body, ConnectionHold hold) {
      Future<T> running;
      try {
        running = Objects.requireNonNull(body.get(), "future of the body");
      } catch (Throwable e) { // whatever it is, the lock goes back
        running = Future.failedFuture(e);
      }
      return running.compose(
          result -> hold.close().map(closed -> result),
          thrown -> hold.closeAfter(thrown).compose(closed -> Future.failedFuture(thrown)));
    }

    private Future<Boolean> ask(AdvisoryLock.Question question) {
      return Statements.ask(connection, question)
          .recover(thrown -> Future.failedFuture(Statements.failure(thrown)));
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }

  /** The right to a lock, until it is closed or the connection ends. */
  public final class ConnectionHold {
    private final AdvisoryLock lock;
    private final AtomicReference<@Nullable Future<Void>> closed = new AtomicReference<>();

    /** By a {@link #close}; whatever it fails with from then on tells of it. */
    private volatile boolean isRolledBack;

    private ConnectionHold(AdvisoryLock lock) {
      this.lock = lock;
    }

    /**
     * Gives the lock back; a second time does nothing. A transaction that is open stays open: commit before, or the next holder
     * does not see what was written. One that has failed is rolled back first, and that is told.
     *
     * <p>Fails with a {@link LockException} if it could not be given back, and may then be tried again; that the transaction was
     * rolled back all the same is told by what is suppressed in it, and once more when the lock is given back. Fails with an
     * {@link IllegalStateException} if the transaction had failed, and was rolled back: the lock is given back then. With
     * another if the session did not hold it: another session ran the statement, as behind a pooler, or somebody has given it
     * back.
     */
    public Future<Void> close() {
      Promise<Void> mine = Promise.promise();
      Future<Void> before = closed.compareAndExchange(null, mine.future());
      if (before != null) {
        return before;
      }
      Statements.ask(connection, lock.unlock())
          .onSuccess(wasHeld -> tell(mine, wasHeld))
          .onFailure(
              thrown -> {
                if (rollbackOnError
                    && AdvisoryLock.saysTransactionHasFailed(Statements.sqlState(thrown))) {
                  closeFailed(mine);
                } else {
                  failed(mine, thrown);
                }
              });
      return mine.future();
    }

    /** In a transaction that has failed no statement runs. */
    private void closeFailed(Promise<Void> mine) {
      Statements.rollback(connection)
          .compose(
              done -> {
                isRolledBack = true;
                return Statements.ask(connection, lock.unlock());
              })
          .onSuccess(wasHeld -> tell(mine, wasHeld))
          .onFailure(thrown -> failed(mine, thrown));
    }

    /** It is closed; a second time there is nothing to tell. */
    private void tell(Promise<Void> mine, boolean wasHeld) {
      if (wasHeld && !isRolledBack) {
        mine.complete();
      } else {
        closed.set(Future.succeededFuture());
        mine.fail(wasHeld ? lock.rolledBack() : telling(lock.notHeld()));
      }
    }

    private void failed(Promise<Void> mine, Throwable thrown) {
      closed.set(null);
      mine.fail(telling(Statements.failure(thrown)));
    }

    private RuntimeException telling(RuntimeException thrown) {
      if (isRolledBack) {
        thrown.addSuppressed(lock.rolledBack());
      }
      return thrown;
    }

    /**
     * Rolls the transaction back, if one is open and {@link #rollbackOnError} lets it, and gives the lock back. Never fails:
     * what goes wrong is suppressed in what was thrown before.
     */
    public Future<Void> closeAfter(Throwable thrown) {
      Objects.requireNonNull(thrown, "thrown");
      Future<Void> rolledBack =
          rollbackOnError && connection.transaction() != null
              ? Statements.rollback(connection)
              : Future.succeededFuture();
      return rolledBack
          .map(true)
          .otherwise(suppressed -> suppress(suppressed, thrown))
          .compose(done -> close().map(true))
          .otherwise(suppressed -> suppress(suppressed, thrown))
          .mapEmpty();
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }

  /** The process that the connection was made with; costs no trip. */
  private int keyPid() {
    try {
      return connection instanceof PgConnection postgres ? postgres.processId() : NO_PID;
    } catch (NoClassDefFoundError e) {
      return NO_PID; // another driver than vertx-pg-client, which is not there
    }
  }

  private static boolean suppress(Throwable suppressed, Throwable thrown) {
    if (suppressed != thrown) {
      thrown.addSuppressed(suppressed);
    }
    return true;
  }
}
