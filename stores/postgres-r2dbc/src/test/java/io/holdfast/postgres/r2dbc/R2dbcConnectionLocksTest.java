package io.holdfast.postgres.r2dbc;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.until;
import static io.holdfast.postgres.r2dbc.Sessions.did;
import static io.holdfast.postgres.r2dbc.Sessions.run;
import static io.holdfast.postgres.r2dbc.Sessions.statement;
import static io.holdfast.postgres.r2dbc.Sessions.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.postgres.Patience;
import io.holdfast.postgres.r2dbc.R2dbcConnectionLocks.ConnectionHold;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Locks of the session of a caller's R2DBC connection. */
class R2dbcConnectionLocksTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private static Sessions sessions;

  private Connection ann;
  private Connection bob;

  @BeforeAll
  static void start() {
    sessions = new Sessions();
    sessions.server.execute(sessions.database, "CREATE TABLE kept (id int)");
  }

  @BeforeEach
  void connect() {
    ann = sessions.connect();
    bob = sessions.connect();
  }

  @AfterEach
  void close() {
    did(ann.close());
    did(bob.close());
  }

  @Test
  void aLockIsHeldUntilItIsClosedWhateverTransactionsDo() {
    did(ann.beginTransaction());
    ConnectionHold hold = hold(lock(ann).acquire());
    did(ann.commitTransaction());
    did(ann.beginTransaction());
    did(ann.rollbackTransaction());
    assertThat(hold(lock(bob).tryAcquire())).isNull();
    assertThat(hold(lock(bob).tryAcquire(BRIEFLY))).isNull();
    did(hold.close());
    did(hold.close());
    did(hold(lock(bob).tryAcquire()).close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void readersShareAndAWriterIsAlone() {
    ConnectionHold one = hold(R2dbcConnectionLocks.on(ann).sharedLock("x").acquire());
    ConnectionHold two = hold(R2dbcConnectionLocks.on(bob).sharedLock("x").tryAcquire(BRIEFLY));
    assertThat(hold(lock(bob).tryAcquire(BRIEFLY))).isNull();
    did(one.close());
    did(hold(lock(bob).tryAcquire(BRIEFLY)).close());
    did(two.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void locksOfR2dbcAndOfClientsExcludeEachOther() throws Exception {
    try (LockClient client = LockClient.connect(sessions.server.url(sessions.database))) {
      Hold theirs = client.lock("x").acquire();
      assertThat(hold(lock(ann).tryAcquire())).isNull();
      CompletableFuture<ConnectionHold> waiting = Mono.from(lock(ann).acquire()).toFuture();
      theirs.close();
      ConnectionHold ours = promptly(waiting);
      assertThat(client.lock("x").tryAcquire()).isEmpty();
      CompletableFuture<Hold> again = client.lock("x").acquireAsync();
      did(ours.close());
      promptly(again).close();
    }
  }

  /** In another library a try that failed counted as held. */
  @Test
  void aFailedTryDoesNotCorruptTheCount() {
    ConnectionHold hold = hold(lock(bob).acquire());
    for (int i = 0; i < 3; i++) {
      assertThat(hold(lock(ann).tryAcquire())).isNull();
      assertThat(hold(lock(ann).tryAcquire(BRIEFLY))).isNull();
    }
    did(hold.close());
    ConnectionHold once = hold(lock(ann).tryAcquire());
    ConnectionHold twice = hold(lock(ann).tryAcquire(BRIEFLY));
    did(once.close());
    assertThat(hold(lock(bob).tryAcquire())).isNull();
    did(twice.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aBodyPublishesWhileTheLockIsHeldAndEndsWhenItIsGivenBack() {
    AtomicBoolean wasFree = new AtomicBoolean(true);
    Publisher<Long> body =
        lock(ann)
            .call(
                () ->
                    Flux.concat(
                        Mono.fromRunnable(() -> wasFree.set(sessions.isFree("x"))),
                        statement(ann, "INSERT INTO kept VALUES (1)"),
                        statement(ann, "INSERT INTO kept VALUES (2), (3)")));
    assertThat(Flux.from(body).limitRate(1).collectList().block(Patience.PROMPTLY))
        .isEqualTo(List.of(1L, 2L));
    assertThat(wasFree).isFalse();
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(sessions.server.execute(sessions.database, "SELECT id FROM kept")).hasSize(3);
  }

  @Test
  void whatTheBodyFailsWithIsToldAndTheLockIsGivenBack() {
    did(ann.beginTransaction());
    IOException thrown = new IOException("of the body's");
    assertThat(told(lock(ann).call(() -> Mono.error(thrown))))
        .isSameAs(thrown)
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(ann.isAutoCommit()).as("rolled back").isTrue();
    IllegalStateException early = new IllegalStateException("of the supplier's");
    assertThat(
            told(
                lock(ann)
                    .call(
                        () -> {
                          throw early;
                        })))
        .isSameAs(early)
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void anErrorOfTheBodysIsToldAndTheLockIsGivenBack() {
    AssertionError thrown = new AssertionError("of the body's");
    assertThat(
            told(
                lock(ann)
                    .call(
                        () -> {
                          throw thrown;
                        })))
        .isSameAs(thrown);
    assertThat(sessions.isFree("x")).isTrue();
    assertThat(told(lock(ann).call(() -> null))).isInstanceOf(NullPointerException.class);
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** In another library the failure to unlock hid what had failed, and the lock stayed held. */
  @Test
  void aStatementThatFailsIsToldAndTheLockIsGivenBack() {
    did(ann.beginTransaction());
    assertThat(told(lock(ann).call(() -> statement(ann, "SELECT 1 / 0"))))
        .isInstanceOf(R2dbcException.class)
        .hasMessageContaining("division by zero")
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();

    did(ann.beginTransaction());
    assertThat(
            told(
                Flux.usingWhen(
                    lock(ann).acquire(),
                    hold -> statement(ann, "SELECT 1 / 0"),
                    ConnectionHold::close,
                    ConnectionHold::closeAfter,
                    ConnectionHold::close)))
        .hasMessageContaining("division by zero")
        .hasNoSuppressedExceptions();
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aFailureToGiveBackIsSuppressedInWhatTheBodyFailedWith() {
    IOException thrown = new IOException("of the body's");
    assertThat(
            told(
                lock(ann)
                    .call(
                        () ->
                            statement(ann, "SELECT pg_advisory_unlock_all()::text")
                                .thenMany(Mono.error(thrown)))))
        .isSameAs(thrown);
    assertThat(thrown.getSuppressed())
        .singleElement()
        .isInstanceOf(IllegalStateException.class)
        .extracting(Throwable::getMessage)
        .asString()
        .contains("did not hold x");
  }

  @Test
  void withoutRollbackTheUserHasToRollBackBeforeTheLockCanBeGivenBack() {
    did(ann.beginTransaction());
    ConnectionHold hold =
        hold(R2dbcConnectionLocks.on(ann).rollbackOnError(false).lock("x").acquire());
    assertThatThrownBy(() -> run(ann, "SELECT 1 / 0")).isInstanceOf(R2dbcException.class);
    assertThat(told(hold.close())).isInstanceOf(LockException.class);
    assertThat(sessions.isFree("x")).isFalse();
    did(ann.rollbackTransaction());
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aTransactionThatHasFailedIsRolledBackSoThatTheLockIsGivenBack() {
    did(ann.beginTransaction());
    ConnectionHold hold = hold(lock(ann).acquire());
    assertThatThrownBy(() -> run(ann, "SELECT 1 / 0")).isInstanceOf(R2dbcException.class);
    assertThat(told(hold.close())).hasMessageContaining("rolled back");
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** Else he would hear of something else only, and commit half of what he meant to. */
  @Test
  void aRollbackIsToldWhateverComesOfTheUnlockAfterIt() {
    run(ann, sessions.server.refusingUnlocks(sessions.database));
    did(ann.beginTransaction());
    ConnectionHold hold = hold(lock(ann).acquire());
    assertThatThrownBy(() -> run(ann, "SELECT 1 / 0")).isInstanceOf(R2dbcException.class);
    assertThat(told(hold.close()))
        .isInstanceOf(LockException.class)
        .hasMessageContaining("not now")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
    run(ann, "RESET search_path");
    assertThat(told(hold.close()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rolled back");
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();

    did(ann.beginTransaction());
    ConnectionHold gone = hold(lock(ann).acquire());
    run(ann, "SELECT pg_advisory_unlock_all()::text");
    assertThatThrownBy(() -> run(ann, "SELECT 1 / 0")).isInstanceOf(R2dbcException.class);
    assertThat(told(gone.close()))
        .hasMessageContaining("did not hold")
        .satisfies(thrown -> assertThat(thrown.getSuppressed()[0]).hasMessageContaining("rolled"));
  }

  /** He would go on in a new transaction, and commit half of what he meant to. */
  @Test
  void acquiringNeverRollsBackWhatItsCallerHasWritten() {
    ConnectionHold hold = hold(lock(bob).acquire());
    did(ann.beginTransaction());
    run(ann, "INSERT INTO kept VALUES (11)");
    run(ann, "SET LOCAL lock_timeout = '30ms'");
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
    assertThatThrownBy(() -> run(ann, "INSERT INTO kept VALUES (12)"))
        .hasMessageContaining("aborted");
    did(ann.rollbackTransaction());
    did(hold.close());
    assertThat(sessions.server.execute(sessions.database, "SELECT id FROM kept WHERE id > 10"))
        .isEmpty();
    assertThat(sessions.isFree("x")).isTrue();
  }

  @Test
  void aTimeOutOfTheSessionsOwnLeavesNothingHeld() {
    ConnectionHold hold = hold(lock(bob).acquire());
    run(ann, "SET statement_timeout = '30ms'");
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
    assertThat(told(lock(ann).tryAcquire(Duration.ofSeconds(5)))).isInstanceOf(LockException.class);
    did(ann.beginTransaction());
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
    did(hold.close());
    assertThat(sessions.isFree("x")).isTrue();
  }

  /** Whoever went away while waiting cannot close what was granted afterwards. */
  @Test
  void whatACancelledSubscriberWasGrantedIsGivenBack() throws Exception {
    ConnectionHold hold = hold(lock(bob).acquire());
    String pid = text(ann, "SELECT pg_backend_pid()::text");
    Disposable waiting = Mono.from(lock(ann).acquire()).subscribe();
    sessions.untilWaiting(pid);
    waiting.dispose();
    did(hold.close());
    until("given back", () -> sessions.isFree("x"));
    assertThat(text(ann, "SHOW lock_timeout")).as("the connection goes on").isEqualTo("0");

    AtomicBoolean ran = new AtomicBoolean();
    ConnectionHold again = hold(lock(bob).acquire());
    did(ann.beginTransaction());
    Disposable called =
        Flux.from(lock(ann).call(() -> Mono.fromRunnable(() -> ran.set(true)))).subscribe();
    sessions.untilWaiting(pid);
    called.dispose();
    did(again.close());
    until("given back", () -> sessions.isFree("x"));
    assertThat(ran).isFalse();
    assertThat(ann.isAutoCommit()).as("its transaction is its own").isFalse();
  }

  @Test
  void aBodyThatIsCancelledIsRolledBackAndTheLockIsGivenBack() {
    did(ann.beginTransaction());
    CompletableFuture<Void> started = new CompletableFuture<>();
    AtomicBoolean cancelled = new AtomicBoolean();
    Disposable called =
        Flux.from(
                lock(ann)
                    .call(
                        () ->
                            Flux.never()
                                .doOnSubscribe(source -> started.complete(null))
                                .doOnCancel(() -> cancelled.set(true))))
            .subscribe();
    started.orTimeout(10, java.util.concurrent.TimeUnit.SECONDS).join();
    assertThat(sessions.isFree("x")).isFalse();
    called.dispose();
    assertThat(cancelled).isTrue();
    until("given back", () -> sessions.isFree("x"));
    assertThat(ann.isAutoCommit()).as("rolled back").isTrue();
  }

  @Test
  void closingWhatSomebodyHasGivenBackSaysSo() {
    ConnectionHold hold = hold(lock(ann).acquire());
    run(ann, "SELECT pg_advisory_unlock_all()::text");
    assertThat(told(hold.close()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("x");
    did(hold.close());
  }

  @Test
  void onABrokenConnectionTheBodysFailureIsTold() {
    String pid = text(ann, "SELECT pg_backend_pid()::text");
    Throwable thrown =
        told(
            lock(ann)
                .call(
                    () ->
                        Mono.fromRunnable(
                                () ->
                                    sessions.server.execute(
                                        sessions.database,
                                        "SELECT pg_terminate_backend(" + pid + ")"))
                            .thenMany(statement(ann, "SELECT 1"))));
    assertThat(thrown).isInstanceOf(R2dbcException.class);
    until("its end freed it", () -> sessions.isFree("x"));
    assertThat(told(lock(ann).acquire())).isInstanceOf(LockException.class);
  }

  @Test
  void requestingNothingIsAMistake() {
    for (Publisher<?> publisher :
        List.of(lock(ann).acquire(), lock(ann).call(() -> Mono.just(1)))) {
      CompletableFuture<Throwable> told = new CompletableFuture<>();
      publisher.subscribe(
          new org.reactivestreams.Subscriber<Object>() {
            @Override
            public void onSubscribe(org.reactivestreams.Subscription subscription) {
              subscription.request(0);
            }

            @Override
            public void onNext(Object item) {}

            @Override
            public void onError(Throwable thrown) {
              told.complete(thrown);
            }

            @Override
            public void onComplete() {}
          });
      assertThat(told).isCompletedWithValueMatching(IllegalArgumentException.class::isInstance);
    }
    assertThat(sessions.isFree("x")).isTrue();
  }

  private static R2dbcConnectionLocks.ConnectionLock lock(Connection connection) {
    return R2dbcConnectionLocks.on(connection).lock("x");
  }

  /** Null if it is busy. */
  private static ConnectionHold hold(Publisher<ConnectionHold> publisher) {
    return Mono.from(publisher).block(Patience.PROMPTLY);
  }

  /** What it fails with, without the blocking call's own trace. */
  private static Throwable told(Publisher<?> publisher) {
    CompletableFuture<Void> last = Flux.from(publisher).then().toFuture();
    return catchThrowable(() -> promptly(last)).getCause();
  }
}
