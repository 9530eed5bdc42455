package io.holdfast.postgres;

import static io.holdfast.postgres.Patience.promptly;
import static io.holdfast.postgres.Patience.timed;
import static io.holdfast.postgres.Patience.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTimeoutException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.testkit.ManualTicker;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import org.postgresql.ds.PGSimpleDataSource;

/** What is special about locks of sessions. */
class PostgresLocksTest {
  private static PostgresServer server;
  private static String database;

  private LockClient ann;
  private LockClient bob;

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
  }

  @BeforeEach
  void connect() {
    ann = client("ann");
    bob = client("bob");
  }

  @AfterEach
  void close() {
    ann.close();
    bob.close();
  }

  private static LockClient client(String name) {
    return LockClient.connect(server.url(database), ClientOptions.defaults().name(name));
  }

  // ------------------------------------------------------------------------------------------------- connections

  @Test
  void aThousandHoldsLiveOnOneConnection() throws Exception {
    List<Hold> holds = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      holds.add(ann.lock("many/" + i).acquire());
    }
    assertThat(sessionsOf("ann")).hasSize(1);
    assertThat(
            server.execute(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        .containsExactly("1000");
    assertThat(bob.lock("many/999").tryAcquire()).isEmpty();
    holds.forEach(Hold::close);
    assertThat(server.execute(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"))
        .isEmpty();
  }

  @Test
  void twoHundredWaitersShareFourConnections() throws Exception {
    List<Hold> held = new ArrayList<>();
    List<CompletableFuture<Hold>> waiting = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      held.add(ann.lock("waited/" + i).acquire());
    }
    for (int i = 0; i < 200; i++) {
      waiting.add(bob.lock("waited/" + i).acquireAsync());
    }
    until("some wait at the server", () -> sessionsOf("bob").size() == 4);
    Hold other = promptly(bob.lock("other").acquireAsync());
    held.forEach(Hold::close);
    for (CompletableFuture<Hold> next : waiting) {
      promptly(next).close();
    }
    other.close();
    assertThat(sessionsOf("bob")).hasSizeLessThanOrEqualTo(4);
  }

  @Test
  void oneConnectionIsEnoughToWait() throws Exception {
    try (LockClient dan =
        LockClient.connect(
            server.url(database) + "?maxSessions=1", ClientOptions.defaults().name("dan"))) {
      Hold hold = ann.lock("x").acquire();
      CompletableFuture<Hold> one = dan.lock("x").acquireAsync();
      CompletableFuture<Hold> two = dan.readWriteLock("x").read().acquireAsync();
      hold.close();
      promptly(one).close();
      promptly(two).close();
      assertThat(sessionsOf("dan")).hasSize(1);
    }
  }

  @Test
  void readersOfOneClientShareALockThoughTheyAreMoreThanItsSessions() throws Exception {
    List<Hold> readers = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      readers.add(promptly(ann.readWriteLock("read").read().acquireAsync()));
    }
    for (Hold reader : readers) {
      assertThat(bob.lock("read").tryAcquire()).isEmpty();
      reader.close();
    }
    bob.lock("read").tryAcquire().orElseThrow().close();
  }

  @Test
  void anyDataSourceWillDo() throws Exception {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(server.jdbcUrl(database));
    try (LockClient dan = PostgresLocks.in(source).connect();
        Hold hold = dan.lock("x").acquire()) {
      assertThat(hold.token()).isPositive();
      assertThat(ann.lock("x").tryAcquire()).isEmpty();
    }
  }

  // ------------------------------------------------------------------------------------------------- others who use the keys

  /** The statements of py-postgresql-lock, word for word. */
  @Test
  void javaAndPythonExcludeEachOther() throws Exception {
    try (Connection python = server.connect(database);
        Statement statement = python.createStatement()) {
      Hold hold = ann.lock("shared-identifier").acquire();
      assertThat(bool(statement, "SELECT pg_try_advisory_lock(-464685171814670893)")).isFalse();
      hold.close();
      assertThat(bool(statement, "SELECT pg_try_advisory_lock(-464685171814670893)")).isTrue();
      assertThat(ann.lock("shared-identifier").tryAcquire()).isEmpty();
      CompletableFuture<Hold> waiting = ann.lock("shared-identifier").acquireAsync();
      assertThat(bool(statement, "SELECT pg_advisory_unlock(-464685171814670893)")).isTrue();
      promptly(waiting).close();
    }
  }

  @Test
  void twoNamesWithOneKeyAreRefusedNotShared() throws Exception {
    try (LockClient dan =
        PostgresLocks.on(() -> server.connect(database))
            .keys(name -> AdvisoryKey.of(4711))
            .connect()) {
      Hold hold = dan.readWriteLock("one").read().acquire();
      assertThatThrownBy(() -> dan.readWriteLock("two").read().tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("KEY_COLLISION")
          .hasMessageContaining("one")
          .hasMessageContaining("two");
      assertThatThrownBy(() -> dan.all(dan.lock("three"), dan.lock("four")).tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("KEY_COLLISION");
      hold.close();
      dan.lock("two").acquire().close();
    }
  }

  @Test
  void keysThatArePairsAreLockedToo() throws Exception {
    String url = server.url(database) + "?keys=pairs:7";
    try (LockClient dan = LockClient.connect(url);
        LockClient eve = LockClient.connect(url)) {
      Hold both = dan.all(dan.lock("a"), dan.readWriteLock("b").read()).acquire();
      assertThat(eve.lock("a").tryAcquire()).isEmpty();
      CompletableFuture<Hold> waiting = eve.lock("a").acquireAsync();
      ann.lock("a").acquire(Duration.ZERO).close();
      both.close();
      promptly(waiting).close();
    }
  }

  // ------------------------------------------------------------------------------------------------- losing a session

  @Test
  void whoseBackendIsTerminatedIsToldAtOnceAndGoesOnWithANewSession() throws Exception {
    Hold hold = ann.lock("x").acquire();
    CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
    Duration took =
        timed(
            () -> {
              terminate("ann");
              assertThat(promptly(lost)).isEqualTo(LossReason.CONNECTION_LOST);
            });
    assertThat(took).isLessThan(Duration.ofSeconds(2));
    assertThat(hold.isHeld()).isFalse();
    Hold next = bob.lock("x").acquire(Patience.PROMPTLY);
    assertThat(next.token()).isGreaterThan(hold.token());
    next.close();
    ann.lock("x").acquire(Patience.PROMPTLY).close();
  }

  @Test
  void whoWaitsSurvivesTheEndOfItsSession() throws Exception {
    Hold hold = bob.lock("x").acquire();
    CompletableFuture<Hold> waiting = ann.lock("x").acquireAsync();
    until("it waits at the server", () -> sessionsOf("ann").size() == 2);
    terminate("ann");
    hold.close();
    promptly(waiting).close();
  }

  @Test
  void aResetIsToldAtOnce() throws Exception {
    try (SilentWire wire = new SilentWire(server.port());
        LockClient dan = through(wire)) {
      Hold hold = dan.lock("x").acquire();
      CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
      Duration took =
          timed(
              () -> {
                wire.reset();
                promptly(lost);
              });
      assertThat(took).isLessThan(Duration.ofSeconds(2));
    }
  }

  /** The ghost: cut off, it stops believing before the server gives up on it, which takes a second longer. */
  @Test
  void whoIsCutOffStopsBelievingBeforeAnotherHoldsTheLock() throws Exception {
    try (SilentWire wire = new SilentWire(server.port());
        LockClient dan = through(wire)) {
      Hold hold = dan.lock("x").acquire();
      CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
      CompletableFuture<Hold> waiting = bob.lock("x").acquireAsync();
      CompletableFuture<Boolean> believedByTwo = waiting.thenApply(next -> hold.isHeld());
      assertThat(hold.remaining().orElseThrow())
          .isPositive()
          .isLessThanOrEqualTo(AdvisorySession.PROOF_LASTS);
      Duration took =
          timed(
              () -> {
                wire.fallSilent();
                promptly(lost);
              });
      assertThat(took).isLessThan(AdvisorySession.PROOF_LASTS.plusSeconds(2));
      assertThat(hold.isHeld()).isFalse();
      wire.reset(); // as the server's keepalive does, which CutOffHost waits for
      try (Hold next = promptly(waiting)) {
        assertThat(next.token()).isGreaterThan(hold.token());
        assertThat(promptly(believedByTwo)).isFalse();
      }
    }
  }

  /** To close a session in good order takes an answer, and on a silent network the time of silence. */
  @Test
  void whileIdleSessionsAreClosedOnASilentNetworkTheOthersAreLookedAfter() throws Exception {
    ManualTicker ticker = new ManualTicker(0);
    AtomicInteger opened = new AtomicInteger();
    try (SilentWire wire = new SilentWire(server.port());
        LockClient dan =
            PostgresLocks.on(
                    () ->
                        opened.getAndIncrement() == 0
                            ? server.connect(database)
                            : DriverManager.getConnection(
                                server
                                    .jdbcUrl(database)
                                    .replace(":" + server.port(), ":" + wire.port())))
                .connect(ClientOptions.defaults().name("dan").ticker(ticker))) {
      Hold hold = dan.lock("x").acquire();
      List<Hold> busy = new ArrayList<>();
      List<CompletableFuture<Hold>> waiting = new ArrayList<>();
      for (String name : List.of("idle/1", "idle/2", "idle/3")) {
        busy.add(bob.lock(name).acquire());
        waiting.add(dan.lock(name).acquireAsync());
      }
      until("each waits in a session of its own", () -> waitingAtServer("dan").size() == 3);
      busy.forEach(Hold::close);
      for (CompletableFuture<Hold> each : waiting) {
        promptly(each).close();
      }
      wire.fallSilent();
      for (long second = 0; second <= SessionTable.IDLE_SESSION.toSeconds() + 6; second++) {
        ticker.advance(Duration.ofSeconds(1));
        Duration looked =
            timed(
                () ->
                    until(
                        "the server was heard of",
                        () ->
                            hold.remaining().orElseThrow().compareTo(AdvisorySession.PING_EVERY)
                                > 0));
        assertThat(looked).isLessThan(AdvisorySession.SILENCE);
      }
      assertThat(hold.isHeld()).isTrue();
    }
  }

  @Test
  void anUnrelatedBackendsCrashIsALossToAllAndTheNextTokenIsHigher() throws Exception {
    try (PostgresServer own = PostgresServer.careless();
        LockClient dan = LockClient.connect(own.url("postgres"))) {
      for (int i = 0; i < 40; i++) {
        dan.lock("x").acquire().close();
      }
      Hold hold = dan.lock("x").acquire();
      CompletableFuture<LossReason> lost = hold.lost().toCompletableFuture();
      try (Connection unrelated = own.connect("postgres")) {
        String pid = Integer.toString(unrelated.unwrap(PGConnection.class).getBackendPID());
        new ProcessBuilder("kill", "-KILL", pid).start().waitFor();
      } catch (SQLException e) {
        // it is closed by the server
      }
      assertThat(promptly(lost)).isEqualTo(LossReason.CONNECTION_LOST);
      List<Hold> next = new ArrayList<>();
      until(
          "the server is back",
          () -> {
            try {
              return dan.lock("x").tryAcquire().map(next::add).orElse(false);
            } catch (StoreUnavailableException e) {
              return false;
            }
          });
      assertThat(next.get(0).token()).isGreaterThan(hold.token());
      next.get(0).close();
    }
  }

  @Test
  void timeOutsOfTheServerDoNotEndASessionThatHoldsALock() throws Exception {
    server.execute(database, "CREATE ROLE brief LOGIN");
    for (String timeOut : List.of("idle_session_timeout", "statement_timeout", "lock_timeout")) {
      if (server.knows(timeOut)) {
        server.execute(database, "ALTER ROLE brief SET " + timeOut + " = '100ms'");
      }
    }
    try (LockClient dan = LockClient.connect(server.url(database).replace("postgres@", "brief@"));
        Hold hold = dan.lock("idle").acquire()) {
      Hold other = ann.lock("x").acquire();
      CompletableFuture<Hold> waiting = dan.lock("x").acquireAsync();
      assertThat(bob.lock("x").tryAcquire(Duration.ofMillis(700))).isEmpty();
      assertThat(hold.isHeld()).isTrue();
      other.close();
      promptly(waiting).close();
    }
  }

  /** Without which a dead client's lock would be free in hours. */
  @Test
  void theServerIsToldToNoticeADeadClient() throws Exception {
    List<Connection> kept = new ArrayList<>();
    try (LockClient dan =
        PostgresLocks.on(
                () -> {
                  kept.add(server.connect(database));
                  return kept.get(0);
                })
            .connect()) {
      assertThat(dan.lock("x").tryAcquire().map(Hold::isHeld)).contains(true);
      try (Statement statement = kept.get(0).createStatement()) {
        assertThat(text(statement, "SHOW tcp_keepalives_idle")).isEqualTo("2");
        assertThat(text(statement, "SHOW tcp_keepalives_interval")).isEqualTo("1");
        assertThat(text(statement, "SHOW tcp_keepalives_count")).isEqualTo("3");
        assertThat(text(statement, "SHOW tcp_user_timeout")).isEqualTo("5000");
        if (server.knows("client_connection_check_interval")) { // from 14 on
          assertThat(text(statement, "SHOW client_connection_check_interval")).isEqualTo("1s");
          assertThat(text(statement, "SHOW idle_session_timeout")).isEqualTo("0");
        }
        assertThat(text(statement, "SHOW statement_timeout")).isEqualTo("0");
      }
    }
    ServerFacts oldest = new ServerFacts(1, 1, false, 120000, 1, 1000);
    assertThat(oldest.settings()).noneMatch(setting -> setting.startsWith("idle_session_timeout"));
  }

  /** It waits in a socket, where it does not feel it by itself. */
  @Test
  void whoIsInterruptedWhileItWaitsAtTheServerWaitsThereNoMore() throws Exception {
    Hold hold = ann.lock("x").acquire();
    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    Thread waiting =
        new Thread(
            () -> {
              try {
                bob.lock("x").acquire();
                interrupted.complete(false);
              } catch (InterruptedException e) {
                interrupted.complete(true);
              }
            });
    waiting.start();
    until("bob waits at the server", () -> !waitingAtServer("bob").isEmpty());
    waiting.interrupt();
    assertThat(promptly(interrupted)).isTrue();
    until("nobody waits at the server", () -> waitingAtServer("bob").isEmpty());
    hold.close();
    bob.lock("x").tryAcquire(Patience.PROMPTLY).orElseThrow().close();
  }

  // ------------------------------------------------------------------------------------------------- waiting

  /**
   * Whoever builds the index holds the lock that another waits for. A wait in one statement would hold a snapshot, which the
   * index waits for: a deadlock.
   */
  @Test
  void whoHoldsTheLockCanBuildAnIndexConcurrentlyWhileOthersWait() throws Exception {
    server.execute(database, "CREATE TABLE IF NOT EXISTS indexed (id int)");
    AdvisoryKey key = PostgresKeys.python().keyOf("migration");
    try (Connection connection = server.connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("SELECT pg_advisory_lock(" + key + ")");
      CompletableFuture<Hold> waiting = bob.lock("migration").acquireAsync();
      until("bob waits at the server", () -> !waitingAtServer("bob").isEmpty());
      statement.execute("CREATE INDEX CONCURRENTLY ON indexed (id)");
      assertThat(waiting).isNotDone();
      statement.execute("SELECT pg_advisory_unlock(" + key + ")");
      promptly(waiting).close();
    }
  }

  @Test
  void whosePatienceEndsIsToldWhichSessionsHoldTheLock() throws Exception {
    try (Hold hold = ann.lock("x").acquire()) {
      assertThatThrownBy(() -> bob.lock("x").acquire(Duration.ofSeconds(2)))
          .isInstanceOf(LockTimeoutException.class)
          .hasMessageContaining("holdfast ann (process " + sessionsOf("ann").get(0));
    }
  }

  /** {@code lock_timeout} or a cancel may strike in the moment after the grant. */
  @ParameterizedTest
  @ValueSource(strings = {"55P03", "57014"})
  void aWaitThatFailsWhenItWasGrantedIsGrantedAndHeldOnce(String state) throws Exception {
    String tooLate = server.grantingTooLate(database, state);
    try (LockClient dan = LockClient.connect(server.url(database) + "?currentSchema=" + tooLate)) {
      for (DistributedLock lock :
          List.of(dan.lock("late"), dan.all(dan.lock("late"), dan.lock("later")))) {
        Hold hold = ann.lock("late").acquire();
        CompletableFuture<Hold> waiting = lock.acquireAsync();
        until("dan waits at the server", () -> waitsAtServerFor("late"));
        hold.close();
        Hold next = promptly(waiting);
        assertThat(next.token()).isGreaterThan(hold.token());
        assertThat(bob.lock("late").tryAcquire()).isEmpty();
        next.close();
        bob.lock("late").tryAcquire().orElseThrow().close();
      }
    }
  }

  @Test
  void anOperatorsCancelEndsNoWait() throws Exception {
    Hold hold = ann.lock("x").acquire();
    CompletableFuture<Hold> waiting = bob.lock("x").acquireAsync();
    for (int i = 0; i < 5; i++) {
      until("bob waits at the server", () -> !waitingAtServer("bob").isEmpty());
      server.execute(
          database,
          "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast bob'");
    }
    assertThat(waiting).isNotDone();
    hold.close();
    promptly(waiting).close();
  }

  @Test
  void namesAreNeverPartOfAStatement() throws Exception {
    String name = "'); DROP TABLE indexed; -- \" $holdfast$";
    DistributedLock both = ann.all(ann.lock(name), ann.lock("x"));
    both.acquire().close();
    assertThat(AdvisorySql.attempt(Claim.of(both.targets(), PostgresKeys.python()), 0, 1, "0"))
        .doesNotContain("DROP");
  }

  // ------------------------------------------------------------------------------------------------- tokens

  @Test
  void withoutTokensThereAreNone() throws Exception {
    try (LockClient dan = LockClient.connect(server.url(database) + "?tokens=none");
        Hold hold = dan.lock("x").acquire()) {
      assertThatThrownBy(hold::token).isInstanceOf(UnsupportedOperationException.class);
    }
  }

  @Test
  void aRoleWithoutAnyRightsHasTokens() throws Exception {
    server.execute(database, "CREATE ROLE plain LOGIN");
    try (LockClient dan = LockClient.connect(server.url(database).replace("postgres@", "plain@"));
        Hold hold = dan.lock("x").acquire()) {
      assertThat(hold.token()).isGreaterThan(1L << 48);
    }
  }

  // -------------------------------------------------------------------------------------------------

  private static LockClient through(SilentWire wire) {
    return LockClient.connect(
        "postgresql://postgres@127.0.0.1:" + wire.port() + "/" + database,
        ClientOptions.defaults().name("dan"));
  }

  private static List<String> sessionsOf(String client) {
    return server.execute(
        database,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast " + client + "'");
  }

  private static List<String> waitingAtServer(String client) {
    return server.execute(
        database,
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND application_name = 'holdfast "
            + client
            + "'");
  }

  private static boolean waitsAtServerFor(String name) {
    String waiting = AdvisorySql.isOn(PostgresKeys.python().keyOf(name)) + " AND NOT granted";
    return !server.execute(database, "SELECT 1 FROM pg_locks WHERE " + waiting).isEmpty();
  }

  private static void terminate(String client) {
    server.execute(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast "
            + client
            + "'");
  }

  private static String text(Statement statement, String sql) throws Exception {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }

  private static boolean bool(Statement statement, String sql) throws Exception {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getBoolean(1);
    }
  }
}
