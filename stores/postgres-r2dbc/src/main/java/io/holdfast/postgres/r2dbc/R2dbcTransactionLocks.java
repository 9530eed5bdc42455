package io.holdfast.postgres.r2dbc;

import io.holdfast.LockException;
import io.holdfast.postgres.AdvisoryLock;
import io.holdfast.postgres.PostgresKeys;
import io.r2dbc.spi.Connection;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.reactivestreams.Publisher;

/**
 * Locks inside a transaction of the caller's: had on the caller's connection, and given back by nothing but the transaction's
 * end, commit or rollback. They work through a transaction pooler, and exclude locks of sessions of the same name. The
 * counterpart of {@link io.holdfast.postgres.TransactionLocks}.
 *
 * <pre>{@code
 * Mono.from(connection.beginTransaction())
 *     .then(Mono.from(R2dbcTransactionLocks.on(connection).lock("invoice/42").tryAcquire(Duration.ofSeconds(5))))
 *     .flatMap(had -> had ? write(connection) : Mono.error(new Busy()))
 *     .then(Mono.from(connection.commitTransaction()))
 * }</pre>
 *
 * <p>What a transaction holds it may acquire again; that changes nothing. Cancelling does not end a wait at the server: the
 * connection is busy until it is over, and what was granted then ends with the transaction. So bound a wait by {@code
 * tryAcquire(maxWait)} rather than by a time-out around it.
 */
public final class R2dbcTransactionLocks {
  private final Connection connection;
  private final PostgresKeys keys;

  private R2dbcTransactionLocks(Connection connection, PostgresKeys keys) {
    this.connection = connection;
    this.keys = keys;
  }

  /** Locks in the transaction that is, or will be, open on this connection. Does no I/O. */
  public static R2dbcTransactionLocks on(Connection connection) {
    return new R2dbcTransactionLocks(
        Objects.requireNonNull(connection, "connection"), PostgresKeys.python());
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public R2dbcTransactionLocks keys(PostgresKeys keys) {
    return new R2dbcTransactionLocks(connection, Objects.requireNonNull(keys, "keys"));
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
   * A lock that the transaction can have. What it publishes fails with an {@link IllegalStateException} if no transaction is
   * open, for the lock would be gone with the statement; with a {@link LockException} if the server refuses, and then the
   * transaction has failed.
   */
  public final class TransactionLock {
    private final AdvisoryLock lock;

    private TransactionLock(AdvisoryLock lock) {
      this.lock = lock;
    }

    /** Waits for the lock, for as long as the session's own {@code lock_timeout} lets it, and completes when it is had. */
    public Publisher<Void> acquire() {
      return new Asked<>(
          () -> ask(lock.lockInTransaction()).thenApply(had -> Optional.empty()), unseen -> {});
    }

    /** Takes the lock if it is free now, and publishes whether the transaction has it. */
    public Publisher<Boolean> tryAcquire() {
      return tryAcquire(Duration.ZERO);
    }

    /**
     * Waits for the lock for at most so long, and publishes whether the transaction has it. A wait that ends without it leaves
     * the transaction as it was.
     *
     * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
     * @throws io.holdfast.InvalidRequestException if {@code maxWait} is negative
     */
    public Publisher<Boolean> tryAcquire(Duration maxWait) {
      AdvisoryLock.Question question = lock.tryInTransaction(maxWait);
      return new Asked<>(() -> ask(question).thenApply(Optional::of), unseen -> {});
    }

    private CompletableFuture<Boolean> ask(AdvisoryLock.Question question) {
      if (connection.isAutoCommit()) {
        throw lock.outsideTransaction(
            "no transaction is open", "beginTransaction() first, or use R2dbcConnectionLocks");
      }
      return Statements.ask(connection, question)
          .exceptionallyCompose(
              thrown ->
                  CompletableFuture.failedFuture(Statements.failure(Statements.cause(thrown))));
    }

    @Override
    public String toString() {
      return lock.toString();
    }
  }
}
