package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.protocol.v1.ClusterGrpc;
import io.holdfast.protocol.v1.StatusRequest;
import io.holdfast.protocol.v1.StatusResponse;
import io.holdfast.protocol.v1.TransferLeadershipRequest;
import io.holdfast.protocol.v1.TransferLeadershipResponse;
import io.holdfast.remote.ClusterClient.ServerStatus;
import io.holdfast.server.rpc.Statuses;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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

  @Test
  void whoIsElectedAndDoesNotServeYetIsAskedAgain() throws Exception {
    Electing electing = new Electing();
    Server server = served(electing);
    try {
      electing.self = "127.0.0.1:" + server.getPort();
      ClusterClient.of("holdfast://" + electing.self).transfer(Optional.empty());
      assertThat(electing.asked).hasValue(3);
    } finally {
      server.shutdownNow();
    }
  }

  @Test
  void oneThatHangsIsLeftForTheNext() throws Exception {
    Fake hangs = new Fake(false);
    Fake leads = new Fake(true);
    Server one = served(hangs);
    Server two = served(leads);
    try {
      CompletableFuture<Void> changed =
          CompletableFuture.runAsync(
              () ->
                  new ClusterClient(urlOf(one, two), Duration.ofSeconds(1), Duration.ofMinutes(2))
                      .transfer(Optional.empty()));
      until(() -> leads.changes.get() == 1);
      assertThat(hangs.changes).hasValue(0);
      leads.out.onNext(TransferLeadershipResponse.getDefaultInstance());
      leads.out.onCompleted();
      assertThat(changed).succeedsWithin(Duration.ofSeconds(20));
    } finally {
      one.shutdownNow();
      two.shutdownNow();
    }
  }

  @Test
  void theTimeForAChangeIsNotBegunAnewWithEachServer() throws Exception {
    Fake takesItsTime = new Fake(true);
    Server one = served(takesItsTime);
    Server two = served(takesItsTime);
    try {
      assertThatThrownBy(
              () ->
                  new ClusterClient(urlOf(one, two), Duration.ofSeconds(3), Duration.ofSeconds(3))
                      .transfer(Optional.empty()))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("127.0.0.1:" + one.getPort());
      assertThat(takesItsTime.changes).hasValueLessThanOrEqualTo(1);
    } finally {
      one.shutdownNow();
      two.shutdownNow();
    }
  }

  private static ServerUrl urlOf(Server one, Server two) {
    return ServerUrl.parse("holdfast://127.0.0.1:" + one.getPort() + ",127.0.0.1:" + two.getPort());
  }

  private static Server served(BindableService service) throws IOException {
    return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
        .addService(service)
        .build()
        .start();
  }

  /** Says how it is, or hangs; and does no change unless it is told to. */
  private static final class Fake extends ClusterGrpc.ClusterImplBase {
    final AtomicInteger changes = new AtomicInteger();
    volatile StreamObserver<TransferLeadershipResponse> out;
    private final boolean tellsItsStatus;

    Fake(boolean tellsItsStatus) {
      this.tellsItsStatus = tellsItsStatus;
    }

    @Override
    public void status(StatusRequest request, StreamObserver<StatusResponse> status) {
      if (tellsItsStatus) {
        tell(status);
      }
    }

    @Override
    public void transferLeadership(
        TransferLeadershipRequest request, StreamObserver<TransferLeadershipResponse> answer) {
      out = answer;
      changes.incrementAndGet();
    }
  }

  private static void tell(StreamObserver<StatusResponse> status) {
    status.onNext(StatusResponse.getDefaultInstance());
    status.onCompleted();
  }

  /** Sends who asks to itself, twice, as one that is elected and whose first entry is not written. */
  private static final class Electing extends ClusterGrpc.ClusterImplBase {
    final AtomicInteger asked = new AtomicInteger();
    volatile String self = "";

    @Override
    public void status(StatusRequest request, StreamObserver<StatusResponse> status) {
      tell(status);
    }

    @Override
    public void transferLeadership(
        TransferLeadershipRequest request, StreamObserver<TransferLeadershipResponse> out) {
      if (asked.incrementAndGet() < 3) {
        out.onError(Statuses.notLeader(self));
        return;
      }
      out.onNext(TransferLeadershipResponse.getDefaultInstance());
      out.onCompleted();
    }
  }

  private static void until(BooleanSupplier isSo) throws InterruptedException {
    for (int i = 0; i < 4_000 && !isSo.getAsBoolean(); i++) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    assertThat(isSo.getAsBoolean()).isTrue();
  }
}
