package io.holdfast.postgres;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** A real pgbouncer in front of a server, with two connections to each database. */
public final class Pgbouncer implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/pgbouncer");

  private final Process process;
  private final int port;

  /** Skips the test where there is no pgbouncer. */
  public static void assumeThereIsOne() {
    assumeTrue(Files.isExecutable(PROGRAM), "there is no " + PROGRAM + " here");
  }

  /** Starts it in transaction mode, with its files in the folder. */
  public Pgbouncer(Path folder, PostgresServer server, String database) throws Exception {
    this(folder, server, database, "transaction");
  }

  /** @param mode what a connection to the server is lent for */
  Pgbouncer(Path folder, PostgresServer server, String database, String mode) throws Exception {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    Path users = Files.writeString(folder.resolve("users.txt"), "\"postgres\" \"\"\n");
    Path settings =
        Files.writeString(
            folder.resolve("pgbouncer.ini"),
            String.join(
                "\n",
                "[databases]",
                // "any" logs everybody in as the user of this line
                "* = host=127.0.0.1 port=" + server.port() + " user=postgres",
                "[pgbouncer]",
                "listen_addr = 127.0.0.1",
                "listen_port = " + port,
                "unix_socket_dir =",
                "auth_type = any",
                "auth_file = " + users,
                "pool_mode = " + mode,
                "server_login_retry = 1",
                "default_pool_size = 2",
                "ignore_startup_parameters = extra_float_digits",
                ""));
    for (Path path : List.of(folder, users, settings)) {
      path.toFile().setReadable(true, false);
      path.toFile().setExecutable(true, false);
    }
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("setpriv", "--reuid=65534", "--clear-groups", "--"));
    }
    command.addAll(List.of(PROGRAM.toString(), settings.toString()));
    Path log = folder.resolve("pgbouncer.log");
    process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      Patience.until("the pooler is there", () -> isThere(database));
    } catch (AssertionError e) {
      close();
      throw new AssertionError(Files.readString(log), e);
    }
  }

  private boolean isThere(String database) {
    try {
      connect(database).close();
      return true;
    } catch (SQLException e) {
      return false;
    }
  }

  /** As {@code LockClient.connect} takes it. */
  public String url(String database) {
    return "postgresql://postgres@127.0.0.1:" + port + "/" + database;
  }

  public int port() {
    return port;
  }

  String jdbcUrl(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database + "?user=postgres";
  }

  Connection connect(String database) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(database));
  }

  @Override
  public void close() throws IOException {
    process.destroy();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
