package io.holdfast.postgres;

import io.holdfast.LockException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/**
 * Locks of the session of a connection of the caller's: had on that connection, and given back by closing the hold, whatever
 * becomes of transactions meanwhile. As py-postgresql-lock does it.
 *
 * <pre>{@code
 * try (ConnectionLocks.ConnectionHold hold = ConnectionLocks.on(connection).lock("invoice/42").acquire()) {
 *   // read and write
 *   connection.commit(); // before the lock is given back, or the next holder does not see it
 * }
 * }</pre>
 *
 * <p>The connection must be direct, for a pooler is refused, and is not to be given back to a pool while a hold is open. Nobody
 * looks after it: a hold does not learn that its connection broke. {@link PostgresLocks} does all that.
 *
 * <p>Not thread-safe, as the connection is not. PostgreSQL grants a session what it holds already: each hold is to be closed.
 */
public final class ConnectionLocks {
  private final Connection connection;
  private final PostgresKeys keys;
  private final boolean rollbackOnError;

  private ConnectionLocks(Connection connection, PostgresKeys keys, boolean rollbackOnError) {
    this.connection = connection;
    this.keys = keys;
    this.rollbackOnError = rollbackOnError;
  }

  /** Locks of the session of this connection. Does no I/O. */
  public static ConnectionLocks on(Connection connection) {
    return new ConnectionLocks(
        Objects.requireNonNull(connection, "connection"), PostgresKeys.python(), true);
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public ConnectionLocks keys(PostgresKeys keys) {
    return new ConnectionLocks(connection, Objects.requireNonNull(keys, "keys"), rollbackOnError);
  }

  /**
   * Whether the transaction of a body that threw, and one that has failed, is rolled back before the lock is given back; yes by
   * default. Whoever loses his transaction so is told by an exception, the body's or that of {@link ConnectionHold#close}. In a
   * failed transaction no statement runs, so without this the lock stays held until its user has rolled back and closed the hold
   * again: use {@code acquire} then, and not {@link ConnectionLock#call}, whose hold nobody has. Acquiring never rolls back.
   */
  public ConnectionLocks rollbackOnError(boolean rollbackOnError) {
    return new ConnectionLocks(connection, keys, rollbackOnError);
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
   * Code to run while the lock is held.
   *
   * @param <T> what it returns
   * @param <X> what it may throw
   */
  @FunctionalInterface
  public interface Body<T extends @Nullable Object, X extends Exception> {
    /** Runs it. */
    T run() throws X;
  }

  /** A lock that the session can have. */
  public final class ConnectionLock {
    private final AdvisoryLock lock;

    private ConnectionLock(AdvisoryLock lock) {
      this.lock = lock;
    }

    /**
     * Waits for the lock, for as long as the session's own {@code lock_timeout} lets it.
     *
     * @throws LockException if the server refuses, or a pooler is in between; nothing is held, and an open transaction may have
     *     failed, which is left to its user
     */
    public ConnectionHold acquire() {
      ask(lock.lockInSession(keyPid()));
      return new ConnectionHold(lock);
    }

    /**
     * Takes the lock if it is free now.
     *
     * @return empty if it is busy
     * @throws LockException as {@link #acquire} does
     */
    public Optional<ConnectionHold> tryAcquire() {
      return tryAcquire(Duration.ZERO);
    }

    /**
     * Waits for the lock for at most so long. A wait that ends without it leaves an open transaction as it was.
     *
     * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
     * @return empty if it is busy
     * @throws io.holdfast.InvalidRequestException if {@code maxWait} is negative
     * @throws LockException as {@link #acquire} does
     */
    public Optional<ConnectionHold> tryAcquire(Duration maxWait) {
      return ask(lock.tryInSession(maxWait, keyPid()))
          ? Optional.of(new ConnectionHold(lock))
          : Optional.empty();
    }

    /**
     * Acquires the lock, runs the body, and gives the lock back. With {@link #rollbackOnError} off a body that leaves a failed
     * transaction leaves the lock to the session, too, and nobody has the hold.
     *
     * @return what the body returned
     * @throws X what the body threw; what else went wrong is suppressed in it
     * @throws LockException if the server refuses; the body did not run
     * @throws IllegalStateException as {@link ConnectionHold#close} does
     */
    public <T extends @Nullable Object, X extends Exception> T call(Body<T, X> body) throws X {
      ConnectionHold hold = acquire();
      T result;
      try {
        result = body.run();
      } catch (Throwable thrown) {
        hold.closeAfter(thrown);
        throw thrown;
      }
      hold.close();
      return result;
    }

    private boolean ask(AdvisoryLock.Question question) {
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

  /** The right to a lock, until it is closed or the connection ends. */
  public final class ConnectionHold implements AutoCloseable {
    private final AdvisoryLock lock;
    private boolean closed;

    /** By a {@link #close}; whatever it throws from then on tells of it. */
    private boolean isRolledBack;

    private ConnectionHold(AdvisoryLock lock) {
      this.lock = lock;
    }

    /**
     * Gives the lock back; a second time does nothing. A transaction that is open stays open: commit before, or the next holder
     * does not see what was written. One that has failed is rolled back first, and that is told.
     *
     * @throws LockException if it could not be given back; it may be closed again. That the transaction was rolled back all the
     *     same is told by what is suppressed in it, and once more when the lock is given back
     * @throws IllegalStateException if the transaction had failed, and was rolled back; the lock is given back. Or if the session
     *     did not hold it: another session ran the statement, as behind a pooler, or somebody has given it back
     */
    @Override
    public void close() {
      if (closed) {
        return;
      }
      boolean wasHeld;
      try {
        try {
          wasHeld = CallerSql.ask(connection, lock.unlock());
        } catch (SQLException e) {
          if (!rollbackOnError || !AdvisoryLock.saysTransactionHasFailed(e.getSQLState())) {
            throw e;
          }
          connection.rollback();
          isRolledBack = true;
          wasHeld = CallerSql.ask(connection, lock.unlock());
        }
      } catch (SQLException e) {
        throw telling(Failures.of(e));
      }
      closed = true;
      if (!wasHeld) {
        throw telling(lock.notHeld());
      }
      if (isRolledBack) {
        throw lock.rolledBack();
      }
    }

    private RuntimeException telling(RuntimeException thrown) {
      if (isRolledBack) {
        thrown.addSuppressed(lock.rolledBack());
      }
      return thrown;
    }

    /** What was thrown goes on, whatever happens here. */
    private void closeAfter(Throwable thrown) {
      try {
        if (rollbackOnError && !connection.getAutoCommit()) {
          connection.rollback();
        }
      } catch (SQLException e) {
        thrown.addSuppressed(e);
      }
      try {
        close();
      } catch (RuntimeException e) {
        thrown.addSuppressed(e);
      }
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }

  /** The process that the connection was made with; costs no trip. */
  private int keyPid() {
    try {
      return connection.isWrapperFor(PGConnection.class)
          ? connection.unwrap(PGConnection.class).getBackendPID()
          : AdvisorySql.NO_PID;
    } catch (SQLException e) {
      throw Failures.of(e);
    }
  }
}
