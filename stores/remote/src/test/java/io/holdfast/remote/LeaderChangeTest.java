package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three servers, of which the one that leads stops. */
@Timeout(120)
class LeaderChangeTest {
  @TempDir Path folder;

  private List<RealServer> servers;
  private final List<LockClient> clients = new ArrayList<>();

  @BeforeEach
  void start() throws IOException, InterruptedException {
    servers =
        RealServer.cluster(List.of(folder.resolve("a"), folder.resolve("b"), folder.resolve("c")));
    until(() -> servers.stream().anyMatch(RealServer::leads));
  }

  @AfterEach
  void stop() {
    clients.forEach(LockClient::close);
    servers.forEach(RealServer::close);
  }

  @Test
  void whoAsksAServerThatDoesNotLeadIsServedByTheOneThatDoes() throws Exception {
    RealServer follower =
        servers.stream().filter(server -> !server.leads()).findFirst().orElseThrow();
    LockClient ann = connect(follower.address());
    ann.lock("name").acquire().close();
  }

  @Test
  void holdsAndPlacesInLineOutliveTheLeader() throws Exception {
    String all = String.join(",", servers.stream().map(RealServer::address).toList());
    LockClient ann = connect(all);
    LockClient bob = connect(all);
    Hold hold = ann.lock("name").acquire();
    CompletableFuture<Hold> waiting = bob.lock("name").acquireAsync();
    until(() -> ann.describe("name").waiters().size() == 1);

    servers.stream().filter(RealServer::leads).findFirst().orElseThrow().close();

    assertThat(ann.describe("name").waiters()).hasSize(1);
    assertThat(hold.isHeld()).isTrue();
    assertThat(waiting).isNotDone();
    hold.close();
    Hold next = waiting.get(20, TimeUnit.SECONDS);
    assertThat(next.token()).isGreaterThan(hold.token());
    next.close();
  }

  private LockClient connect(String servers) {
    LockClient client = LockClient.connect("holdfast://" + servers + "/n");
    clients.add(client);
    return client;
  }

  private static void until(BooleanSupplier isSo) throws InterruptedException {
    for (int i = 0; i < 4_000 && !isSo.getAsBoolean(); i++) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    assertThat(isSo.getAsBoolean()).isTrue();
  }
}
