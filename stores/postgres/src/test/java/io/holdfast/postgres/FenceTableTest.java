package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.spi.StoreSetup;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tokens of sessions' locks that are counted in a table. */
class FenceTableTest {
  private final PostgresServer server = PostgresServer.shared();
  private String database;

  @BeforeEach
  void make() {
    database = server.newDatabase();
  }

  private String url(String more) {
    return server.url(database) + "?tokens=table" + more;
  }

  private StoreSetup setup(String more) {
    return new PostgresProvider().setup(url(more)).orElseThrow();
  }

  @Test
  void withoutTheTableThereAreNoLocksAndSetupMakesIt() throws Exception {
    assertThatThrownBy(() -> LockClient.connect(url("")))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("NO_TABLE: ")
        .hasMessageContaining("holdfast_fence")
        .hasMessageContaining("setup");
    server.execute(database, setup("").script());
    assertThat(setup("").run()).isEqualTo("table holdfast_fence is there");
    try (LockClient client = LockClient.connect(url(""))) {
      for (long token = 1; token <= 10; token++) {
        try (Hold hold = client.lock("x").acquire()) {
          assertThat(hold.token()).isEqualTo(token);
        }
      }
    }
    assertThat(server.execute(database, "SELECT name || ' ' || token FROM holdfast_fence"))
        .containsExactly("x 10");
  }

  @Test
  void anotherTableInASchemaOfItsOwnWillDo() throws Exception {
    server.execute(database, "CREATE SCHEMA locks");
    setup("&table=locks.tokens").run();
    try (LockClient client = LockClient.connect(url("&table=locks.tokens"));
        Hold hold = client.lock("it's \"x\"; DROP TABLE locks.tokens").acquire()) {
      assertThat(hold.token()).isEqualTo(1);
    }
    assertThat(server.execute(database, "SELECT name FROM locks.tokens"))
        .containsExactly("it's \"x\"; DROP TABLE locks.tokens");
  }

  /** Whichever of the names the token is shown for, it is higher than all before. */
  @Test
  void severalHaveOneTokenThatIsHigherThanAnyBeforeOfThem() throws Exception {
    setup("").run();
    try (LockClient ann = LockClient.connect(url(""));
        LockClient bob = LockClient.connect(url(""))) {
      for (int i = 0; i < 5; i++) {
        ann.lock("x").acquire().close();
      }
      Hold both = ann.all(ann.lock("y"), ann.readWriteLock("x").read()).acquire();
      assertThat(both.token()).isEqualTo(6);
      Hold reader = bob.readWriteLock("x").read().acquire();
      assertThat(reader.token()).isEqualTo(7);
      CompletableFuture<Hold> waiting = bob.lock("y").acquireAsync();
      both.close();
      try (Hold next = promptly(waiting)) {
        assertThat(next.token()).isEqualTo(7);
      }
      reader.close();
    }
  }

  @Test
  void tokensGrowOverACrashAlsoWhereCommitsAreNotWaitedFor() throws Exception {
    try (PostgresServer own =
        PostgresServer.own(Map.of("synchronous_commit", "off", "wal_writer_delay", "10s"))) {
      String url = own.url("postgres") + "?tokens=table";
      new PostgresProvider().setup(url).orElseThrow().run();
      long token;
      try (LockClient client = LockClient.connect(url)) {
        client.lock("x").acquire().close();
        client.all(client.lock("x"), client.lock("y")).acquire().close();
        token = client.lock("x").acquire().token();
        own.kill();
      }
      own.start();
      try (LockClient client = LockClient.connect(url);
          Hold hold = client.lock("x").acquire()) {
        assertThat(hold.token()).isEqualTo(token + 1);
      }
    }
  }

  /** Of what a role may be told to do as a rule, none keeps sessions of ours from counting. */
  @Test
  void aRoleThatIsIsolatedAndWritesNothingAsARuleHasTokens() throws Exception {
    setup("").run();
    String options =
        "&options=-c%20default_transaction_isolation=serializable"
            + "%20-c%20default_transaction_read_only=on";
    try (LockClient ann = LockClient.connect(url(options));
        LockClient bob = LockClient.connect(url(options))) {
      for (int i = 1; i < 6; i++) {
        Hold hold = ann.lock("x").acquire();
        CompletableFuture<Hold> waiting = bob.lock("x").acquireAsync();
        hold.close();
        try (Hold next = promptly(waiting)) {
          assertThat(next.token()).isEqualTo(2L * i);
        }
      }
    }
  }

  @Test
  void aRoleWithoutRightsToTheTableIsToldAndHoldsNothing() throws Exception {
    setup("").run();
    server.execute(database, "CREATE ROLE fenceless LOGIN");
    String url = url("").replace("postgres@", "fenceless@");
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("NO_PERMISSION: ");
    server.execute(database, "GRANT SELECT ON holdfast_fence TO fenceless");
    try (LockClient client = LockClient.connect(url);
        LockClient other = LockClient.connect(url(""))) {
      assertThatThrownBy(() -> client.lock("x").acquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("NO_PERMISSION: ");
      other.lock("x").tryAcquire().orElseThrow().close();
      server.execute(database, "GRANT INSERT, UPDATE ON holdfast_fence TO fenceless");
      client.lock("x").tryAcquire().orElseThrow().close();
    }
  }
}
