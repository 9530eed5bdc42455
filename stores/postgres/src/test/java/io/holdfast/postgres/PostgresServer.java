package io.holdfast.postgres;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A real PostgreSQL with its data in the build folder, on a port of its own. Most tests share one, each class with a database
 * of its own; it ends with the JVM.
 */
public final class PostgresServer implements AutoCloseable {
  static final Path FOLDER = Path.of("target", "postgres").toAbsolutePath();
  private static final AtomicInteger DATABASES = new AtomicInteger();

  private final Path data;
  private final Map<String, String> settings = new TreeMap<>();
  private EmbeddedPostgres server;
  private int port;

  private PostgresServer(Path data, Map<String, String> settings) {
    this.data = data;
    this.settings.put("max_connections", "300");
    this.settings.put("fsync", "off");
    this.settings.putAll(settings);
    start();
  }

  /** The one that tests share. */
  public static PostgresServer shared() {
    return Shared.SERVER;
  }

  /** One of a test's own, with these settings. */
  static PostgresServer own(Map<String, String> settings) {
    return new PostgresServer(newFolder(), settings);
  }

  /** One of a test's own that writes its log down only when it must: what nobody made it flush is gone when it crashes. */
  static PostgresServer careless() {
    return own(
        Map.of("wal_writer_delay", "10s", "wal_writer_flush_after", "100MB", "autovacuum", "off"));
  }

  /** A hot standby that was copied from this server, which is stopped for the purpose and started again. */
  PostgresServer standby() {
    stop();
    Path copy = newFolder();
    copyData(copy);
    start();
    try {
      Files.createFile(copy.resolve("standby.signal"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new PostgresServer(copy, settings);
  }

  private void copyData(Path copy) {
    try {
      Process process =
          new ProcessBuilder("cp", "-a", data + "/.", copy.toString()).inheritIO().start();
      if (process.waitFor() != 0) {
        throw new AssertionError("cp failed");
      }
      Files.deleteIfExists(copy.resolve("postmaster.pid"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static Path newFolder() {
    try {
      Files.createDirectories(FOLDER);
      return Files.createTempDirectory(FOLDER, "data");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void start() {
    EmbeddedPostgres.Builder builder =
        EmbeddedPostgres.builder()
            .setOverrideWorkingDirectory(FOLDER.resolve("binaries").toFile())
            .setDataDirectory(data)
            .setCleanDataDirectory(false)
            .setPort(port);
    settings.forEach(builder::setServerConfig);
    try {
      server = builder.start();
      port = server.getPort();
    } catch (IOException e) {
      throw new UncheckedIOException("PostgreSQL does not start", e);
    }
  }

  /** Ends it in good order; sessions are thrown out. */
  void stop() {
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends it as a crash would, without writing anything down. */
  void kill() {
    signal("-QUIT");
    try {
      server.getProcess().waitFor();
      for (int i = 0; i < 1000 && Files.exists(data.resolve("postmaster.pid")); i++) {
        Thread.sleep(5); // another process's end
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    stop();
  }

  private void signal(String signal) {
    try {
      String pid = Files.readAllLines(data.resolve("postmaster.pid")).get(0).strip();
      new ProcessBuilder("kill", signal, pid).inheritIO().start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Whether its version has such a setting. */
  boolean knows(String setting) {
    return !execute("postgres", "SELECT 1 FROM pg_settings WHERE name = '" + setting + "'")
        .isEmpty();
  }

  /** Lets a line of {@code pg_hba.conf} go before all others. */
  void admit(String rule) {
    Path rules = Path.of(execute("postgres", "SHOW hba_file").get(0));
    String before = execute("postgres", "SELECT clock_timestamp()").get(0);
    try {
      Files.writeString(rules, rule + "\n" + Files.readString(rules));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    execute("postgres", "SELECT pg_reload_conf()");
    String read = "SELECT 1 WHERE pg_conf_load_time() > '" + before + "'";
    Patience.until("it is read", () -> !execute("postgres", read).isEmpty());
  }

  /** The name of a new database. */
  public String newDatabase() {
    String name = "test" + ProcessHandle.current().pid() + "_" + DATABASES.incrementAndGet();
    execute("postgres", "CREATE DATABASE " + name);
    return name;
  }

  public int port() {
    return port;
  }

  /** As {@code LockClient.connect} takes it. */
  public String url(String database) {
    return "postgresql://postgres@127.0.0.1:" + port + "/" + database;
  }

  public String jdbcUrl(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database + "?user=postgres";
  }

  public Connection connect(String database) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(database));
  }

  /** Runs a statement; returns the first column of what it answers. */
  public List<String> execute(String database, String sql) {
    List<String> rows = new ArrayList<>();
    try (Connection connection = connect(database);
        Statement statement = connection.createStatement()) {
      if (statement.execute(sql)) {
        try (ResultSet answer = statement.getResultSet()) {
          while (answer.next()) {
            rows.add(answer.getString(1));
          }
        }
      }
    } catch (SQLException e) {
      throw new AssertionError(sql, e);
    }
    return rows;
  }

  /**
   * Lets a session of the database refuse to unlock exclusive locks for a while.
   *
   * @return what it must run for that; {@code RESET search_path} ends it
   */
  public String refusingUnlocks(String database) {
    execute(database, "CREATE SCHEMA refusing");
    execute(
        database,
        "CREATE FUNCTION refusing.pg_advisory_unlock(bigint) RETURNS boolean LANGUAGE plpgsql"
            + " AS 'BEGIN RAISE ''not now''; END'");
    return "SET search_path = refusing, pg_catalog";
  }

  /**
   * Lets sessions of the database wait in vain though they get what they wait for: the error strikes after the grant,
   * as it may when the time runs out in the very moment.
   *
   * @param state its SQLSTATE
   * @return the {@code search_path} for such a session
   */
  public String grantingTooLate(String database, String state) {
    String schema = "too_late_" + state.toLowerCase(java.util.Locale.ROOT);
    execute(database, "CREATE SCHEMA " + schema);
    for (String function : List.of("pg_advisory_lock", "pg_advisory_xact_lock")) {
      execute(
          database,
          ("CREATE FUNCTION %s.%s(key bigint) RETURNS void LANGUAGE plpgsql AS $$BEGIN"
                  + " PERFORM pg_catalog.%s(key); RAISE 'too late' USING ERRCODE = '%s'; END$$")
              .formatted(schema, function, function, state));
    }
    return schema + ",pg_catalog";
  }

  @Override
  public void close() {
    stop();
  }

  private static final class Shared {
    static final PostgresServer SERVER = own(Map.of());
  }
}
