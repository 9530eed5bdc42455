package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.ManualTicker;
import io.holdfast.testkit.lease.FaultyLeaseStore;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

/** The records as rows: what becomes of statements that are not answered, and of connections that are somebody else's. */
class RowStoreTest {
  private static final Duration LEASE = Duration.ofSeconds(10);
  private static final RowSql SQL = new RowSql(PostgresRows.TABLE);

  private final PostgresServer server = PostgresServer.shared();
  private String database;

  @BeforeEach
  void make() {
    database = server.newDatabase();
    rows().setup().run();
  }

  // ------------------------------------------------------------------------------------------------- bounds

  /** Its engine has given up by then, and others wait for the thread. */
  @Test
  void aStatementThatMeetsConflictsIsNotAskedAgainWhenItsTimeIsOver() {
    ManualTicker ticker = new ManualTicker(0);
    RowDatabase rows =
        new RowDatabase(RowConnections.kept(() -> server.connect(database)), "test", ticker);
    AtomicInteger asked = new AtomicInteger();
    assertThatThrownBy(
            () ->
                rows.use(
                    connection -> {
                      asked.incrementAndGet();
                      ticker.advance(RowDatabase.ANSWER.dividedBy(2));
                      throw new SQLException("conflict", "40001");
                    }))
        .isInstanceOf(LockException.class);
    assertThat(asked).hasValue(2);
    rows.close();
  }

  /** Else four such statements would be the end of the client: nobody would renew what it holds. */
  @Test
  void statementsIntoASilentNetworkEndAndTheNextGetThrough() throws Exception {
    try (SilentWire wire = new SilentWire(server.port())) {
      boolean[] isRepaired = {false};
      RowStore store =
          PostgresRows.on(
                  () ->
                      isRepaired[0]
                          ? server.connect(database)
                          : DriverManager.getConnection(
                              server
                                  .jdbcUrl(database)
                                  .replace(":" + server.port(), ":" + wire.port())),
                  "test")
              .store();
      try {
        inParallel(RowStore.MOST_STATEMENTS, () -> store.read("x"))
            .forEach(answer -> assertThat(answer).succeedsWithin(Patience.PROMPTLY));
        wire.fallSilent();
        isRepaired[0] = true;
        // The last one waits for a thread. When it has one, it must not meet another connection
        // that was cut off.
        List<CompletableFuture<LeaseRecord>> cutOff =
            inParallel(RowStore.MOST_STATEMENTS, () -> store.read("x"));
        CompletableFuture<LeaseRecord> next = store.read("x");
        assertThat(
                timed(
                    () -> {
                      for (CompletableFuture<LeaseRecord> each : cutOff) {
                        CompletableFuture<Object> ended = each.handle((found, failure) -> 0);
                        promptly(ended);
                      }
                      promptly(next);
                    }))
            .isLessThan(RowDatabase.ANSWER.plusSeconds(3));
        // Not always all of them: the first four may have shared a connection.
        assertThat(cutOff)
            .filteredOn(CompletableFuture::isCompletedExceptionally)
            .isNotEmpty()
            .allSatisfy(
                each ->
                    assertThatThrownBy(each::join)
                        .hasCauseInstanceOf(UncertainOutcomeException.class));
      } finally {
        store.close();
      }
    }
  }

  @Test
  void connectionsThatWereIdleWhileTheNetworkFellSilentAreNotTriedOneAfterTheOther()
      throws Exception {
    try (SilentWire wire = new SilentWire(server.port())) {
      RowConnections connections =
          RowConnections.kept(
              () ->
                  DriverManager.getConnection(
                      server.jdbcUrl(database).replace(":" + server.port(), ":" + wire.port())));
      Connection one = connections.take();
      Connection other = connections.take();
      connections.giveBack(other, true);
      connections.drop(one);
      assertThat(other.isClosed()).isTrue();
      connections.close();
    }
  }

  /** There a row that has changed since the statement began is an error. */
  @Test
  void rowsAreTakenAlsoWhereTransactionsAreIsolatedFromEachOther() throws Exception {
    String url =
        server.url(database) + "?mode=rows&options=-c%20default_transaction_isolation=serializable";
    List<Long> tokens = new ArrayList<>(); // guarded by the lock
    try (LockClient ann = LockClient.connect(url);
        LockClient bob = LockClient.connect(url)) {
      List<CompletableFuture<Void>> done = new ArrayList<>();
      for (LockClient client : List.of(ann, ann, bob, bob)) {
        done.add(
            CompletableFuture.runAsync(
                () -> {
                  for (int i = 0; i < 10; i++) {
                    DistributedLock both = client.all(client.lock("x"), client.lock("y"));
                    try (Hold hold = (i % 2 == 0 ? both : client.lock("x")).acquireAsync().join()) {
                      tokens.add(hold.token());
                    }
                  }
                }));
      }
      for (CompletableFuture<Void> each : done) {
        each.get(60, TimeUnit.SECONDS);
      }
    }
    assertThat(tokens).hasSize(40).isSorted().doesNotHaveDuplicates();
  }

  /** Who takes several at once has their rows until it is done, and may stand still for long. */
  @Test
  void aRowThatATransactionHasIsNotWaitedForWithoutEnd() throws Exception {
    RowStore store = rows().store();
    LeaseRecord held = takeNow(store, "x", "ann");
    try (Connection other = server.connect(database);
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("SELECT * FROM holdfast_lock FOR UPDATE");
      List<CompletableFuture<?>> answers =
          List.of(store.take(take("bob", held, "x")), store.renew(held), store.release(held));
      for (CompletableFuture<?> answer : answers) {
        assertThatThrownBy(() -> promptly(answer))
            .hasCauseInstanceOf(StoreUnavailableException.class)
            .hasMessageContaining("55P03");
      }
      other.rollback();
      assertThat(promptly(store.renew(held))).isInstanceOf(RenewAnswer.Renewed.class);
    } finally {
      store.close();
    }
  }

  @Test
  void whoStandsStillWhileItTakesSeveralKeepsNobodyFromThem() throws Exception {
    Standstill stopped = new Standstill(() -> server.connect(database), SQL.level);
    RowStore ann = PostgresRows.on(stopped, "test").store();
    RowStore bob = rows().store();
    try {
      CompletableFuture<TakeAnswer> both = ann.take(take("ann", null, "x", "y"));
      stopped.awaitReached();
      until("bob has x", () -> isTaken(bob, "x"));
      stopped.goOn();
      assertThatThrownBy(() -> promptly(both))
          .hasCauseInstanceOf(UncertainOutcomeException.class); // the session was ended
      assertThat(promptly(bob.read("x")).client()).isEqualTo("bob");
      assertThat(promptly(bob.read("y")).isFree()).isTrue();
    } finally {
      stopped.goOn();
      ann.close();
      bob.close();
    }
  }

  private boolean isTaken(RowStore store, String name) {
    try {
      return promptly(store.take(take("bob", null, name))) instanceof TakeAnswer.Taken;
    } catch (ExecutionException busy) {
      assertThat(busy).hasCauseInstanceOf(StoreUnavailableException.class);
      return false;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** Somebody who locks rows of several names in an order of its own. */
  @Test
  void severalThatCannotBeTakenForADeadlockAreNotTakenAtAll() throws Exception {
    // Ours is to find it out.
    server.execute(database, "ALTER DATABASE " + database + " SET deadlock_timeout = '500ms'");
    RowStore store = rows().store();
    promptly(store.release(takeNow(store, "x", "ann")));
    promptly(store.release(takeNow(store, "y", "ann")));
    try (Connection other = server.connect(database);
        Statement statement = other.createStatement()) {
      statement.execute("SET deadlock_timeout = '1min'");
      other.setAutoCommit(false);
      statement.execute("SELECT * FROM holdfast_lock WHERE name = 'y' FOR UPDATE");
      CompletableFuture<TakeAnswer> both = store.take(take("ann", null, "x", "y"));
      until("it waits for y", this::somebodyWaitsForARow);
      statement.execute("SELECT * FROM holdfast_lock WHERE name = 'x' FOR UPDATE");
      other.rollback();
      assertThatThrownBy(() -> promptly(both))
          .hasCauseInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("40P01");
      assertThat(promptly(store.read("x")).isFree()).isTrue();
      assertThat(promptly(store.read("y")).isFree()).isTrue();
    } finally {
      store.close();
    }
  }

  private boolean somebodyWaitsForARow() {
    return !server
        .execute(
            database,
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '"
                + database
                + "'")
        .isEmpty();
  }

  // ------------------------------------------------------------------------------------------------- a pool's connections

  @Test
  void aConnectionOfAPoolComesBackAsItWas() throws Exception {
    for (boolean autoCommit : new boolean[] {true, false}) {
      try (Connection pooled = server.connect(database);
          Connection other = server.connect(database);
          Statement statement = other.createStatement()) {
        pooled.setAutoCommit(autoCommit);
        pooled.setNetworkTimeout(Runnable::run, 7_000);
        pooled.unwrap(PGConnection.class).setPrepareThreshold(3);
        RowStore store = PostgresRows.in(new OneConnection(pooled)).store();
        LeaseRecord x = takeNow(store, "x", "ann"); // well
        assertIsAsItWas(pooled, autoCommit);
        assertThat(promptly(store.take(take("ann", null, "x", "y"))))
            .isInstanceOf(TakeAnswer.InTheWay.class); // after x was tried
        assertIsAsItWas(pooled, autoCommit);
        assertThat(promptly(store.take(take("ann", null, "w", "y"))))
            .isInstanceOf(TakeAnswer.Taken.class);
        assertIsAsItWas(pooled, autoCommit);
        other.setAutoCommit(false);
        statement.execute("SELECT * FROM holdfast_lock WHERE name = 'x' FOR UPDATE");
        assertThatThrownBy(() -> promptly(store.take(take("ann", x, "v", "x"))))
            .hasMessageContaining("55P03"); // after v was taken
        assertIsAsItWas(pooled, autoCommit);
        assertThat(promptly(store.read("v")).isFree()).isTrue();
        other.rollback();
        store.close();
      }
      server.execute(database, "DELETE FROM holdfast_lock");
    }
  }

  private void assertIsAsItWas(Connection pooled, boolean autoCommit) throws SQLException {
    assertThat(pooled.isClosed()).isFalse();
    assertThat(pooled.getAutoCommit()).isEqualTo(autoCommit);
    assertThat(pooled.getNetworkTimeout()).isEqualTo(7_000);
    assertThat(pooled.unwrap(PGConnection.class).getPrepareThreshold()).isEqualTo(3);
    assertThat(
            server.execute(
                database,
                "SELECT state FROM pg_stat_activity WHERE pid = "
                    + pooled.unwrap(PGConnection.class).getBackendPID()))
        .containsExactly("idle"); // and not in a transaction
  }

  @Test
  void aConnectionThatWasCutOffGoesToNobodyAgain() throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(server.jdbcUrl(database));
    config.setMaximumPoolSize(1);
    config.setAutoCommit(false);
    try (HikariDataSource pool = new HikariDataSource(config)) {
      RowStore store = PostgresRows.in(pool).store();
      String pid = pid(pool);
      server.execute(database, "SELECT pg_terminate_backend(" + pid + ")");
      assertThatThrownBy(() -> promptly(store.read("x")))
          .hasCauseInstanceOf(UncertainOutcomeException.class);
      assertThat(pid(pool)).isNotEqualTo(pid);
      assertThat(promptly(store.read("x")).isFree()).isTrue();
      store.close();
    }
  }

  private static String pid(HikariDataSource pool) throws SQLException {
    try (Connection connection = pool.getConnection()) {
      return Integer.toString(connection.unwrap(PGConnection.class).getBackendPID());
    }
  }

  @Test
  void whatASourceThrowsIsToldAndNothingIsUncertain() throws Exception {
    boolean[] isBroken = {false};
    RowStore store =
        PostgresRows.on(
                () -> {
                  if (isBroken[0]) {
                    throw new IllegalStateException("no password today");
                  }
                  return server.connect(database);
                },
                "test")
            .store();
    isBroken[0] = true;
    server.execute(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"
            + database
            + "' AND pid <> pg_backend_pid()");
    assertThatThrownBy(() -> promptly(store.read("x")))
        .hasCauseInstanceOf(UncertainOutcomeException.class); // on the connection that it had
    assertThatThrownBy(() -> promptly(store.read("x")))
        .hasCauseInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("no password today");
    isBroken[0] = false;
    assertThat(promptly(store.read("x")).isFree()).isTrue();
    store.close();
  }

  // ------------------------------------------------------------------------------------------------- setup and names

  /** Many pools are told not to commit by themselves. */
  @Test
  void setupThroughAPoolThatDoesNotCommitMakesTheTable() throws Exception {
    String fresh = server.newDatabase();
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(server.jdbcUrl(fresh));
    config.setMaximumPoolSize(2);
    config.setAutoCommit(false);
    try (HikariDataSource pool = new HikariDataSource(config)) {
      PostgresRows rows = PostgresRows.in(pool);
      assertThatThrownBy(rows::connect)
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("NO_TABLE: 42P01")
          .hasMessageContaining("holdfast setup");
      assertThat(rows.setup().run()).isEqualTo("table holdfast_lock is there");
      assertThat(rows.setup().run()).isEqualTo("table holdfast_lock is there");
      try (LockClient client = rows.connect();
          Hold hold = client.all(client.lock("x"), client.lock("y")).acquire()) {
        assertThat(hold.token()).isEqualTo(1);
        assertThat(client.lock("y").tryAcquire()).isEmpty();
      }
    }
    assertThat(server.execute(fresh, "SELECT name FROM holdfast_lock ORDER BY name"))
        .containsExactly("x", "y");
  }

  @Test
  void tablesAreApart() throws Exception {
    server.execute(database, "CREATE SCHEMA ops");
    PostgresRows others = rows().table("ops.their_locks");
    server.execute(database, others.setup().script()); // as a migration tool would
    try (LockClient ann = rows().connect();
        LockClient bob = others.connect();
        Hold one = ann.lock("x").acquire();
        Hold two = bob.lock("x").acquire()) {
      assertThat(one.isHeld()).isTrue();
      assertThat(two.isHeld()).isTrue();
    }
    assertThat(server.execute(database, "SELECT token FROM ops.their_locks")).containsExactly("1");
  }

  /** Whoever may use the table and nothing else, as the page on rights says. */
  @Test
  void aRoleThatMayOnlyReadAndWriteTheTableIsEnough() throws Exception {
    String role = "user_of_" + database;
    server.execute(database, "CREATE ROLE " + role + " LOGIN");
    server.execute(database, "REVOKE ALL ON SCHEMA public FROM PUBLIC");
    server.execute(database, "GRANT USAGE ON SCHEMA public TO " + role);
    PostgresRows rows =
        PostgresRows.on(
            () ->
                DriverManager.getConnection(
                    server.jdbcUrl(database).replace("user=postgres", "user=" + role)),
            "test");
    assertThatThrownBy(rows::connect)
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("NO_PERMISSION: 42501");
    assertThatThrownBy(() -> rows.table("another").setup().run())
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("NO_PERMISSION: 42501");
    server.execute(database, "GRANT SELECT, INSERT, UPDATE ON holdfast_lock TO " + role);
    try (LockClient client = rows.connect();
        Hold hold = client.all(client.lock("x"), client.lock("y")).acquire()) {
      assertThat(client.list("").locks()).hasSize(2);
      assertThat(hold.isHeld()).isTrue();
    }
  }

  @Test
  void aPlaceIsOneTableByWhicheverWay() {
    String place = placeOf(rows());
    assertThat(placeOf(rows().table("public.holdfast_lock"))).isEqualTo(place);

    server.execute(database, "CREATE SCHEMA ops");
    PostgresRows others = rows().table("ops.holdfast_lock");
    others.setup().run();
    assertThat(placeOf(others)).isNotEqualTo(place);
    PostgresRows byPath =
        PostgresRows.on(
            () -> DriverManager.getConnection(server.jdbcUrl(database) + "&currentSchema=ops"),
            "test");
    assertThat(placeOf(byPath)).isEqualTo(placeOf(others));

    String copy = server.newDatabase();
    PostgresRows inCopy = PostgresRows.on(() -> server.connect(copy), "test");
    inCopy.setup().run();
    assertThat(placeOf(inCopy)).isNotEqualTo(place);
  }

  private static String placeOf(PostgresRows rows) {
    RowStore store = rows.store();
    store.close();
    return store.place();
  }

  @Test
  void aPrefixIsTakenAsItIsWritten() throws Exception {
    RowStore store = rows().store();
    List<String> names = List.of("a%b", "a%bc", "aXb", "a_b", "a\\b", "b", "á");
    for (String name : names) {
      takeNow(store, name, "ann");
    }
    assertThat(listed(store, "a%b")).containsExactly("a%b", "a%bc");
    assertThat(listed(store, "a_")).containsExactly("a_b");
    assertThat(listed(store, "a\\")).containsExactly("a\\b");
    assertThat(listed(store, "")).containsExactly("a%b", "a%bc", "aXb", "a\\b", "a_b", "b", "á");
    store.close();
  }

  private static List<String> listed(RowStore store, String prefix) throws Exception {
    return promptly(store.list(prefix, 100)).stream().map(LeaseRecord::name).toList();
  }

  /** Elsewhere the rest is only free when its holder has renewed. */
  @Test
  void whatAnOperatorTakesFromAnotherProcessGoesWithAllThatWasGrantedWithIt() throws Exception {
    RowStore store = rows().store();
    FaultyLeaseStore elsewhere = new FaultyLeaseStore(store, "another process", Ticker.system());
    ClientOptions options = ClientOptions.defaults().name("bob");
    try (LockClient ann = rows().connect();
        LockClient bob = LockClient.over(LeaseLocks.over(elsewhere, options), options)) {
      Hold hold = ann.all(ann.lock("a"), ann.lock("b")).acquire();
      Hold other = ann.lock("c").acquire();
      assertThat(bob.forceRelease("b", hold.token())).isTrue();
      bob.all(bob.lock("a"), bob.lock("b")).tryAcquire().orElseThrow().close();
      assertThat(bob.forceRelease("b", hold.token())).isFalse();
      assertThat(bob.lock("c").tryAcquire()).isEmpty();
      other.close();
    } finally {
      store.close();
    }
  }

  // ------------------------------------------------------------------------------------------------- helpers

  private PostgresRows rows() {
    return PostgresRows.on(() -> server.connect(database), "test");
  }

  private static LeaseRecord takeNow(RowStore store, String name, String client) throws Exception {
    TakeAnswer answer = promptly(store.take(take(client, null, name)));
    assertThat(answer).isInstanceOf(TakeAnswer.Taken.class);
    return ((TakeAnswer.Taken) answer).records().get(0);
  }

  /** @param expired the state in which one of the names may be taken from its holder */
  private static Take take(String client, LeaseRecord expired, String... names) {
    List<Take.Wanted> wanted =
        Stream.of(names)
            .map(
                name ->
                    new Take.Wanted(
                        name,
                        Optional.ofNullable(expired).filter(seen -> seen.name().equals(name)),
                        Optional.empty()))
            .toList();
    return new Take(
        wanted, client + System.identityHashCode(wanted), client, LEASE, HoldData.empty());
  }

  private static <T> List<CompletableFuture<T>> inParallel(
      int number, Supplier<CompletableFuture<T>> question) {
    List<CompletableFuture<T>> answers = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      answers.add(question.get());
    }
    return answers;
  }
}
