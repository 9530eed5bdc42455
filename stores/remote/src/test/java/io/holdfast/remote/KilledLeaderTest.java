package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.remote.ClusterClient.ServerStatus;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three servers, each a process of its own, of which the one that leads is killed. */
@Timeout(120)
class KilledLeaderTest {
  @TempDir Path folder;

  private final List<Child> children = new ArrayList<>();
  private final List<LockClient> clients = new ArrayList<>();

  /** A server, until whoever started it is gone. */
  static final class Server {
    public static void main(String[] arguments) throws IOException {
      RealServer server =
          new RealServer(Path.of(arguments[0]), arguments[1], List.of(arguments[2].split(",", -1)));
      System.out.println(server.address());
      while (System.in.read() >= 0) {
        // What it says does not matter, only that it is there.
      }
      Runtime.getRuntime().halt(1);
    }
  }

  private record Child(Process process, String address) {}

  @AfterEach
  void stop() throws InterruptedException {
    clients.forEach(LockClient::close);
    for (Child child : children) {
      assertThat(child.process.destroyForcibly().waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void holdsAndPlacesInLineOutliveALeaderThatIsKilled() throws Exception {
    List<String> peers = List.of(freeAddress(), freeAddress(), freeAddress());
    List<Process> processes = new ArrayList<>();
    for (String self : peers) {
      processes.add(start(self, peers));
    }
    for (Process process : processes) {
      children.add(new Child(process, firstLine(process)));
    }
    String all = String.join(",", children.stream().map(Child::address).toList());
    LockClient ann = connect(all);
    LockClient bob = connect(all);
    Hold hold = ann.lock("name").acquire();
    CompletableFuture<Hold> waiting = bob.lock("name").acquireAsync();
    while (ann.describe("name").waiters().isEmpty()) {
      Thread.onSpinWait(); // each look is a round trip; the time-out bounds it
    }

    Child leader = leader(all);
    assertThat(leader.process.destroyForcibly().waitFor(20, TimeUnit.SECONDS)).isTrue();

    // Asked of whoever leads now.
    assertThat(ann.describe("name").waiters()).hasSize(1);
    assertThat(ann.describe("name").holders())
        .extracting(holder -> holder.token())
        .containsExactly(OptionalLong.of(hold.token()));
    assertThat(hold.isHeld()).isTrue();
    assertThat(waiting).isNotDone();
    hold.close();
    Hold next = waiting.get(20, TimeUnit.SECONDS);
    assertThat(next.token()).isGreaterThan(hold.token());
    next.close();
  }

  private Process start(String self, List<String> peers) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            Server.class.getName(),
            folder.resolve(self.replace(':', '_')).toString(),
            self,
            String.join(",", peers))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static String firstLine(Process process) throws IOException {
    return new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
        .readLine();
  }

  /** The one that leads, and says so itself. */
  private Child leader(String all) {
    ClusterClient operator = ClusterClient.of("holdfast://" + all);
    for (Child child : children) {
      ServerStatus status = operator.status(child.address);
      if (status.leader().equals(Optional.of(status.self()))) {
        return child;
      }
    }
    throw new AssertionError("none leads, though clients are served");
  }

  private LockClient connect(String servers) {
    LockClient client = LockClient.connect("holdfast://" + servers + "/n");
    clients.add(client);
    return client;
  }

  private static String freeAddress() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return "127.0.0.1:" + socket.getLocalPort();
    }
  }
}
