package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.remote.ClusterClient.ServerStatus;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What operators ask real servers. */
@Timeout(120)
class ClusterClientTest {
  @TempDir Path folder;

  private List<RealServer> servers = List.of();

  @AfterEach
  void stop() {
    servers.forEach(RealServer::close);
  }

  @Test
  void eachServerTellsOfItselfAndTheLeaderIsFoundFromAnyOfThem() throws Exception {
    servers =
        RealServer.cluster(List.of(folder.resolve("a"), folder.resolve("b"), folder.resolve("c")));
    until(() -> servers.stream().anyMatch(RealServer::leads));
    RealServer leader = servers.stream().filter(RealServer::leads).findFirst().orElseThrow();
    ClusterClient all =
        ClusterClient.of(
            "holdfast://" + String.join(",", servers.stream().map(RealServer::address).toList()));
    ServerStatus told = all.status(leader.address());
    assertThat(told.leader()).contains(told.self());
    assertThat(told.members()).hasSize(3).contains(told.self());
    assertThat(told.term()).isPositive();
    assertThat(all.snapshot(leader.address())).isPositive();

    RealServer follower = servers.stream().filter(server -> server != leader).findFirst().get();
    until(() -> all.status(follower.address()).leader().equals(told.leader()));
    String next = all.status(follower.address()).self();
    // Asks one that does not lead, and is sent to the one that does.
    ClusterClient one = ClusterClient.of("holdfast://" + follower.address());
    one.transfer(Optional.of(next));
    until(follower::leads);
    assertThat(one.remove(told.self())).hasSize(2).doesNotContain(told.self());
    assertThatThrownBy(() -> one.remove("no name")).isInstanceOf(InvalidRequestException.class);
  }

  @Test
  void whoIsNotThereAndWhoRefusesIsToldApart() throws Exception {
    RealServer only = new RealServer(folder);
    servers = List.of(only);
    ClusterClient client = ClusterClient.of("holdfast://" + only.address());
    until(only::leads);
    only.refuse("NOT_ALLOWED");
    assertThatThrownBy(() -> client.status(only.address()))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageContaining("NOT_ALLOWED")
        .hasMessageContaining(only.address());
    only.close();
    assertThatThrownBy(() -> client.status(only.address()))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining(only.address());
    assertThatThrownBy(() -> ClusterClient.of("holdfast://"))
        .isInstanceOf(InvalidRequestException.class);
  }

  private static void until(BooleanSupplier isSo) throws InterruptedException {
    for (int i = 0; i < 4_000 && !isSo.getAsBoolean(); i++) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    assertThat(isSo.getAsBoolean()).isTrue();
  }
}
