package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Rows on servers that crash, and on standbys. */
class RowCrashTest {
  private static final RowSql SQL = new RowSql(PostgresRows.TABLE);

  /** Nothing but the statement itself sees to it: the server is told not to write a commit down before it answers. */
  private static final Map<String, String> CARELESS =
      Map.of("synchronous_commit", "off", "wal_writer_delay", "10s", "autovacuum", "off");

  @Test
  void aGrantThatWasToldOutlivesACrashAlsoWhereCommitsAreNotWaitedFor() throws Exception {
    try (PostgresServer server = PostgresServer.own(CARELESS)) {
      PostgresRows rows = PostgresRows.on(() -> server.connect("postgres"), "test");
      rows.setup().run();
      server.execute("postgres", "CREATE TABLE careless (number int)");
      server.execute("postgres", "CHECKPOINT");
      RowStore store = rows.store();
      takeNow(store, "ann", "x");
      takeNow(store, "ann", "y", "z");
      server.execute("postgres", "INSERT INTO careless VALUES (1)");
      store.close();
      server.kill();
      server.start();
      assertThat(server.execute("postgres", "SELECT name || client FROM holdfast_lock ORDER BY 1"))
          .containsExactly("xann", "yann", "zann");
      // Else the server was not as careless as it was told to be, and the above says nothing.
      assertThat(server.execute("postgres", "SELECT number::text FROM careless")).isEmpty();
    }
  }

  @Test
  void tokensGrowOverACrashInTheMiddleOfTakingSeveral() throws Exception {
    try (PostgresServer server = PostgresServer.own(Map.of("synchronous_commit", "on"))) {
      PostgresRows rows = PostgresRows.on(() -> server.connect("postgres"), "test");
      rows.setup().run();
      RowStore store = rows.store();
      for (int i = 0; i < 3; i++) {
        promptly(
            store.release(((TakeAnswer.Taken) takeNow(store, "ann" + i, "y")).records().get(0)));
      }
      Standstill stopped = new Standstill(() -> server.connect("postgres"), SQL.level);
      RowStore doomed = PostgresRows.on(stopped, "test").store();
      CompletableFuture<TakeAnswer> both = doomed.take(take("bob", "x", "y"));
      stopped.awaitReached();
      server.kill();
      stopped.goOn();
      assertThatThrownBy(() -> promptly(both)).isInstanceOf(ExecutionException.class);
      server.start();
      assertThat(promptly(doomed.read("x")).isFree()).isTrue();
      assertThat(promptly(doomed.read("y")).isFree()).isTrue();
      TakeAnswer.Taken again = (TakeAnswer.Taken) takeNow(doomed, "bob again", "x", "y");
      assertThat(again.records()).hasSize(2).allMatch(record -> record.token() == 4);
      store.close();
      doomed.close();
    }
  }

  @Test
  void aStandbyIsRefusedAndOncePromotedItGoesOnWithTheTokens() throws Exception {
    try (PostgresServer primary = PostgresServer.own(Map.of())) {
      String rows = primary.url("postgres") + "?mode=rows";
      PostgresRows.on(() -> primary.connect("postgres"), "test").setup().run();
      try (LockClient client = LockClient.connect(rows)) {
        client.lock("x").acquire().close();
      }
      try (PostgresServer standby = primary.standby()) {
        String there = standby.url("postgres") + "?mode=rows";
        assertThatThrownBy(() -> LockClient.connect(there))
            .isInstanceOf(LockRefusedException.class)
            .hasMessageStartingWith("STANDBY: ");
        // A client whose primary became a standby while it was connected.
        RowStore demoted =
            PostgresRows.on(
                    new ConnectionSource() {
                      private boolean isDemoted;

                      @Override
                      public Connection open() throws SQLException {
                        Connection connection = (isDemoted ? standby : primary).connect("postgres");
                        isDemoted = true;
                        return connection;
                      }
                    },
                    "test")
                .store();
        primary.execute(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                + " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
        assertThatThrownBy(() -> promptly(demoted.read("x")));
        assertThatThrownBy(() -> promptly(demoted.take(take("ann", "x"))))
            .hasCauseInstanceOf(LockRefusedException.class)
            .hasMessageContaining("STANDBY: ");
        standby.execute("postgres", "SELECT pg_promote()");
        assertThat(promptly(demoted.take(take("ann", "y")))).isInstanceOf(TakeAnswer.Taken.class);
        demoted.close();
        try (LockClient client = LockClient.connect(there);
            Hold hold = client.lock("x").acquire()) {
          assertThat(hold.token()).isEqualTo(2);
        }
      }
    }
  }

  private static TakeAnswer takeNow(RowStore store, String client, String... names)
      throws Exception {
    TakeAnswer answer = promptly(store.take(take(client, names)));
    assertThat(answer).isInstanceOf(TakeAnswer.Taken.class);
    return answer;
  }

  private static Take take(String grant, String... names) {
    List<Take.Wanted> wanted =
        Stream.of(names)
            .map(name -> new Take.Wanted(name, Optional.empty(), Optional.empty()))
            .toList();
    return new Take(wanted, grant, "ann", Duration.ofSeconds(10), HoldData.empty());
  }
}
