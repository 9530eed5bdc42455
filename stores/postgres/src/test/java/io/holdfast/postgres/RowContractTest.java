package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.testkit.LockContract;
import io.holdfast.testkit.ManualTicker;
import io.holdfast.testkit.lease.MortalLeaseStore;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** The contract with locks as rows. */
class RowContractTest extends LockContract {
  private static PostgresServer server;
  private static String database;

  private final ManualTicker ticker = new ManualTicker(0);
  private final Map<LockClient, MortalConnections> connections = new ConcurrentHashMap<>();

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
    PostgresRows.on(() -> server.connect(database), "test").setup().run();
  }

  /** How clients reach the server. */
  Connection reach(String database) throws SQLException {
    return server.connect(database);
  }

  static String database() {
    return database;
  }

  /** The table tells the time of grants by its own clock. */
  @BeforeEach
  void clocksAgree() {
    ticker.setWallClock(Duration.between(ticker.instant(), Instant.now()));
  }

  @Override
  protected LockClient connect(ClientOptions options) {
    MortalConnections made = new MortalConnections();
    ClientOptions turned = options.ticker(ticker);
    LockClient client = LockClient.over(LeaseLocks.over(made.store, turned), turned);
    connections.put(client, made);
    return client;
  }

  @Override
  protected boolean isBusy() {
    return connections.values().stream().anyMatch(each -> each.store.isBusy());
  }

  @Override
  protected Optional<ManualTicker> ticker() {
    return Optional.of(ticker);
  }

  @Override
  protected Duration arrivesWithin() {
    return Duration.ofMillis(50);
  }

  @Override
  protected boolean kill(LockClient client) {
    connections.get(client).cut();
    return true;
  }

  @Override
  protected boolean restart() {
    connections.values().forEach(MortalConnections::cut);
    server.kill();
    server.start();
    return true;
  }

  @Override
  protected int mostClients() {
    return 20;
  }

  @Override
  protected int rounds() {
    return 20;
  }

  private final class MortalConnections implements ConnectionSource {
    private final Queue<Connection> open = new ConcurrentLinkedQueue<>();
    private volatile boolean dead;
    private final MortalLeaseStore store =
        new MortalLeaseStore(PostgresRows.on(this, "test").store());

    @Override
    public Connection open() throws SQLException {
      if (dead) {
        throw new SQLException("this process is dead", "08001");
      }
      Connection connection = reach(database);
      open.add(connection);
      return connection;
    }

    void cut() {
      dead = true;
      store.die();
      for (Connection connection : open) {
        try {
          connection.abort(Runnable::run);
        } catch (SQLException e) {
          throw new AssertionError(e);
        }
      }
    }
  }
}
