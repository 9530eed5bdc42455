package io.holdfast.benchmarks.leasestores;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A store's stand-in on this machine, in a JVM of its own: those that the stores' tests have, which
 * say "port N" when they are ready, answer lines with lines, and end with their standard input.
 */
final class ServerProcess implements AutoCloseable {
  private final Process process;
  private final BufferedReader said;
  private final PrintStream told;
  private final int port;

  private ServerProcess(List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(arguments);
    this.process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    this.said =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    this.told = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
    this.port = Integer.parseInt(line("port "));
  }

  /** DynamoDB Local, in memory. */
  static ServerProcess dynamoDb(Path root) throws IOException {
    Path stores = root.resolve("stores");
    Path jars = stores.resolve("dynamodb-local/target/jars");
    return new ServerProcess(
        List.of(
            "-Xmx768m",
            "-Dsqlite4java.library.path=" + jars,
            "-cp",
            stores.resolve("dynamodb/target/test-classes") + ":" + jars + "/*",
            "io.holdfast.dynamodb.LocalServerMain",
            "8000"));
  }

  /** The emulator of Google Cloud Storage that the tests have, with an empty bucket. */
  static ServerProcess storage(Path root, String bucket) throws IOException {
    return new ServerProcess(
        List.of(
            "-Xmx768m",
            "-cp",
            root.resolve("stores/gcs/target/test-classes")
                + ":"
                + root.resolve("benchmarks/lease-stores/target/jars")
                + "/*",
            "io.holdfast.gcs.EmulatorMain",
            bucket));
  }

  int port() {
    return port;
  }

  URI endpoint() {
    return endpoint(port);
  }

  static URI endpoint(int port) {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** How many requests there were since the last question; of those that count. */
  long requests() throws IOException {
    told.println("requests");
    return Long.parseLong(line("requests "));
  }

  private String line(String start) throws IOException {
    for (String line = said.readLine(); line != null; line = said.readLine()) {
      if (line.startsWith(start)) {
        return line.substring(start.length());
      }
    }
    throw new IOException("the server has ended");
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
