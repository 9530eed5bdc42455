package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

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
    long far = (1L << 48) + 5;
    assertThat(one.token(1)).isEqualTo((1L << 48) + 1);
    assertThat(two.token(1)).isGreaterThan(one.token(1L << 47));
    assertThat(one.token(far)).isGreaterThan(one.token(far - 6));
    LogTokens last = new LogTokens(180000, 0x7FFF, 0);
    assertThat(last.token((1L << 48) - 1)).isEqualTo(Long.MAX_VALUE);
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
    LogTokens last = new LogTokens(180000, 0x7FFE, 1L << 48);
    assertThat(last.token((1L << 48) - 1)).isEqualTo(Long.MAX_VALUE);
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
    try (PostgresServer young = PostgresServer.own(java.util.Map.of())) {
      // Its log has got as far as that of any new cluster; the shared one has made databases since.
      assertThat(take(young.url("postgres"))).isLessThan(old);
      long first = take(young.url("postgres") + "?tokensAbove=" + howFar);
      assertThat(first).isGreaterThan(old);
      assertThat(take(young.url("postgres") + "?tokensAbove=" + howFar)).isGreaterThan(first);
    }
  }

  /** Positions that were told and not flushed would come again. */
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

  private static long take(String url) throws Exception {
    try (LockClient client = LockClient.connect(url, ClientOptions.defaults());
        Hold hold = client.lock("x").acquire()) {
      return hold.token();
    }
  }
}
