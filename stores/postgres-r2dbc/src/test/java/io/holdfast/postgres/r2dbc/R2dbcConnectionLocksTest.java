package io.holdfast.postgres.r2dbc;

import static io.holdfast.postgres.Patience.until;
import static io.holdfast.postgres.r2dbc.R2dbcCaller.all;
import static io.holdfast.postgres.r2dbc.R2dbcCaller.one;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.LockException;
import io.holdfast.postgres.ConnectionLockFacts;
import io.holdfast.postgres.PostgresKeys;
import io.holdfast.postgres.r2dbc.R2dbcConnectionLocks.ConnectionHold;
import io.holdfast.postgres.r2dbc.R2dbcConnectionLocks.ConnectionLock;
import io.r2dbc.spi.R2dbcException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Locks of the session of a caller's R2DBC connection. */
class R2dbcConnectionLocksTest extends ConnectionLockFacts<R2dbcCaller> {
  @Override
  protected R2dbcCaller connect(int port) throws Exception {
    return new R2dbcCaller(port, database);
  }

  @Override
  protected Lock lock(R2dbcCaller caller) {
    return waiting(caller, x(caller));
  }

  @Override
  protected Lock sharedLock(R2dbcCaller caller) {
    return waiting(caller, R2dbcConnectionLocks.on(caller.connection).sharedLock("x"));
  }

  @Override
  protected Lock lockWithoutRollback(R2dbcCaller caller) {
    return waiting(
        caller, R2dbcConnectionLocks.on(caller.connection).rollbackOnError(false).lock("x"));
  }

  @Override
  protected Lock lockByOldKeys(R2dbcCaller caller) {
    PostgresKeys old = PostgresKeys.pythonUpTo015();
    return waiting(caller, R2dbcConnectionLocks.on(caller.connection).keys(old).lock("x"));
  }

  private static ConnectionLock x(R2dbcCaller caller) {
    return R2dbcConnectionLocks.on(caller.connection).lock("x");
  }

  private static Lock waiting(R2dbcCaller caller, ConnectionLock lock) {
    return new Lock() {
      @Override
      public AutoCloseable acquire() throws Exception {
        return hold(lock.acquire()).orElseThrow();
      }

      @Override
      public Optional<AutoCloseable> tryAcquire() throws Exception {
        return hold(lock.tryAcquire());
      }

      @Override
      public Optional<AutoCloseable> tryAcquire(Duration maxWait) throws Exception {
        return hold(lock.tryAcquire(maxWait));
      }

      @Override
      public void call(String sql, Exception failure) throws Exception {
        all(lock.call(() -> caller.statement(sql).thenMany(Mono.error(failure))));
      }

      @Override
      public void call(RuntimeException thrown) throws Exception {
        all(
            lock.call(
                () -> {
                  throw thrown;
                }));
      }

      @Override
      public void call(Error thrown) throws Exception {
        all(
            lock.call(
                () -> {
                  throw thrown;
                }));
      }
    };
  }

  private static Optional<AutoCloseable> hold(Publisher<ConnectionHold> publisher)
      throws Exception {
    return one(publisher).map(hold -> () -> all(hold.close()));
  }

  @Test
  void aBodyPublishesWhileTheLockIsHeldAndEndsWhenItIsGivenBack() throws Exception {
    server.execute(database, "CREATE TABLE kept (id int)");
    AtomicBoolean wasFree = new AtomicBoolean(true);
    Publisher<Long> body =
        x(ann)
            .call(
                () ->
                    Flux.concat(
                        Mono.fromRunnable(() -> wasFree.set(isFree())),
                        ann.statement("INSERT INTO kept VALUES (1)"),
                        ann.statement("INSERT INTO kept VALUES (2), (3)")));
    assertThat(all(Flux.from(body).limitRate(1))).isEqualTo(List.of(1L, 2L));
    assertThat(wasFree).isFalse();
    assertThat(isFree()).isTrue();
    assertThat(server.execute(database, "SELECT id FROM kept")).hasSize(3);
  }

  @Test
  void aSupplierOfNoBodyIsAMistakeAndTheLockIsGivenBack() {
    assertThat(told(() -> all(x(ann).call(() -> null)))).isInstanceOf(NullPointerException.class);
    assertThat(isFree()).isTrue();
  }

  @Test
  void reactorsOwnWayToUseAndCloseTellsTheSame() throws Exception {
    ann.begin();
    assertThat(
            told(
                () ->
                    all(
                        Flux.usingWhen(
                            x(ann).acquire(),
                            hold -> ann.statement("SELECT 1 / 0"),
                            ConnectionHold::close,
                            ConnectionHold::closeAfter,
                            ConnectionHold::close))))
        .isInstanceOf(R2dbcException.class)
        .hasMessageContaining("division by zero")
        .hasNoSuppressedExceptions();
    assertThat(isFree()).isTrue();
  }

  /** Whoever went away while waiting cannot close what was granted afterwards. */
  @Test
  void whatACancelledSubscriberWasGrantedIsGivenBack() throws Exception {
    AutoCloseable hold = lock(bob).acquire();
    String pid = pid(ann);
    Disposable waiting = Mono.from(x(ann).acquire()).subscribe();
    untilWaiting(pid);
    waiting.dispose();
    hold.close();
    until("given back", this::isFree);
    assertThat(ann.ask("SHOW lock_timeout")).as("the connection goes on").isEqualTo("0");

    AtomicBoolean ran = new AtomicBoolean();
    AutoCloseable again = lock(bob).acquire();
    ann.begin();
    Disposable called =
        Flux.from(x(ann).call(() -> Mono.fromRunnable(() -> ran.set(true)))).subscribe();
    untilWaiting(pid);
    called.dispose();
    again.close();
    until("given back", this::isFree);
    assertThat(ran).isFalse();
    assertThat(ann.isInTransaction()).as("its transaction is its own").isTrue();
  }

  @Test
  void aBodyThatIsCancelledIsRolledBackAndTheLockIsGivenBack() throws Exception {
    ann.begin();
    CompletableFuture<Void> started = new CompletableFuture<>();
    AtomicBoolean cancelled = new AtomicBoolean();
    Disposable called =
        Flux.from(
                x(ann)
                    .call(
                        () ->
                            Flux.never()
                                .doOnSubscribe(source -> started.complete(null))
                                .doOnCancel(() -> cancelled.set(true))))
            .subscribe();
    started.get(10, TimeUnit.SECONDS);
    assertThat(isFree()).isFalse();
    called.dispose();
    assertThat(cancelled).isTrue();
    until("given back", this::isFree);
    assertThat(ann.isInTransaction()).as("not rolled back").isFalse();
  }

  @Test
  void onABrokenConnectionTheBodysFailureIsTold() throws Exception {
    String end = "SELECT pg_terminate_backend(" + pid(ann) + ")";
    assertThat(
            told(
                () ->
                    all(
                        x(ann)
                            .call(
                                () ->
                                    Mono.fromRunnable(() -> server.execute(database, end))
                                        .thenMany(ann.statement("SELECT 1"))))))
        .isInstanceOf(R2dbcException.class);
    until("its end freed it", this::isFree);
    assertThat(told(() -> lock(ann).acquire())).isInstanceOf(LockException.class);
  }

  @Test
  void requestingNothingIsAMistake() {
    for (Publisher<?> publisher : List.of(x(ann).acquire(), x(ann).call(() -> Mono.just(1)))) {
      CompletableFuture<Throwable> told = new CompletableFuture<>();
      publisher.subscribe(
          new Subscriber<Object>() {
            @Override
            public void onSubscribe(Subscription subscription) {
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
    assertThat(isFree()).isTrue();
  }
}
