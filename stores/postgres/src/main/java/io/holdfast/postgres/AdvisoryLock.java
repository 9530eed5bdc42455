package io.holdfast.postgres;

import io.holdfast.InvalidRequestException;
import io.holdfast.LockException;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An advisory lock as it is had on a connection of the caller's: what to ask in SQL, and what the answers and the errors mean.
 * Text and decisions only, no driver: {@link TransactionLocks} and {@link ConnectionLocks} go by it, and so do their
 * counterparts for other drivers. Whoever has a driver that none of them is for may do so too.
 *
 * <p>Immutable. Does no I/O.
 */
public final class AdvisoryLock {
  /** What a function that returns a boolean says, as text. */
  private static final String TRUE = "true";

  private final Claim claim;

  private AdvisoryLock(Claim claim) {
    this.claim = claim;
  }

  /**
   * The lock that a name stands for.
   *
   * @throws InvalidRequestException if the name cannot be one
   */
  public static AdvisoryLock of(String name, boolean isShared, PostgresKeys keys) {
    return new AdvisoryLock(Claim.of(name, isShared, Objects.requireNonNull(keys, "keys")));
  }

  /** Waits for the lock for as long as the session's own {@code lock_timeout} lets it; the transaction's end gives it back. */
  public Question lockInTransaction() {
    return Question.withoutAnswer(AdvisorySql.lockInTransaction(claim, false));
  }

  /**
   * Waits for the lock for at most so long. A wait that ends without it leaves the transaction as it was.
   *
   * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
   * @throws InvalidRequestException if {@code maxWait} is negative
   */
  public Question tryInTransaction(Duration maxWait) {
    long millis = waitMillis(maxWait);
    return millis == 0
        ? new Question(AdvisorySql.lockInTransaction(claim, true), 1, TRUE)
        : new Question(AdvisorySql.awaitInTransaction(claim, millis), 1, AdvisorySql.GRANTED);
  }

  /**
   * Waits for the lock for as long as the session's own {@code lock_timeout} lets it; {@link #unlock} gives it back. If it
   * fails, nothing is held that was not before.
   *
   * @param keyPid the process that the connection was made with, as the server told by its key for cancelling; another one that
   *     runs the statement is a pooler's. 0 if the driver does not tell: then nobody looks
   */
  public Question lockInSession(int keyPid) {
    return new Question(
        AdvisorySql.awaitInSession(claim, keyPid, AdvisorySql.NO_BOUND), 1, AdvisorySql.GRANTED);
  }

  /**
   * Waits for the lock for at most so long. A wait that ends without it leaves an open transaction as it was.
   *
   * @param maxWait zero to take it only if it is free now; more than 24 days count as 24 days
   * @param keyPid as {@link #lockInSession} has it
   * @throws InvalidRequestException if {@code maxWait} is negative
   */
  public Question tryInSession(Duration maxWait, int keyPid) {
    long millis = waitMillis(maxWait);
    return millis == 0
        ? new Question(AdvisorySql.tryInSession(claim, keyPid), 1, TRUE)
        : new Question(AdvisorySql.awaitInSession(claim, keyPid, millis), 1, AdvisorySql.GRANTED);
  }

  /** Gives the session's lock back; the answer is no if the session did not hold it. */
  public Question unlock() {
    return new Question(AdvisorySql.unlockOne(claim), 1, TRUE);
  }

  /** Refuses a lock for a transaction where none is open: it would be gone with the statement. */
  public IllegalStateException outsideTransaction(String what, String advice) {
    return new IllegalStateException(
        what + ": the lock on " + claim + " would be gone with the statement; " + advice);
  }

  /** What {@link #unlock} found. */
  public IllegalStateException notHeld() {
    return new IllegalStateException("the session did not hold " + claim);
  }

  /** Tells that the transaction was found failed, and had to be rolled back before the lock could be given back. */
  public IllegalStateException rolledBack() {
    return new IllegalStateException(
        "the transaction had failed, and was rolled back to give back "
            + claim
            + ": nothing of it is kept");
  }

  /** Whether the transaction has failed before, so that no statement runs in it until it is rolled back. */
  public static boolean saysTransactionHasFailed(@Nullable String sqlState) {
    return Failures.saysTransactionHasFailed(sqlState);
  }

  /** What an error is to a user. */
  public static LockException failure(
      @Nullable String sqlState, @Nullable String message, Throwable cause) {
    return Failures.of(sqlState, message, cause);
  }

  /** The name, and the mode if it is shared. */
  @Override
  public String toString() {
    return claim.toString();
  }

  /** A wait in milliseconds, rounded up, 0 not to wait. */
  private static long waitMillis(Duration maxWait) {
    if (maxWait.isNegative()) {
      throw new InvalidRequestException("WAIT_NEGATIVE", "maxWait " + maxWait + " < 0 ms");
    }
    Duration wait =
        maxWait.compareTo(AdvisorySql.LONGEST_WAIT) < 0 ? maxWait : AdvisorySql.LONGEST_WAIT;
    return wait.plusNanos(999_999).toMillis();
  }

  /**
   * What to ask the server. The text may be several statements, which must go to it as one, in a simple query without
   * parameters; the last one answers.
   *
   * @param sql the text
   * @param column which column of the one row has the answer, from 1; a text
   * @param yes the answer that means yes, empty if there is none to read: then it is yes unless it fails
   */
  public record Question(String sql, int column, String yes) {
    private static Question withoutAnswer(String sql) {
      return new Question(sql, 1, "");
    }

    /** Whether there is an answer to read. */
    public boolean hasAnswer() {
      return !yes.isEmpty();
    }

    /**
     * What the answer means; null is none.
     *
     * @throws io.holdfast.LockRefusedException if the server has found that a pooler is in between
     */
    public boolean isYes(@Nullable String answer) {
      if (answer != null && answer.startsWith(AdvisorySql.POOLER)) {
        throw Failures.pooler(answer.substring(AdvisorySql.POOLER.length()));
      }
      return !hasAnswer() || yes.equals(answer);
    }
  }
}
