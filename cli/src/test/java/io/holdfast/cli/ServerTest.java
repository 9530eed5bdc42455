package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.DistributedLock;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A server in a process of its own, and commands that find it. */
class ServerTest {
  /** No file of the server's gets longer. */
  private static final int FILE_BYTES = 200_000;

  /** With each kind of garbage. */
  private static final int STRANGERS = 3;

  /** Far more than a warning a minute makes; gRPC by itself writes four lines and a stack trace for each stranger. */
  private static final int MOST_LINES = 4 * STRANGERS;

  /** A stranger that is not sent away by then has said what it had to say all the same. */
  private static final int PATIENCE_MILLIS = 2_000;

  private static final String DATA = "x".repeat(4_000);

  /** Every Linux has it. */
  private static final Path IN_MEMORY = Path.of("/dev/shm");

  @TempDir Path folder;

  @Test
  @EnabledOnOs(OS.LINUX)
  void aServerServesTheCommandsAndKeepsTokensGrowingWhenItIsStartedAgain() throws Exception {
    String self = freeAddress();
    long first;
    try (RunningCommand server = start(self)) {
      String store = "holdfast://" + clients(server) + "/default";
      first = token(store);
      assertThat(CommandRun.of("list", "--store", store).exitCode()).isZero();
      server.signal("TERM");
      assertThat(server.end().exitCode()).isEqualTo(143);
      CommandRun away = CommandRun.of("list", "--store", store + "?connect-timeout=500ms");
      assertThat(away.exitCode()).isEqualTo(69);
      assertThat(away.err())
          .contains("(is a server running? start one: holdfast server)")
          .hasLineCount(1);
    }
    try (RunningCommand server = start(self)) {
      String store = "holdfast://" + clients(server) + "/default";
      assertThat(token(store)).isGreaterThan(first);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--listen 0.0.0.0:0      | 78 | listening on 0.0.0.0:0 without auth would let anybody in:"
            + " configure auth, listen on 127.0.0.1, or say --insecure",
        "--listen 0.0.0.0:0 --insecure | 78 | --listen 0.0.0.0:0 is all addresses of this machine, and"
            + " none to send clients to: add --advertise HOST:PORT",
        "--listen [::]:0 --insecure --advertise 0.0.0.0:7420 | 78 | --advertise 0.0.0.0:7420 is no"
            + " address that clients could connect to",
        "--listen 7420           | 64 | Invalid value for option '--listen': '7420' is not an"
            + " address: write host:port",
        "--listen 127.0.0.1:65536 | 64 | Invalid value for option '--listen': '127.0.0.1:65536' is"
            + " not an address: write host:port",
        "--peers 127.0.0.1:1,127.0.0.1:2 | 64 | this server, 127.0.0.1:7421, is not among the"
            + " initial members",
        "--peers 127.0.0.1:7421,127.0.0.1:7422,127.0.0.1:7421 | 64 | --peers names 127.0.0.1:7421 twice",
        "--limit sesions=5       | 64 | --limit 'sesions' is unknown, sessions is not; there are"
            + " acquisitions-per-second, connections, connections-per-address,",
        "--limit sessions=0      | 64 | --limit: a limit is 0, at least 1",
        "--limit sessions=5s     | 64 | Invalid value for option '--limit' (NAME=NUMBER): '5s' is"
            + " not an int",
        "--peer-cert x           | 64 | Missing required argument(s): --peer-key=FILE,"
            + " --peer-ca=FILE",
        "--join --peer-cert x --peer-key x --peer-ca x | 64 | --join knows no member yet whose"
            + " certificate to take: add --peer-hosts",
        "--restored 2026-01-31T12:00:00Z | 78 | --restored is 2026-01-31T12:00:00Z, and now it is",
        "--restored yesterday    | 64 | Invalid value for option '--restored'",
        "--data-dir /proc/nowhere --listen 127.0.0.1:0 | 78 | data folder /proc/nowhere cannot be"
            + " used",
      })
  void aServerThatCannotBeIsRefusedInALine(String options, int exitCode, String message) {
    CommandRun run = CommandRun.of(("server " + options).split(" "));
    assertThat(run.err()).startsWith("holdfast server: " + message).hasLineCount(1);
    assertThat(run.out()).isEmpty();
    assertThat(run.exitCode()).isEqualTo(exitCode);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aServerTellsItsFiguresAndKeepsWhatOperatorsDid() throws Exception {
    String metrics = freeAddress();
    Path audit = folder.resolve("audit.jsonl");
    try (RunningCommand server =
        start(
            freeAddress(),
            "--metrics",
            metrics,
            "--audit-log",
            audit.toString(),
            "--limit",
            "watches=7")) {
      String store = "holdfast://" + clients(server) + "/default";
      token(store);
      assertThat(
              CommandRun.of(
                      "force-release", "a", "--token", "1", "--reason", "stuck", "--store", store)
                  .exitCode())
          .isEqualTo(ExitCode.NO_SUCH_GRANT);
      assertThat(get(metrics, "/healthz")).isEqualTo("200 alive\n");
      RunningCommand.await("it is ready", () -> get(metrics, "/readyz").equals("200 ready\n"));
      assertThat(get(metrics, "/metrics"))
          .contains("holdfast_leader 1.0", "holdfast_sessions_opened_total");
      assertThat(Files.readString(audit))
          .contains("\"act\":\"FORCE_RELEASE\"", "\"target\":\"a\"", "\"result\":\"NOTHING\"")
          .contains("\"leads\":true", "\"reason\":\"stuck\"");

      String other = freeAddress();
      CommandRun taken =
          CommandRun.of(
              "server",
              "--listen",
              "127.0.0.1:0",
              "--peer-listen",
              other,
              "--data-dir",
              folder.resolve("other").toString(),
              "--metrics",
              metrics);
      assertThat(taken.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
      assertThat(taken.err()).startsWith("holdfast server: --metrics " + metrics).hasLineCount(1);
      try (ServerSocket free =
          new ServerSocket(
              Integer.parseInt(other.substring(other.indexOf(':') + 1)),
              1,
              InetAddress.getByName("127.0.0.1"))) {
        assertThat(free.isBound()).isTrue(); // nothing of the server is left that did not start
      }
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void whatIsAllowedThoughItShouldNotBeIsSaidInALineEach() throws Exception {
    String self = freeAddress();
    String other = freeAddress();
    Path memory = Files.createTempDirectory(IN_MEMORY, "holdfast");
    try (RunningCommand server =
        start(
            memory,
            self,
            "--insecure",
            "--metrics",
            "0.0.0.0:0",
            "--advertise",
            "locks.example:7420",
            "--peers",
            self + "," + other)) {
      assertThat(clients(server)).isEqualTo("locks.example:7420");
      server.signal("TERM");
      String said = server.end().err();
      assertThat(said)
          .contains(
              "WARNING: --insecure: 127.0.0.1:0 lets anybody take and break locks, without TLS; "
                  + self
                  + " lets anybody write into the log")
          .contains("--peers are 2, an even number: they survive no more losses than 1 would")
          .contains("--metrics 0.0.0.0:0 is for whoever reaches it, without credentials or TLS")
          .contains("WARNING: --data-dir " + memory.resolve("data") + " is in memory");
    } finally {
      delete(memory);
    }
  }

  /** It is for clients, who may be told something else of it than this machine, for which it is all addresses here. */
  @Test
  void theNameForClientsIsNotLookedUp() throws Exception {
    Path hosts = Files.writeString(folder.resolve("hosts"), "0.0.0.0 locks.example\n");
    try (RunningCommand server =
        RunningCommand.start(
            folder,
            Map.of("JDK_JAVA_OPTIONS", "-Djdk.net.hosts.file=" + hosts),
            "server",
            "--listen",
            "127.0.0.1:0",
            "--advertise",
            "locks.example:7420",
            "--data-dir",
            hosts.toString())) {
      assertThat(server.end().err()).contains("data folder " + hosts + " cannot be used");
    }
  }

  /** It takes no credential to send garbage. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void strangersDoNotFillTheServersLog() throws Exception {
    byte[] preface =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0".getBytes(StandardCharsets.ISO_8859_1);
    byte[] dataOfNoStream = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    byte[] headersThatAreNone = {0, 0, 4, 1, 5, 0, 0, 0, 1, -1, -1, -1, -1};
    byte[] plainHttp = "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);
    byte[] tls = {22, 3, 1, 0, 5, 1, 0, 0, 1, 3};
    try (RunningCommand server = start(freeAddress())) {
      String clients = clients(server);
      for (int i = 0; i < STRANGERS; i++) {
        for (byte[] garbage :
            List.of(
                plainHttp, tls, plus(preface, dataOfNoStream), plus(preface, headersThatAreNone))) {
          strange(clients, garbage);
        }
      }
      token("holdfast://" + clients + "/default");
      server.signal("TERM");
      List<String> said =
          server.end().err().lines().filter(line -> !line.startsWith("\t")).toList();
      assertThat(said.size()).as(String.join("\n", said)).isLessThanOrEqualTo(MOST_LINES);
    }
  }

  private static byte[] plus(byte[] first, byte[] second) {
    return ByteBuffer.allocate(first.length + second.length).put(first).put(second).array();
  }

  /** Says something to a server, and listens until it has enough of that. */
  private static void strange(String address, byte[] bytes) {
    int port = Integer.parseInt(address.substring(address.indexOf(':') + 1));
    try (Socket socket = new Socket(InetAddress.getByName("127.0.0.1"), port)) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.getOutputStream().write(bytes);
      socket.getInputStream().readAllBytes();
    } catch (IOException e) {
      // reset, or not sent away in time: so be it
    }
  }

  /** R23. A process that may write no further in any file finds its disk full, as far as its log is concerned. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aServerWhoseLogCannotBeWrittenEndsAndSaysSo() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/prlimit")), "needs prlimit, of util-linux");
    try (RunningCommand server = start(freeAddress())) {
      String store = "holdfast://" + clients(server) + "/default";
      try (LockClient locks = LockClient.connect(store)) {
        locks.lock("before").acquire();
        String limit = "--fsize=" + FILE_BYTES;
        Process limited =
            new ProcessBuilder("prlimit", "--pid", String.valueOf(server.pid()), limit).start();
        assertThat(limited.waitFor()).isZero();
        DistributedLock lock = locks.lock("a").with(HoldOptions.defaults().data(DATA));
        assertThatThrownBy(
                () -> {
                  for (int i = 0; i < FILE_BYTES / DATA.length(); i++) {
                    lock.acquire(Duration.ofSeconds(2)).close();
                  }
                })
            .isInstanceOf(LockException.class);
      }
      CommandRun end = server.end();
      assertThat(end.exitCode()).isEqualTo(70);
      assertThat(end.err()).contains("the server's log has failed, it has stopped");
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static String get(String address, String path) {
    try {
      HttpResponse<String> answer =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(URI.create("http://" + address + path))
                      .timeout(Duration.ofSeconds(20))
                      .build(),
                  BodyHandlers.ofString());
      return answer.statusCode() + " " + answer.body();
    } catch (IOException e) {
      return e.toString();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private RunningCommand start(String self, String... more) throws Exception {
    return start(folder, self, more);
  }

  /** A server whose data is in the folder. */
  static RunningCommand start(Path folder, String self, String... more) throws Exception {
    List<String> line =
        new ArrayList<>(
            List.of(
                "server",
                "--listen",
                "127.0.0.1:0",
                "--peer-listen",
                self,
                "--data-dir",
                folder.resolve("data").toString(),
                "--json"));
    line.addAll(List.of(more));
    RunningCommand server = RunningCommand.start(folder, Map.of(), line.toArray(String[]::new));
    RunningCommand.await("it listens", () -> server.output().contains("\n"));
    return server;
  }

  /** Where a server listens for clients. */
  static String clients(RunningCommand server) {
    return (String) JsonReader.readObject(server.output()).get("clients");
  }

  /** That of one run under a lock. */
  private long token(String store) throws Exception {
    try (RunningCommand run =
        RunningCommand.start(
            folder,
            Map.of("HOLDFAST_STORE", store),
            "run",
            "a",
            "--",
            "sh",
            "-c",
            "echo $HOLDFAST_TOKEN")) {
      CommandRun end = run.end();
      assertThat(end.exitCode()).as(end.err()).isZero();
      return Long.parseLong(end.out().strip());
    }
  }

  static String freeAddress() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return "127.0.0.1:" + socket.getLocalPort();
    }
  }
}
