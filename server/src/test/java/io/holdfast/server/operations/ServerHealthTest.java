package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.security.PermissionTable;
import io.holdfast.testkit.ManualTicker;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** What balancers are told of a server. */
class ServerHealthTest {
  private final ManualTicker ticker = new ManualTicker();

  @Test
  void locksServeWhereTheLeaderIsAndTheServerWhereItIsReady() throws Exception {
    AtomicBoolean ready = new AtomicBoolean();
    AtomicBoolean leads = new AtomicBoolean();
    ServerHealth health = new ServerHealth(ticker, ready::get, leads::get);
    PermissionTable.verifyComplete(List.of(health.service().bindService()));
    Server server =
        InProcessServerBuilder.forName("health")
            .directExecutor()
            .addService(health.service())
            .build()
            .start();
    ManagedChannel channel = InProcessChannelBuilder.forName("health").build();
    try {
      HealthGrpc.HealthBlockingStub stub =
          HealthGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
      assertThat(status(stub, "")).isEqualTo(ServingStatus.NOT_SERVING);
      ready.set(true);
      ticker.advance(ServerHealth.PERIOD);
      assertThat(status(stub, "")).isEqualTo(ServingStatus.SERVING);
      assertThat(status(stub, "holdfast.v1.Locks")).isEqualTo(ServingStatus.NOT_SERVING);
      leads.set(true);
      ticker.advance(ServerHealth.PERIOD);
      assertThat(status(stub, "holdfast.v1.Locks")).isEqualTo(ServingStatus.SERVING);
      health.close();
      assertThat(status(stub, "")).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(ticker.pendingAlarms()).isZero();
    } finally {
      channel.shutdownNow();
      server.shutdownNow();
    }
  }

  private static ServingStatus status(HealthGrpc.HealthBlockingStub stub, String service) {
    return stub.check(HealthCheckRequest.newBuilder().setService(service).build()).getStatus();
  }

  @Test
  void aServerIsReadyWhenItKnowsWhoLeadsAndHasCaughtUp() {
    assertThat(Readiness.missing(status(Optional.empty(), 5, 5)))
        .contains("it is not known who leads");
    assertThat(Readiness.missing(status(Optional.of("a:1"), 5, 5))).isEmpty();
    assertThat(Readiness.missing(status(Optional.of("a:1"), 5_000, 3_000)))
        .contains("2000 entries of the log have not been applied yet");
  }

  private static ReplicaStatus status(Optional<String> leader, long committed, long applied) {
    return new ReplicaStatus("a:1", List.of("a:1"), leader, 1, committed, applied, 0);
  }
}
