package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** Code of others' that opens connections may not return. */
class BoundedSourceTest {
  private static final Duration BRIEFLY = Duration.ofMillis(50);

  private final AtomicBoolean isClosed = new AtomicBoolean();
  private final Connection connection =
      (Connection)
          Proxy.newProxyInstance(
              Connection.class.getClassLoader(),
              new Class<?>[] {Connection.class},
              (proxy, method, arguments) -> {
                assertThat(method.getName()).isEqualTo("close");
                isClosed.set(true);
                return null;
              });

  @Test
  void whoeverAsksWaitsNoLongerThanTheBoundAndWhatComesLaterIsClosed() {
    CountDownLatch returns = new CountDownLatch(1);
    BoundedSource source =
        new BoundedSource(
            () -> {
              await(returns);
              return connection;
            },
            BRIEFLY);
    assertThatThrownBy(source::open)
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("no connection within PT0.05S");
    assertThat(isClosed).isFalse();
    returns.countDown();
    Patience.until("the late one is closed", isClosed::get);
  }

  @Test
  void openingsThatHangAreBoundedAndOverWhenTheyReturn() throws SQLException {
    CountDownLatch returns = new CountDownLatch(1);
    BoundedSource source =
        new BoundedSource(
            () -> {
              await(returns);
              return connection;
            },
            Duration.ofMillis(1));
    for (int i = 0; i < BoundedSource.MOST_OPENING; i++) {
      assertThatThrownBy(source::open).hasMessageContaining("no connection within");
    }
    assertThatThrownBy(source::open).hasMessageContaining("openings of connections hang");
    returns.countDown();
    Patience.until("one can be had again", () -> isHad(source));
  }

  @Test
  void whatTheSourceThrowsIsThrown() {
    assertThatThrownBy(
            () ->
                new BoundedSource(
                        () -> {
                          throw new IllegalArgumentException("no credentials");
                        })
                    .open())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no credentials");
  }

  @Test
  void aDataSourceWithABoundOfItsOwnIsAskedInTheCallersThread() throws SQLException {
    PGSimpleDataSource bounded = new PGSimpleDataSource();
    assertThat(BoundedSource.of(bounded)).isInstanceOf(BoundedSource.class);
    bounded.setLoginTimeout(3);
    assertThat(BoundedSource.of(bounded)).isNotInstanceOf(BoundedSource.class);
    assertThat(BoundedSource.of(new OneConnection(connection))).isInstanceOf(BoundedSource.class);
  }

  private static boolean isHad(ConnectionSource source) {
    try {
      source.open();
      return true;
    } catch (SQLException e) {
      return false;
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
