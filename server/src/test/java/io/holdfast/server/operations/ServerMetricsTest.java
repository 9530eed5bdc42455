package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.holdfast.protocol.v1.AcquireLockRequest;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.server.LockServer;
import io.holdfast.server.core.Limits;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.AuthReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What Prometheus is told. */
class ServerMetricsTest {
  private final ServerMetrics metrics = new ServerMetrics();

  private String text() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    metrics.write(out);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void whatHappensIsCounted() throws IOException {
    metrics.committed(7, 2_000_000);
    metrics.granted(500_000);
    metrics.ended(3_000_000_000L);
    metrics.refused("TOO_MANY_WAITERS");
    metrics.refused("TOO_MANY_WAITERS");
    metrics.sessionOpened();
    metrics.sessionEnded(true);
    metrics.leads(true);
    metrics.leads(false);
    metrics.turnedAway(AuthReason.EXPIRED);
    metrics.showCertificate(() -> Instant.ofEpochSecond(1_790_000_000));
    metrics.showPeerCertificate(() -> Instant.ofEpochSecond(1_800_000_000));
    metrics.showKeysAge(() -> Duration.ofHours(4));
    assertThat(text())
        .contains("holdfast_auth_keys_age_seconds 14400.0\n")
        .contains("holdfast_operations_total 7.0\n")
        .contains("holdfast_entry_operations_bucket{le=\"5.0\"} 0\n")
        .contains("holdfast_entry_operations_bucket{le=\"10.0\"} 1\n")
        .contains("holdfast_commit_seconds_bucket{le=\"0.001\"} 0\n")
        .contains("holdfast_commit_seconds_bucket{le=\"0.003\"} 1\n")
        .contains("holdfast_wait_seconds_sum 5.0E-4\n")
        .contains("holdfast_hold_seconds_sum 3.0\n")
        .contains("holdfast_refused_total{reason=\"TOO_MANY_WAITERS\"} 2.0\n")
        .contains("holdfast_sessions_opened_total 1.0\n")
        .contains("holdfast_sessions_ended_total{how=\"expired\"} 1.0\n")
        .contains("holdfast_leaderships_total 1.0\n")
        .contains("holdfast_calls_turned_away_total{reason=\"EXPIRED\"} 1.0\n")
        .contains("holdfast_tls_certificate_expires_seconds 1.79E9\n")
        .contains("holdfast_peer_certificate_expires_seconds 1.8E9\n");
  }

  @Test
  void aReasonThatIsNoWordOfOursBecomesNoLabel() throws IOException {
    metrics.refused("lock \"secret\"\n");
    for (char a = 'A'; a <= 'Z'; a++) {
      for (char b = 'A'; b <= 'Z'; b++) {
        metrics.refused("R_" + a + b);
      }
    }
    String text = text();
    assertThat(text).doesNotContain("secret").contains("{reason=\"OTHER\"} 577.0\n");
    assertThat(text.lines().filter(line -> line.startsWith("holdfast_refused_total"))).hasSize(101);
  }

  @Test
  void figuresThatCannotBeHadLeaveTheOthers() throws IOException {
    metrics.show(
        () -> {
          throw new IllegalStateException("it has stopped");
        },
        () -> {
          throw new IllegalStateException("it has stopped");
        },
        Limits.DEFAULTS);
    metrics.sessionOpened();
    assertThat(text())
        .contains("holdfast_sessions_opened_total 1.0\n")
        .doesNotContain("holdfast_leader ");
  }

  /** Over a whole server, in use. */
  @Test
  void noNameOfALockANamespaceOrAClientIsTold() throws Exception {
    SoloReplicator log = new SoloReplicator("one:1").leadingFromStart();
    LockServer server =
        log.server()
            .events(metrics)
            .interceptor(metrics.calls())
            .interceptor(AuthInterceptor.trusting(call -> metrics.turnedAway(call.reason())))
            .start();
    metrics.show(server.core()::figures, log::status, Limits.DEFAULTS);
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();
    try {
      LocksGrpc.LocksBlockingStub locks =
          LocksGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
      AcquireLockRequest request =
          AcquireLockRequest.newBuilder()
              .setNamespace("secretspace")
              .setKey("secretlock")
              .setOwner("secretclient")
              .setTimeoutMs(0)
              .build();
      locks.acquireLock(request);
      int failures = 0;
      for (AcquireLockRequest bad :
          List.of(request, request.toBuilder().setNamespace("secret/space").build())) {
        try {
          locks.acquireLock(bad);
        } catch (StatusRuntimeException e) {
          failures++;
        }
      }
      assertThat(failures).isEqualTo(2);
      String text = text();
      assertThat(text)
          .doesNotContain("secret")
          .contains("holdfast_leader 1.0\n")
          .contains("holdfast_namespaces 1.0\n")
          .contains("holdfast_holds 1.0\n")
          .contains("holdfast_limit{limit=\"keys\"} 1000000.0\n")
          .contains("holdfast_limit_used{limit=\"keys\"} 1.0\n")
          .contains(
              "holdfast_calls_total{code=\"OK\",method=\"holdfast.v1.Locks/AcquireLock\"} 1.0\n")
          .contains(
              "holdfast_calls_total{code=\"DEADLINE_EXCEEDED\",method=\"holdfast.v1.Locks/AcquireLock\"} 1.0\n")
          .contains(
              "holdfast_calls_total{code=\"INVALID_ARGUMENT\",method=\"holdfast.v1.Locks/AcquireLock\"} 1.0\n")
          .contains("holdfast_calls_turned_away_total{reason=\"NAMESPACE_INVALID\"} 1.0\n")
          .contains("holdfast_applied_index ");
    } finally {
      channel.shutdownNow();
      server.close();
    }
  }
}
