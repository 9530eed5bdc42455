package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.StoreUnavailableException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sessions are opened by code of others', which may fail in any way, or not return. */
class OpeningTest {
  private static final Duration BRIEFLY = Duration.ofMillis(200);

  private static PostgresServer server;
  private static String database;

  private final List<Connection> opened = new ArrayList<>();
  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicReference<ConnectionSource> source =
      new AtomicReference<>(() -> server.connect(database));
  private LockClient client;

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
  }

  @BeforeEach
  void connect() {
    client =
        PostgresLocks.on(
                () -> {
                  asked.incrementAndGet();
                  Connection connection = source.get().open();
                  opened.add(connection);
                  return connection;
                })
            .maxSessions(1)
            .connect();
  }

  @AfterEach
  void close() {
    client.close();
  }

  /** A token that has run out, say, for whose renewal there is no network. */
  @Test
  void aSourceThatThrowsWhatItLikesFailsWhoAskedAndNobodyAfter() throws Exception {
    ConnectionSource good = source.get();
    source.set(
        () -> {
          throw new IllegalStateException("no credentials");
        });
    loseTheSession();
    assertThatThrownBy(() -> client.lock("x").acquire())
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("no credentials");
    assertThatThrownBy(() -> client.lock("y").tryAcquire())
        .isInstanceOf(StoreUnavailableException.class);
    assertThatThrownBy(() -> promptly(client.lock("z").acquireAsync()))
        .hasCauseInstanceOf(StoreUnavailableException.class);
    source.set(good);
    client.lock("x").acquire().close();
    assertThat(client.lock("y").tryAcquire()).isPresent();
  }

  @Test
  void patienceEndsInTimeAndAnInterruptAtOnceThoughNoSessionCanBeHad() throws Exception {
    ConnectionSource good = source.get();
    CountDownLatch back = new CountDownLatch(1);
    source.set(
        () -> {
          await(back);
          return good.open();
        });
    loseTheSession();
    Duration waited = timed(() -> assertThat(client.lock("x").tryAcquire(BRIEFLY)).isEmpty());
    assertThat(waited).isBetween(BRIEFLY, BRIEFLY.plusSeconds(1));

    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    Thread waiting =
        new Thread(
            () -> {
              try {
                client.lock("x").acquire();
                interrupted.complete(false);
              } catch (InterruptedException e) {
                interrupted.complete(true);
              }
            });
    waiting.start();
    until("it waits", () -> waiting.getState() == Thread.State.WAITING);
    waiting.interrupt();
    assertThat(interrupted.get(1, TimeUnit.SECONDS)).isTrue();

    back.countDown();
    client.lock("x").acquire().close();
    assertThat(opened).hasSize(2);
  }

  /** That a lock is busy is for the server to say. */
  @Test
  void aTryWaitsForTheSessionThatIsBeingOpened() throws Exception {
    ConnectionSource good = source.get();
    CountDownLatch isOpening = new CountDownLatch(1);
    CountDownLatch mayOpen = new CountDownLatch(1);
    source.set(
        () -> {
          isOpening.countDown();
          await(mayOpen);
          return good.open();
        });
    loseTheSession();
    CompletableFuture<Optional<Hold>> one =
        CompletableFuture.supplyAsync(() -> client.lock("x").tryAcquire());
    await(isOpening);
    CompletableFuture<Optional<Hold>> other =
        CompletableFuture.supplyAsync(() -> client.lock("y").tryAcquire());
    assertThatThrownBy(() -> other.get(BRIEFLY.toMillis(), TimeUnit.MILLISECONDS))
        .isInstanceOf(java.util.concurrent.TimeoutException.class);
    mayOpen.countDown();
    assertThat(promptly(one)).isPresent();
    assertThat(promptly(other)).isPresent();
    assertThat(asked).hasValue(2);
  }

  @Test
  void aSessionThatComesTooLateForItsClientIsClosed() throws Exception {
    ConnectionSource good = source.get();
    CountDownLatch isOpening = new CountDownLatch(1);
    CountDownLatch mayOpen = new CountDownLatch(1);
    CompletableFuture<Connection> late = new CompletableFuture<>();
    source.set(
        () -> {
          isOpening.countDown();
          await(mayOpen);
          late.complete(good.open());
          return late.join();
        });
    loseTheSession();
    CompletableFuture<Hold> asked = client.lock("x").acquireAsync();
    await(isOpening);
    client.close();
    assertThatThrownBy(() -> promptly(asked)).hasCauseInstanceOf(IllegalStateException.class);
    mayOpen.countDown();
    Connection connection = promptly(late);
    until("it is closed", () -> isClosed(connection));
  }

  private static boolean isClosed(Connection connection) {
    try {
      return connection.isClosed();
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private void loseTheSession() throws Exception {
    Hold hold = client.lock("lost").acquire();
    opened.get(0).abort(Runnable::run);
    promptly(hold.lost());
  }

  private static void await(CountDownLatch latch) throws SQLException {
    try {
      if (!latch.await(Patience.PROMPTLY.toSeconds(), TimeUnit.SECONDS)) {
        throw new SQLException("nobody has opened the latch", "08001");
      }
    } catch (InterruptedException e) {
      throw new SQLException(e);
    }
  }
}
