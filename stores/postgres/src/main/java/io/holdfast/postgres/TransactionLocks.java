package io.holdfast.postgres;

import io.holdfast.LockException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;

/**
 * Locks inside a transaction of the caller's: had on the caller's connection, and given back by nothing but the transaction's
 * end, commit or rollback. They work through a transaction pooler, and exclude locks of sessions of the same name.
 *
 * <pre>{@code
 * connection.setAutoCommit(false);
 * TransactionLocks.on(connection).lock("invoice/42").acquire(); // or tryAcquire(Duration)
 * // read and write
 * connection.commit();
 * }</pre>
 *
 * <p>Not thread-safe, as the connection is not. What a transaction holds it may acquire again; that changes nothing.
 */
public final class TransactionLocks {
  private final Connection connection;
  private final PostgresKeys keys;

  private TransactionLocks(Connection connection, PostgresKeys keys) {
    this.connection = connection;
    this.keys = keys;
  }

  /** Locks in the transaction that is, or will be, open on this connection. Does no I/O. */
  public static TransactionLocks on(Connection connection) {
    return new TransactionLocks(
        Objects.requireNonNull(connection, "connection"), PostgresKeys.python());
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public TransactionLocks keys(PostgresKeys keys) {
    return new TransactionLocks(connection, Objects.requireNonNull(keys, "keys"));
  }

  /**
   * The exclusive lock on a name.
   *
   * @throws io.holdfast.InvalidRequestException if the name cannot be one
   */
  public TransactionLock lock(String name) {
    return new TransactionLock(name, false);
  }

  /**
   * The shared lock on a name; {@link #lock} is the exclusive one.
   *
   * @throws io.holdfast.InvalidRequestException if the name cannot be one
   */
  public TransactionLock sharedLock(String name) {
    return new TransactionLock(name, true);
  }

  /** A lock that the transaction can have. */
  public final class TransactionLock {
    private final AdvisoryLock lock;

    private TransactionLock(String name, boolean isShared) {
      this.lock = AdvisoryLock.of(name, isShared, keys);
    }

    /**
     * Waits for the lock, for as long as the session's own {@code lock_timeout} lets it.
     *
     * @throws IllegalStateException if the connection is in autocommit mode: the lock would be gone with the statement
     * @throws LockException if the server refuses; then the transaction has failed
     */
    public void acquire() {
      ask(lock.lockInTransaction());
    }

    /**
     * Takes the lock if it is free now.
     *
     * @return whether the transaction has it
     * @throws IllegalStateException if the connection is in autocommit mode: the lock would be gone with the statement
     * @throws LockException if the server refuses; then the transaction has failed
     */
    public boolean tryAcquire() {
      return tryAcquire(Duration.ZERO);
    }

    /**
     * Waits for the lock for at most so long. A wait that ends without it leaves the transaction as it was.
     *
     * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
     * @return whether the transaction has it
     * @throws IllegalStateException if the connection is in autocommit mode: the lock would be gone with the statement
     * @throws io.holdfast.InvalidRequestException if {@code maxWait} is negative
     * @throws LockException if the server refuses; then the transaction has failed
     */
    public boolean tryAcquire(Duration maxWait) {
      return ask(lock.tryInTransaction(maxWait));
    }

    private boolean ask(AdvisoryLock.Question question) {
      if (CallerSql.isAutoCommit(connection)) {
        throw lock.outsideTransaction(
            "connection is in autocommit mode",
            "setAutoCommit(false) first, or use ConnectionLocks");
      }
      try {
        return CallerSql.ask(connection, question);
      } catch (SQLException e) {
        throw Failures.of(e);
      }
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }
}
