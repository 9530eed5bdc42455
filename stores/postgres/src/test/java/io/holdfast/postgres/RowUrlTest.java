package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.StoreSetup;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code postgresql://…?mode=rows}, and what is made before. */
class RowUrlTest {
  private final PostgresServer server = PostgresServer.shared();
  private String database;

  @BeforeEach
  void make() {
    database = server.newDatabase();
  }

  @Test
  void setupMakesTheTableOfTheUrlAndOnceMoreIsHarmless() throws Exception {
    String url = server.url(database) + "?mode=rows&table=our_locks";
    assertThatThrownBy(() -> LockClient.connect(url))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("NO_TABLE");
    StoreSetup setup = LockProvider.of(url).setup(url).orElseThrow();
    assertThat(setup.run()).isEqualTo("table our_locks is there");
    assertThat(setup.run()).isEqualTo("table our_locks is there");
    try (LockClient ann = LockClient.connect(url);
        LockClient bob = LockClient.connect(url)) {
      Hold hold = ann.lock("x").acquire();
      assertThat(bob.lock("x").tryAcquire()).isEmpty();
      assertThat(bob.describe("x").holders().get(0).token()).hasValue(hold.token());
      assertThat(server.execute(database, "SELECT name FROM our_locks")).containsExactly("x");
      assertThat(bob.forceRelease("x", hold.token())).isTrue();
      assertThat(hold.isHeld()).isFalse();
    }
  }

  @Test
  void theScriptMakesTheSame() throws Exception {
    String url = server.url(database) + "?mode=rows";
    server.execute(database, LockProvider.of(url).setup(url).orElseThrow().script());
    try (LockClient client = LockClient.connect(url);
        Hold hold = client.lock("x").acquire()) {
      assertThat(hold.token()).isEqualTo(1);
    }
    assertThat(
            server.execute(
                database, "SELECT obj_description('holdfast_lock'::regclass, 'pg_class')"))
        .singleElement()
        .asString()
        .contains("do not delete them");
  }

  @Test
  void sessionsNeedNothingBeforehand() {
    String url = server.url(database);
    assertThat(LockProvider.of(url).setup(url)).isEmpty();
  }

  /** Locks of sessions and rows do not know of each other. */
  @Test
  void rowsAndSessionsAreApart() throws Exception {
    String url = server.url(database);
    LockProvider.of(url).setup(url + "?mode=rows").orElseThrow().run();
    try (LockClient sessions = LockClient.connect(url);
        LockClient rows = LockClient.connect(url + "?mode=rows");
        Hold one = sessions.lock("x").acquire();
        Hold other = rows.lock("x").acquire()) {
      assertThat(one.isHeld()).isTrue();
      assertThat(other.isHeld()).isTrue();
    }
  }
}
