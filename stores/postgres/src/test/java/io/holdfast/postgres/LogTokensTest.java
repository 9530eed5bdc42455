package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that are positions of the log. */
class LogTokensTest {
  private static PostgresServer server;
  private static String database;

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
  }

  @Test
  void aLaterTimelineAndALaterPositionGiveAHigherToken() {
    LogTokens one = new LogTokens(180000, 1, 0);
    LogTokens two = new LogTokens(180000, 2, 0);
    long far = (1L << 48) + 128;
    assertThat(flushed(one, 64)).isEqualTo((1L << 48) + 64);
    assertThat(flushed(two, 64)).isGreaterThan(flushed(one, 1L << 47));
    assertThat(flushed(one, far)).isGreaterThan(flushed(one, far - 64));
  }

  @Test
  void whatTokensCannotExpressIsRefused() {
    assertThatThrownBy(() -> new LogTokens(180000, 0x8000, 0))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("TIMELINE_TOO_HIGH: timeline 32768 leaves");
    assertThatThrownBy(() -> new LogTokens(180000, 0x7FFF, 1))
        .hasMessageStartingWith("TIMELINE_TOO_HIGH");
    assertThatThrownBy(() -> new LogTokens(180000, 1, Long.MAX_VALUE))
        .hasMessageStartingWith("TIMELINE_TOO_HIGH");
    long end = (1L << 48) - 1;
    assertThat(flushed(new LogTokens(180000, 0x7FFF, 0), end)).isGreaterThan(Long.MAX_VALUE - 64);
    assertThat(flushed(new LogTokens(180000, 0x7FFE, 1L << 48), end))
        .isGreaterThan(Long.MAX_VALUE - 64);
  }

  /** A log that others write to, too, that is flushed now and then, and whose server crashes now and then. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void noTokenComesAgainWhateverIsFlushedAndWhateverACrashTakes(int seed) {
    Random random = new Random(seed);
    LogTokens log = new LogTokens(180000, 1, 0);
    long highest = 0;
    long written = 1000;
    long flushed = written;
    int waits = 0;
    for (int grants = 0; grants < 100_000; grants++) {
      if (random.nextInt(50) == 0) {
        flushed += (long) (random.nextDouble() * (written - flushed));
      }
      if (random.nextInt(200) == 0) {
        written = flushed + random.nextInt((int) (written - flushed) + 1) / 8 * 8;
        written += 80; // a session's first message
        flushed = written;
      }
      written += random.nextInt(20) == 0 ? 8 * random.nextInt(100) : 0;
      written += 80;
      long message = written;
      if (random.nextInt(20)
          == 0) { // somebody commits before it is asked how far the log is flushed
        written += 8 * random.nextInt(100);
        flushed = written;
      }
      OptionalLong token = log.token(message, flushed);
      if (token.isEmpty()) {
        waits++;
        written += 80;
        flushed = written;
        token = log.token(written, flushed);
      }
      assertThat(token.orElseThrow()).isGreaterThan(highest);
      highest = token.getAsLong();
    }
    assertThat(waits).isPositive();
  }

  /** Other sessions write much, and commit nothing. Before 17 it takes a statement of its own to flush the log. */
  @Test
  void aServerThatMayGoOnBelowWhatItHasFlushedGivesNoTokenThatIsNotFlushed() {
    for (int old : new int[] {120000, 120008, 130004, 140000}) {
      LogTokens log = new LogTokens(old, 1, 0);
      assertThat(log.token(10_000, 9_999)).as("%d", old).isEmpty();
      assertThat(log.token(10_000, 10_000)).as("%d", old).isPresent();
    }
    for (int mended : new int[] {120009, 130005, 140001, 150000}) {
      assertThat(new LogTokens(mended, 1, 0).token(10_000, 9_999)).as("%d", mended).isPresent();
    }
  }

  @Test
  void whereMuchIsNotFlushedATokenWaitsForThat() throws Exception {
    try (PostgresServer careless = PostgresServer.careless();
        Connection connection = careless.connect("postgres");
        Statement statement = connection.createStatement()) {
      statement.execute("SET synchronous_commit = local"); // as sessions of ours do
      long highest = 0;
      boolean flushesMessages = connection.getMetaData().getDatabaseMajorVersion() >= 17;
      for (int i = 0; i < 4; i++) {
        int version = flushesMessages && i % 2 == 1 ? 180000 : 160000;
        LogTokens log = new LogTokens(version, 1, 0);
        String written =
            text(statement, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 100000))");
        String isFlushed = "SELECT pg_current_wal_flush_lsn() >= '" + written + "'";
        assertThat(text(statement, isFlushed)).isEqualTo("f");
        long token = log.token(connection, text(statement, "SELECT " + log.sql()));
        assertThat(token).isGreaterThan(highest);
        assertThat(text(statement, isFlushed)).isEqualTo("t");
        highest = log.token(connection, text(statement, "SELECT " + log.sql()));
        assertThat(highest).isGreaterThan(token);
      }
    }
  }

  /** So that all its tokens are above what a crash before it has taken back. */
  @Test
  void aSessionFlushesTheLogBeforeItsFirstToken() throws Exception {
    try (PostgresServer careless = PostgresServer.careless();
        Connection connection = careless.connect("postgres");
        Statement statement = connection.createStatement()) {
      String written = text(statement, "SELECT pg_logical_emit_message(false, 'x', 'x')");
      String isFlushed = "SELECT pg_current_wal_flush_lsn() >= '" + written + "'";
      assertThat(text(statement, isFlushed)).isEqualTo("f");
      LockClient.connect(careless.url("postgres")).close();
      assertThat(text(statement, isFlushed)).isEqualTo("t");
    }
  }

  /** The statement stands in docs/postgres.md, for whoever moves to a cluster whose log begins anew. */
  @Test
  void aClientThatIsToldHowFarTheOldClusterHadComeGivesHigherTokensThanThatDid() throws Exception {
    long old = take(server.url(database));
    String howFar =
        server
            .execute(
                database,
                "SELECT (('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint << 48)"
                    + " + (pg_current_wal_insert_lsn() - '0/0')::bigint")
            .get(0);
    assertThat(Long.parseLong(howFar)).isGreaterThanOrEqualTo(old).isLessThan(2 * old);
    try (PostgresServer young = PostgresServer.own(Map.of())) {
      // Its log has got as far as that of any new cluster; the shared one has made databases since.
      assertThat(take(young.url("postgres"))).isLessThan(old);
      long first = take(young.url("postgres") + "?tokensAbove=" + howFar);
      assertThat(first).isGreaterThan(old);
      assertThat(take(young.url("postgres") + "?tokensAbove=" + howFar)).isGreaterThan(first);
    }
  }

  /** What was written and not flushed is taken back by a crash, and its positions come again. */
  @Test
  void noTokenComesAgainAfterCrashesOfAServerThatHasWrittenLittleDown() throws Exception {
    long highest = 0;
    try (PostgresServer careless = PostgresServer.careless()) {
      for (int grants : new int[] {1, 40, 400, 1}) {
        try (LockClient client = LockClient.connect(careless.url("postgres"))) {
          for (int i = 0; i < grants; i++) {
            try (Hold hold = client.lock("x").acquire()) {
              assertThat(hold.token()).isGreaterThan(highest);
              highest = hold.token();
            }
          }
          careless.kill();
        }
        careless.start();
      }
    }
  }

  private static long flushed(LogTokens log, long position) {
    return log.token(position, position).orElseThrow();
  }

  private static String text(Statement statement, String sql) throws Exception {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }

  private static long take(String url) throws Exception {
    try (LockClient client = LockClient.connect(url, ClientOptions.defaults());
        Hold hold = client.lock("x").acquire()) {
      return hold.token();
    }
  }
}
