package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What holds of locks of the session of a caller's connection, whichever its driver. */
public abstract class ConnectionLockFacts<C extends Caller> extends CallerFacts<C> {
  /** A lock on {@code x}. */
  protected abstract Lock lock(C caller);

  protected abstract Lock sharedLock(C caller);

  protected abstract Lock lockWithoutRollback(C caller);

  protected abstract Lock lockByOldKeys(C caller);

  /** As {@link Caller} has it: each call waits. */
  public interface Lock {
    AutoCloseable acquire() throws Exception;

    Optional<? extends AutoCloseable> tryAcquire() throws Exception;

    Optional<? extends AutoCloseable> tryAcquire(Duration maxWait) throws Exception;

    /** With a body that runs the statement and fails then. */
    void call(String sql, Exception failure) throws Exception;

    /** With a body that throws before it has begun. */
    void call(RuntimeException thrown) throws Exception;

    /** With a body that throws before it has begun. */
    void call(Error thrown) throws Exception;
  }

  @BeforeAll
  void makeTable() {
    server.execute(database, "CREATE TABLE written (id int)");
  }

  @Test
  void aLockIsHeldUntilItIsClosedWhateverTransactionsDo() throws Exception {
    ann.begin();
    AutoCloseable hold = lock(ann).acquire();
    ann.commit();
    ann.begin();
    ann.rollback();
    assertThat(lock(bob).tryAcquire()).isEmpty();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isEmpty();
    hold.close();
    hold.close();
    lock(bob).tryAcquire().orElseThrow().close();
    assertThat(isFree()).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() throws Exception {
    AutoCloseable one = sharedLock(ann).acquire();
    AutoCloseable two = sharedLock(bob).tryAcquire(BRIEFLY).orElseThrow();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isEmpty();
    one.close();
    lock(bob).tryAcquire(BRIEFLY).orElseThrow().close();
    two.close();
    assertThat(isFree()).isTrue();
  }

  @Test
  void locksOfCallersAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(server.url(database))) {
      Hold theirs = client.lock("x").acquire();
      assertThat(lock(ann).tryAcquire()).isEmpty();
      CompletableFuture<AutoCloseable> waiting = meanwhile(() -> lock(ann).acquire());
      theirs.close();
      AutoCloseable ours = promptly(waiting);
      assertThat(client.lock("x").tryAcquire()).isEmpty();
      CompletableFuture<Hold> again = client.lock("x").acquireAsync();
      ours.close();
      promptly(again).close();
    }
  }

  @Test
  void otherKeysAreOtherLocks() throws Exception {
    lock(ann).acquire();
    lockByOldKeys(bob).tryAcquire().orElseThrow().close();
    assertThat(isFree()).isFalse();
  }

  /** In another library a try that failed counted as held. */
  @Test
  void aFailedTryDoesNotCorruptTheCount() throws Exception {
    AutoCloseable hold = lock(bob).acquire();
    for (int i = 0; i < 3; i++) {
      assertThat(lock(ann).tryAcquire()).isEmpty();
      assertThat(lock(ann).tryAcquire(BRIEFLY)).isEmpty();
    }
    hold.close();
    AutoCloseable once = lock(ann).tryAcquire().orElseThrow();
    AutoCloseable twice = lock(ann).tryAcquire(BRIEFLY).orElseThrow();
    once.close();
    assertThat(lock(bob).tryAcquire()).isEmpty();
    twice.close();
    assertThat(isFree()).isTrue();
  }

  @Test
  void whatTheBodyFailsWithIsToldAndTheLockIsGivenBack() throws Exception {
    ann.begin();
    IOException failure = new IOException("of the body's");
    assertThat(told(() -> lock(ann).call("INSERT INTO written VALUES (7)", failure)))
        .isSameAs(failure)
        .hasNoSuppressedExceptions();
    assertThat(isFree()).isTrue();
    ann.ask("COMMIT");
    assertThat(server.execute(database, "SELECT id FROM written WHERE id = 7"))
        .as("not rolled back")
        .isEmpty();
    IllegalStateException early = new IllegalStateException("before it has begun");
    assertThat(told(() -> lock(ann).call(early))).isSameAs(early).hasNoSuppressedExceptions();
    assertThat(isFree()).isTrue();
    AssertionError error = new AssertionError("before it has begun");
    assertThat(told(() -> lock(ann).call(error))).isSameAs(error);
    assertThat(isFree()).isTrue();
  }

  /** In another library the failure to unlock hid what had failed, and the lock stayed held. */
  @Test
  void aStatementThatFailsIsToldAndTheLockIsGivenBack() throws Exception {
    ann.begin();
    assertThat(told(() -> lock(ann).call("SELECT 1 / 0", new IOException("not so far"))))
        .hasMessageContaining("division by zero")
        .hasNoSuppressedExceptions();
    assertThat(isFree()).isTrue();
    assertThat(ann.ask("SELECT 'goes on'")).isEqualTo("goes on");
  }

  @Test
  void aFailureToGiveBackIsSuppressedInWhatTheBodyFailedWith() {
    IOException failure = new IOException("of the body's");
    assertThat(told(() -> lock(ann).call("SELECT pg_advisory_unlock_all()::text", failure)))
        .isSameAs(failure);
    assertThat(failure.getSuppressed())
        .singleElement()
        .isInstanceOf(IllegalStateException.class)
        .extracting(Throwable::getMessage)
        .asString()
        .contains("did not hold x");
  }

  @Test
  void withoutRollbackTheUserHasToRollBackBeforeTheLockCanBeGivenBack() throws Exception {
    ann.begin();
    AutoCloseable hold = lockWithoutRollback(ann).acquire();
    failsTransaction();
    assertThat(told(hold::close)).isInstanceOf(LockException.class);
    assertThat(isFree()).isFalse();
    ann.rollback();
    hold.close();
    assertThat(isFree()).isTrue();
  }

  @Test
  void aTransactionThatHasFailedIsRolledBackSoThatTheLockIsGivenBack() throws Exception {
    ann.begin();
    AutoCloseable hold = lock(ann).acquire();
    failsTransaction();
    assertThat(told(hold::close))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back")
        .hasMessageContaining("x");
    hold.close();
    assertThat(isFree()).isTrue();
  }

  /** Else he would hear of something else only, and commit half of what he meant to. */
  @Test
  void aRollbackIsToldWhateverComesOfTheUnlockAfterIt() throws Exception {
    ann.ask(server.refusingUnlocks(database));
    ann.begin();
    AutoCloseable hold = lock(ann).acquire();
    failsTransaction();
    assertThat(told(hold::close))
        .isInstanceOf(LockException.class)
        .hasMessageContaining("not now")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
    if (ann.isInTransaction()) {
      ann.rollback(); // of what the unlock began
    }
    ann.ask("RESET search_path");
    assertThat(told(hold::close))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back");
    hold.close();
    assertThat(isFree()).isTrue();

    ann.begin();
    AutoCloseable gone = lock(ann).acquire();
    ann.ask("SELECT pg_advisory_unlock_all()::text");
    failsTransaction();
    assertThat(told(gone::close))
        .hasMessageContaining("did not hold")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
  }

  /** He would go on in a new transaction, and commit half of what he meant to. */
  @Test
  void acquiringNeverRollsBackWhatItsCallerHasWritten() throws Exception {
    AutoCloseable hold = lock(bob).acquire();
    ann.begin();
    ann.ask("INSERT INTO written VALUES (1)");
    assertThat(lock(ann).tryAcquire(BRIEFLY)).isEmpty();
    ann.ask("INSERT INTO written VALUES (2)");
    ann.commit();
    assertThat(server.execute(database, "SELECT id FROM written ORDER BY 1"))
        .containsExactly("1", "2");

    ann.begin();
    ann.ask("INSERT INTO written VALUES (3)");
    ann.ask("SET LOCAL lock_timeout = '30ms'");
    assertThat(told(() -> lock(ann).acquire()))
        .isInstanceOf(LockException.class)
        .hasMessageContaining("55P03");
    assertThat(told(() -> ann.ask("INSERT INTO written VALUES (4)")))
        .hasMessageContaining("aborted");
    assertThat(told(() -> lock(ann).tryAcquire()))
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("TRANSACTION_FAILED");
    ann.rollback();
    hold.close();
    assertThat(server.execute(database, "SELECT id FROM written ORDER BY 1"))
        .containsExactly("1", "2");
    assertThat(isFree()).isTrue();
  }

  @Test
  void aTimeOutOfTheSessionsOwnLeavesNothingHeld() throws Exception {
    AutoCloseable hold = lock(bob).acquire();
    ann.ask("SET statement_timeout = '30ms'");
    assertThat(told(() -> lock(ann).acquire())).isInstanceOf(LockException.class);
    assertThat(told(() -> lock(ann).tryAcquire(Patience.PROMPTLY)))
        .isInstanceOf(LockException.class);
    ann.begin();
    assertThat(told(() -> lock(ann).acquire())).isInstanceOf(LockException.class);
    hold.close();
    assertThat(isFree()).isTrue();
  }

  @Test
  void closingWhatSomebodyHasGivenBackSaysSo() throws Exception {
    AutoCloseable hold = lock(ann).acquire();
    ann.ask("SELECT pg_advisory_unlock_all()::text");
    assertThat(told(hold::close))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("x");
    hold.close();
  }

  private void failsTransaction() {
    assertThat(told(() -> ann.ask("SELECT 1 / 0"))).hasMessageContaining("division by zero");
  }
}
