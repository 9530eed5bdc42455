package io.holdfast.postgres.vertx;

import io.holdfast.LockException;
import io.holdfast.postgres.AdvisoryLock;
import io.holdfast.postgres.PostgresKeys;
import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import java.time.Duration;
import java.util.Objects;

/**
 * Locks inside a transaction of the caller's: had on the caller's connection, and given back by nothing but the transaction's
 * end, commit or rollback. They work through a transaction pooler, and exclude locks of sessions of the same name. The
 * counterpart of {@link io.holdfast.postgres.TransactionLocks}.
 *
 * <pre>{@code
 * pool.withTransaction(
 *     connection ->
 *         VertxTransactionLocks.on(connection)
 *             .lock("invoice/42")
 *             .tryAcquire(Duration.ofSeconds(5))
 *             .compose(had -> had ? write(connection) : Future.failedFuture(new Busy())))
 * }</pre>
 *
 * <p>What a transaction holds it may acquire again; that changes nothing. The transaction must be one that was begun through
 * Vert.x. A time-out around a future does not end a wait at the server: bound it by {@code tryAcquire(maxWait)}.
 */
public final class VertxTransactionLocks {
  private final SqlConnection connection;
  private final PostgresKeys keys;

  private VertxTransactionLocks(SqlConnection connection, PostgresKeys keys) {
    this.connection = connection;
    this.keys = keys;
  }

  /** Locks in the transaction that is, or will be, open on this connection. Does no I/O. */
  public static VertxTransactionLocks on(SqlConnection connection) {
    return new VertxTransactionLocks(
        Objects.requireNonNull(connection, "connection"), PostgresKeys.python());
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public VertxTransactionLocks keys(PostgresKeys keys) {
    return new VertxTransactionLocks(connection, Objects.requireNonNull(keys, "keys"));
  }

  /**
   * The exclusive lock on a name.
   *
   * @throws io.holdfast.InvalidRequestException if the name cannot be one
   */
  public TransactionLock lock(String name) {
    return new TransactionLock(AdvisoryLock.of(name, false, keys));
  }

  /**
   * The shared lock on a name; {@link #lock} is the exclusive one.
   *
   * @throws io.holdfast.InvalidRequestException if the name cannot be one
   */
  public TransactionLock sharedLock(String name) {
    return new TransactionLock(AdvisoryLock.of(name, true, keys));
  }

  /**
   * A lock that the transaction can have. Its futures fail with an {@link IllegalStateException} if no transaction is open, for
   * the lock would be gone with the statement; with a {@link LockException} if the server refuses, and then the transaction has
   * failed.
   */
  public final class TransactionLock {
    private final AdvisoryLock lock;

    private TransactionLock(AdvisoryLock lock) {
      this.lock = lock;
    }

    /** Waits for the lock, for as long as the session's own {@code lock_timeout} lets it. */
    public Future<Void> acquire() {
      return ask(lock.lockInTransaction()).mapEmpty();
    }

    /** Takes the lock if it is free now, and says whether the transaction has it. */
    public Future<Boolean> tryAcquire() {
      return tryAcquire(Duration.ZERO);
    }

    /**
     * Waits for the lock for at most so long, and says whether the transaction has it. A wait that ends without it leaves the
     * transaction as it was.
     *
     * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
     * @throws io.holdfast.InvalidRequestException if {@code maxWait} is negative
     */
    public Future<Boolean> tryAcquire(Duration maxWait) {
      return ask(lock.tryInTransaction(maxWait));
    }

    private Future<Boolean> ask(AdvisoryLock.Question question) {
      if (connection.transaction() == null) {
        return Future.failedFuture(
            lock.outsideTransaction(
                "no transaction is open", "begin() first, or use VertxConnectionLocks"));
      }
      return Statements.ask(connection, question)
          .recover(thrown -> Future.failedFuture(Statements.failure(thrown)));
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }
}
