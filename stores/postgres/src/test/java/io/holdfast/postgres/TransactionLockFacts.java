package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.PROMPTLY;
import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What holds of locks that end with the transaction of a caller's connection, whichever its driver. */
public abstract class TransactionLockFacts<C extends Caller> extends CallerFacts<C> {
  /** A lock on {@code x}. */
  protected abstract Lock lock(C caller);

  protected abstract Lock sharedLock(C caller);

  protected abstract Lock lockByOldKeys(C caller);

  /** As {@link Caller} has it: each call waits. */
  public interface Lock {
    void acquire() throws Exception;

    boolean tryAcquire() throws Exception;

    boolean tryAcquire(Duration maxWait) throws Exception;
  }

  @BeforeAll
  void makeTable() {
    server.execute(database, "CREATE TABLE written (id int)");
  }

  @BeforeEach
  void beginBoth() throws Exception {
    ann.begin();
    bob.begin();
  }

  @Test
  void aLockIsHeldUntilCommit() throws Exception {
    lock(ann).acquire();
    assertThat(lock(bob).tryAcquire()).isFalse();
    ann.commit();
    assertThat(lock(bob).tryAcquire()).isTrue();
  }

  @Test
  void aLockIsHeldUntilRollback() throws Exception {
    assertThat(lock(ann).tryAcquire(BRIEFLY)).isTrue();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isFalse();
    ann.rollback();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() throws Exception {
    sharedLock(ann).acquire();
    assertThat(sharedLock(bob).tryAcquire()).isTrue();
    assertThat(lock(bob).tryAcquire()).isFalse();
    ann.commit();
    assertThat(lock(bob).tryAcquire(BRIEFLY)).isTrue();
  }

  @Test
  void whoWaitsHasItWhenTheOtherCommits() throws Exception {
    lock(ann).acquire();
    String pid = pid(bob);
    CompletableFuture<Boolean> waiting = meanwhile(() -> lock(bob).tryAcquire(PROMPTLY));
    untilWaiting(pid);
    assertThat(waiting).isNotDone();
    ann.commit();
    assertThat(promptly(waiting)).isTrue();
  }

  @Test
  void otherKeysAreOtherLocks() throws Exception {
    lock(ann).acquire();
    assertThat(lockByOldKeys(bob).tryAcquire()).isTrue();
  }

  /** Another library's returned true there, and held nothing. */
  @Test
  void withoutATransactionItIsRefused() throws Exception {
    ann.commit();
    for (Throwable refused :
        new Throwable[] {
          told(() -> lock(ann).acquire()),
          told(() -> lock(ann).tryAcquire()),
          told(() -> lock(ann).tryAcquire(BRIEFLY))
        }) {
      assertThat(refused)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("the lock on x would be gone with the statement");
    }
    assertThat(isFree()).isTrue();
  }

  @Test
  void aWaitThatEndsWithoutTheLockLeavesTheTransactionAsItWas() throws Exception {
    lock(bob).acquire();
    ann.ask("SET LOCAL lock_timeout = '1234ms'");
    ann.ask("INSERT INTO written VALUES (1)");
    Duration took = timed(() -> assertThat(lock(ann).tryAcquire(BRIEFLY)).isFalse());
    assertThat(took).isGreaterThanOrEqualTo(BRIEFLY);
    assertThat(ann.ask("SHOW lock_timeout")).isEqualTo("1234ms");
    bob.commit();
    assertThat(lock(ann).tryAcquire(BRIEFLY)).isTrue();
    assertThat(ann.ask("SHOW lock_timeout")).isEqualTo("1234ms");
    ann.commit();
    assertThat(ann.ask("SHOW lock_timeout")).isEqualTo("0");
    assertThat(server.execute(database, "SELECT id FROM written WHERE id = 1"))
        .containsExactly("1");
  }

  @Test
  void aFailedTryHoldsNothingAndASuccessfulOneIsGivenBackOnce() throws Exception {
    lock(bob).acquire();
    assertThat(lock(ann).tryAcquire()).isFalse();
    assertThat(lock(ann).tryAcquire()).isFalse();
    bob.commit();
    assertThat(lock(ann).tryAcquire()).isTrue();
    assertThat(lock(ann).tryAcquire()).isTrue();
    ann.commit();
    assertThat(isFree()).isTrue();
  }

  @Test
  void aTransactionThatHasFailedSaysSo() {
    assertThat(told(() -> ann.ask("SELECT 1 / 0"))).hasMessageContaining("division by zero");
    assertThat(told(() -> lock(ann).acquire()))
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("TRANSACTION_FAILED: ");
  }

  @Test
  void aWaitThatIsCancelledAtTheServerFailsTheTransactionAndHoldsNothing() throws Exception {
    lock(bob).acquire();
    String pid = pid(ann);
    CompletableFuture<Boolean> waiting = meanwhile(() -> lock(ann).tryAcquire(PROMPTLY));
    untilWaiting(pid);
    server.execute(database, "SELECT pg_cancel_backend(" + pid + ")");
    assertThatThrownBy(() -> promptly(waiting))
        .cause()
        .isInstanceOf(LockException.class)
        .hasMessageStartingWith("57014");
    bob.commit();
    ann.rollback();
    assertThat(isFree()).isTrue();
  }

  /** Where the driver has heard of it by then, no transaction is open any more. */
  @Test
  void aBrokenConnectionIsToldAsALocksFailureOrHasNoTransaction() throws Exception {
    server.execute(database, "SELECT pg_terminate_backend(" + pid(ann) + ")");
    assertThat(told(() -> lock(ann).acquire()))
        .isInstanceOfAny(LockException.class, IllegalStateException.class);
  }

  @Test
  void negativePatienceFailsAtTheDoor() throws Exception {
    assertThat(told(() -> lock(ann).tryAcquire(Duration.ofMillis(-1))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("WAIT_NEGATIVE");
    assertThat(lock(ann).tryAcquire(Duration.ofSeconds(Long.MAX_VALUE))).isTrue();
  }

  @Test
  void locksOfTransactionsOfJdbcAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(server.url(database));
        Connection jdbc = server.connect(database)) {
      jdbc.setAutoCommit(false);
      Hold hold = client.lock("x").acquire();
      assertThat(lock(ann).tryAcquire()).isFalse();
      hold.close();
      assertThat(lock(ann).tryAcquire()).isTrue();
      assertThat(client.lock("x").tryAcquire()).isEmpty();
      assertThat(TransactionLocks.on(jdbc).lock("x").tryAcquire()).isFalse();
      CompletableFuture<Hold> waiting = client.lock("x").acquireAsync();
      ann.commit();
      promptly(waiting).close();
    }
  }

  /** Which lends a session for one transaction at a time. */
  @Test
  void aTransactionOfAPoolersHoldsItToItsEnd(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    try (Pgbouncer pooler = new Pgbouncer(folder, server, database);
        C cid = connect(pooler.port());
        C dan = connect(pooler.port())) {
      for (int i = 0; i < 2; i++) {
        cid.begin();
        lock(cid).acquire();
        dan.begin();
        assertThat(lock(dan).tryAcquire()).isFalse();
        assertThat(lock(dan).tryAcquire(BRIEFLY)).isFalse();
        CompletableFuture<Boolean> waiting = meanwhile(() -> lock(dan).tryAcquire(PROMPTLY));
        cid.commit();
        assertThat(promptly(waiting)).isTrue();
        assertThat(isFree()).isFalse();
        dan.rollback();
        assertThat(isFree()).isTrue();
      }
    }
  }
}
