package io.holdfast.postgres.r2dbc;

import io.holdfast.LockException;
import io.holdfast.postgres.AdvisoryLock;
import io.holdfast.postgres.PostgresKeys;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;

/**
 * Locks of the session of a connection of the caller's: had on that connection, and given back by closing the hold, whatever
 * becomes of transactions meanwhile. The counterpart of {@link io.holdfast.postgres.ConnectionLocks}.
 *
 * <pre>{@code
 * R2dbcConnectionLocks.on(connection)
 *     .lock("invoice/42")
 *     .call(() -> write(connection)) // which commits, or the next holder does not see it
 * }</pre>
 *
 * <p>The connection must be direct, and is not to be given back to a pool while a hold is open. Nobody looks after it: a hold
 * does not learn that its connection broke. A pooler in between is not found out, as it is on connections of JDBC: two clients
 * that it lends one session are both granted the lock, and neither hears of it.
 *
 * <p>PostgreSQL grants a session what it holds already: each hold is to be closed. Cancelling does not end a wait at the
 * server: the connection is busy until it is over, and a lock that was granted then is given back. So bound a wait by {@code
 * tryAcquire(maxWait)} rather than by a time-out around it.
 */
public final class R2dbcConnectionLocks {
  /** The driver does not tell the process that its connection was made with, so a pooler goes unnoticed. */
  private static final int NO_PID = 0;

  private final Connection connection;
  private final PostgresKeys keys;
  private final boolean rollbackOnError;

  private R2dbcConnectionLocks(Connection connection, PostgresKeys keys, boolean rollbackOnError) {
    this.connection = connection;
    this.keys = keys;
    this.rollbackOnError = rollbackOnError;
  }

  /** Locks of the session of this connection. Does no I/O. */
  public static R2dbcConnectionLocks on(Connection connection) {
    return new R2dbcConnectionLocks(
        Objects.requireNonNull(connection, "connection"), PostgresKeys.python(), true);
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public R2dbcConnectionLocks keys(PostgresKeys keys) {
    return new R2dbcConnectionLocks(
        connection, Objects.requireNonNull(keys, "keys"), rollbackOnError);
  }

  /**
   * Whether the transaction of a body that failed or was cancelled, and one that has failed, is rolled back before the lock is
   * given back; yes by default. Whoever loses his transaction so is told, by the body's failure or that of {@link
   * ConnectionHold#close}. In a failed transaction no statement runs, so without this the lock stays held until its user has
   * rolled back and closed the hold again: use {@code acquire} then, and not {@link ConnectionLock#call}, whose hold nobody has.
   * Acquiring never rolls back.
   */
  public R2dbcConnectionLocks rollbackOnError(boolean rollbackOnError) {
    return new R2dbcConnectionLocks(connection, keys, rollbackOnError);
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
   * A lock that the session can have. What it publishes fails with a {@link LockException} if the server refuses; then nothing
   * is held, and an open transaction may have failed, which is left to its user.
   */
  public final class ConnectionLock {
    private final AdvisoryLock lock;

    private ConnectionLock(AdvisoryLock lock) {
      this.lock = lock;
    }

    /** Waits for the lock, for as long as the session's own {@code lock_timeout} lets it, and publishes the hold. */
    public Publisher<ConnectionHold> acquire() {
      return holds(lock.lockInSession(NO_PID));
    }

    /** Takes the lock if it is free now, and publishes the hold; nothing if it is busy. */
    public Publisher<ConnectionHold> tryAcquire() {
      return tryAcquire(Duration.ZERO);
    }

    /**
     * Waits for the lock for at most so long, and publishes the hold; nothing if it stayed busy. A wait that ends without it
     * leaves an open transaction as it was.
     *
     * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
     * @throws io.holdfast.InvalidRequestException if {@code maxWait} is negative
     */
    public Publisher<ConnectionHold> tryAcquire(Duration maxWait) {
      return holds(lock.tryInSession(maxWait, NO_PID));
    }

    /**
     * Acquires the lock, publishes what the body publishes, and gives the lock back before it ends: also when the body fails,
     * and then the body's failure is what is told, with what else went wrong suppressed in it; and when it is cancelled. With
     * {@link #rollbackOnError} off a body that leaves a failed transaction leaves the lock to the session, too.
     *
     * <p>The body is subscribed to without the subscriber's Reactor context. Where that matters: {@code
     * Flux.usingWhen(lock.acquire(), hold -> body, ConnectionHold::close, ConnectionHold::closeAfter, ConnectionHold::close)}.
     */
    public <T> Publisher<T> call(Supplier<? extends Publisher<? extends T>> body) {
      return new Guarded<>(
          () -> ask(lock.lockInSession(NO_PID)).thenApply(had -> new ConnectionHold(lock)),
          Objects.requireNonNull(body, "body"));
    }

    private Publisher<ConnectionHold> holds(AdvisoryLock.Question question) {
      return new Asked<>(
          () ->
              ask(question)
                  .thenApply(had -> had ? Optional.of(new ConnectionHold(lock)) : Optional.empty()),
          ConnectionHold::release);
    }

    private CompletableFuture<Boolean> ask(AdvisoryLock.Question question) {
      return Statements.ask(connection, question)
          .exceptionally(
              thrown -> {
                throw Statements.failure(Statements.cause(thrown));
              });
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }

  /** The right to a lock, until it is closed or the connection ends. */
  public final class ConnectionHold {
    private final AdvisoryLock lock;
    private final AtomicReference<@Nullable CompletableFuture<Boolean>> released =
        new AtomicReference<>();

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
    public Publisher<Void> close() {
      return new Asked<>(() -> release().thenApply(done -> Optional.empty()), unseen -> {});
    }

    /**
     * Rolls the transaction back, if one is open and {@link #rollbackOnError} lets it, and gives the lock back. Never fails:
     * what goes wrong is suppressed in what was thrown before.
     */
    public Publisher<Void> closeAfter(Throwable thrown) {
      Objects.requireNonNull(thrown, "thrown");
      return new Asked<>(
          () -> releaseAfter(thrown).thenApply(done -> Optional.empty()), unseen -> {});
    }

    CompletableFuture<Boolean> release() {
      CompletableFuture<Boolean> mine = new CompletableFuture<>();
      CompletableFuture<Boolean> before = released.compareAndExchange(null, mine);
      if (before != null) {
        return before;
      }
      Statements.ask(connection, lock.unlock())
          .whenComplete(
              (wasHeld, thrown) -> {
                if (thrown == null) {
                  tell(mine, wasHeld);
                } else if (rollbackOnError
                    && AdvisoryLock.saysTransactionHasFailed(
                        Statements.sqlState(Statements.cause(thrown)))) {
                  releaseFromFailed(mine);
                } else {
                  failed(mine, thrown);
                }
              });
      return mine;
    }

    /** In a transaction that has failed no statement runs. */
    private void releaseFromFailed(CompletableFuture<Boolean> mine) {
      Statements.rollback(connection)
          .thenCompose(
              done -> {
                isRolledBack = true;
                return Statements.ask(connection, lock.unlock());
              })
          .whenComplete(
              (wasHeld, thrown) -> {
                if (thrown == null) {
                  tell(mine, wasHeld);
                } else {
                  failed(mine, thrown);
                }
              });
    }

    /** It is released; a second time there is nothing to tell. */
    private void tell(CompletableFuture<Boolean> mine, boolean wasHeld) {
      if (wasHeld && !isRolledBack) {
        mine.complete(true);
      } else {
        released.set(CompletableFuture.completedFuture(true));
        mine.completeExceptionally(wasHeld ? lock.rolledBack() : telling(lock.notHeld()));
      }
    }

    private void failed(CompletableFuture<Boolean> mine, Throwable thrown) {
      released.set(null);
      mine.completeExceptionally(telling(Statements.failure(Statements.cause(thrown))));
    }

    private RuntimeException telling(RuntimeException thrown) {
      if (isRolledBack) {
        thrown.addSuppressed(lock.rolledBack());
      }
      return thrown;
    }

    CompletableFuture<Boolean> releaseAfter(Throwable thrown) {
      CompletableFuture<Boolean> rolledBack =
          rollbackOnError && !connection.isAutoCommit()
              ? Statements.rollback(connection)
              : CompletableFuture.completedFuture(true);
      return rolledBack
          .exceptionally(suppressed -> suppress(suppressed, thrown))
          .thenCompose(done -> release())
          .exceptionally(suppressed -> suppress(suppressed, thrown));
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }

  private static boolean suppress(@Nullable Throwable suppressed, Throwable thrown) {
    if (suppressed != null && Statements.cause(suppressed) != thrown) {
      thrown.addSuppressed(Statements.cause(suppressed));
    }
    return true;
  }
}
