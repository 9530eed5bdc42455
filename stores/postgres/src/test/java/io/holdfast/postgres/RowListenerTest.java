package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.testkit.ManualTicker;
import io.holdfast.testkit.lease.FaultyLeaseStore;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Waiters that are told of releases in other processes. */
class RowListenerTest {
  private static final String LISTENERS =
      " FROM pg_stat_activity WHERE datname = current_database()"
          + " AND query LIKE 'LISTEN holdfast_%'";

  private final PostgresServer server = PostgresServer.shared();
  private String database;

  @BeforeEach
  void make() {
    database = server.newDatabase();
    rows().setup().run();
  }

  /** Time stands still for the waiter, so it never looks again by itself. */
  @Test
  void aReleaseInAnotherProcessIsHeardOf() throws Exception {
    PostgresRows rows = rows().listening(this::connect);
    try (Waiter bob = new Waiter(rows);
        LockClient ann = rows.connect()) {
      until("both listen", () -> listeners() == 2);
      bob.isToldOfAReleaseBy(ann);
    }
    until("nobody listens", () -> listeners() == 0);
  }

  /** And what an operator takes is heard of with all that was granted with it, which its holder need not give back first. */
  @Test
  void allThatAnOperatorFreesAtOnceIsHeardOf() throws Exception {
    PostgresRows rows = rows().listening(this::connect);
    try (Waiter bob = new Waiter(rows);
        Waiter cid = new Waiter(rows);
        LockClient ann = rows.connect()) {
      until("all listen", () -> listeners() == 3);
      Hold hold = ann.all(ann.lock("x"), ann.lock("y")).acquire();
      assertThat(bob.client.lock("x").tryAcquire()).isEmpty();
      CompletableFuture<Hold> waiting = bob.client.lock("x").acquireAsync();
      assertThat(cid.client.forceRelease("y", hold.token())).isTrue();
      bob.isTold(waiting, cid.client);
    }
  }

  @Test
  void aSessionThatWasEndedIsReplaced() throws Exception {
    PostgresRows rows = rows().listening(this::connect);
    try (Waiter bob = new Waiter(rows);
        LockClient ann = rows.connect()) {
      until("both listen", () -> listeners() == 2);
      server.execute(database, "SELECT pg_terminate_backend(pid)" + LISTENERS);
      until("both are gone", () -> listeners() == 0);
      until("both listen again", () -> listeners() == 2);
      bob.isToldOfAReleaseBy(ann);
    }
  }

  /** It would never hear of anything. */
  @Test
  void whoWouldListenToAnotherDatabaseIsRefused() {
    String other = server.newDatabase();
    PostgresRows.on(() -> server.connect(other), "test").setup().run();
    assertThatThrownBy(() -> rows().listening(() -> server.connect(other)).connect())
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("LISTENS_ELSEWHERE");
  }

  @Test
  void aUrlSaysWhereToListen() throws Exception {
    String url = server.url(database) + "?mode=rows&listen=127.0.0.1:" + server.port();
    try (LockClient client = LockClient.connect(url)) {
      until("it listens", () -> listeners() == 1);
      client.lock("x").acquire().close();
    }
  }

  private Connection connect() throws SQLException {
    return server.connect(database);
  }

  private PostgresRows rows() {
    return PostgresRows.on(this::connect, "test");
  }

  private int listeners() {
    return Integer.parseInt(server.execute(database, "SELECT count(*)" + LISTENERS).get(0));
  }

  /** A client in a process of its own, whose clock stands still. */
  private static final class Waiter implements AutoCloseable {
    private final FaultyLeaseStore store;
    private final LockClient client;
    private final RowStore rows;

    Waiter(PostgresRows rows) {
      ManualTicker ticker = new ManualTicker(0);
      ClientOptions options = ClientOptions.defaults().name("bob").ticker(ticker);
      this.rows = rows.store();
      store = new FaultyLeaseStore(this.rows, "bob's process", ticker);
      client = LockClient.over(LeaseLocks.over(store, options), options);
    }

    void isToldOfAReleaseBy(LockClient ann) throws Exception {
      Hold hold = ann.lock("x").acquire();
      assertThat(client.lock("x").tryAcquire()).isEmpty();
      CompletableFuture<Hold> waiting = client.lock("x").acquireAsync();
      hold.close();
      isTold(waiting, ann);
    }

    void isTold(CompletableFuture<Hold> waiting, LockClient another) throws Exception {
      until(
          "bob has it",
          () -> {
            if (!waiting.isDone()) { // perhaps its first look was under way when it was told
              another.lock("x").tryAcquire().ifPresent(Hold::close);
            }
            return waiting.isDone();
          });
      assertThat(promptly(waiting).isHeld()).isTrue();
      promptly(waiting).close();
    }

    @Override
    public void close() {
      client.close();
      rows.close(); // which the way to it does not
    }
  }
}
