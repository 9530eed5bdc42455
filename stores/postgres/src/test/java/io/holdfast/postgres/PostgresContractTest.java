package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.testkit.LockContract;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeAll;

/** Locks of sessions, on a real server, in real time. */
class PostgresContractTest extends LockContract {
  private static PostgresServer server;
  private static String database;

  private final Map<LockClient, Connections> connections = new ConcurrentHashMap<>();

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
  }

  @Override
  protected LockClient connect(ClientOptions options) {
    Connections made = new Connections();
    LockClient client = locks(made).connect(options);
    connections.put(client, made);
    return client;
  }

  PostgresLocks locks(ConnectionSource source) {
    return PostgresLocks.on(source);
  }

  @Override
  protected boolean kill(LockClient client) {
    connections.get(client).cut();
    return true;
  }

  @Override
  protected boolean restart() {
    server.kill();
    server.start();
    return true;
  }

  /** A session's end needs no lease. */
  @Override
  protected Duration deadWithin(HoldOptions options) {
    return Duration.ofSeconds(1);
  }

  @Override
  protected Duration arrivesWithin() {
    return Duration.ofMillis(100);
  }

  @Override
  protected int mostClients() {
    return 23;
  }

  @Override
  protected int rounds() {
    return 50;
  }

  /** A server knows sessions, not threads; the client knows those of its own. */
  @Override
  protected boolean seesReentrancyOfOtherClients() {
    return false;
  }

  /** What a client's process would lose with its end. */
  private static final class Connections implements ConnectionSource {
    private final Queue<Connection> open = new ConcurrentLinkedQueue<>();
    private volatile boolean cut;

    @Override
    public Connection open() throws SQLException {
      if (cut) {
        throw new SQLException("this process is dead", "08001");
      }
      Connection connection = server.connect(database);
      open.add(connection);
      return connection;
    }

    void cut() {
      cut = true;
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
