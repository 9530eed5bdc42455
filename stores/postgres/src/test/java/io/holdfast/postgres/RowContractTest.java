package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LockContract;
import io.holdfast.testkit.ManualTicker;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** The contract with locks as rows. */
class RowContractTest extends LockContract {
  private static PostgresServer server;
  private static String database;

  private final ManualTicker ticker = new ManualTicker(0);
  private final AtomicInteger unanswered = new AtomicInteger();
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
    LeaseStore store = counted(PostgresRows.on(made, "test").store(), made);
    LockClient client = LockClient.over(LeaseLocks.over(store, turned), turned);
    connections.put(client, made);
    return client;
  }

  /** The same store, whose requests are counted until they are answered; a dead process has none. */
  private LeaseStore counted(LeaseStore store, MortalConnections connections) {
    return (LeaseStore)
        Proxy.newProxyInstance(
            LeaseStore.class.getClassLoader(),
            new Class<?>[] {LeaseStore.class},
            (proxy, method, arguments) -> {
              if (connections.dead && method.getReturnType() == CompletableFuture.class) {
                return CompletableFuture.failedFuture(
                    new LockRefusedException("DEAD", "its process is dead"));
              }
              try {
                Object answer = method.invoke(store, arguments);
                if (answer instanceof CompletableFuture<?> awaited) {
                  unanswered.incrementAndGet();
                  awaited.whenComplete((told, failure) -> unanswered.decrementAndGet());
                }
                return answer;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Override
  protected boolean isBusy() {
    return unanswered.get() > 0;
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
