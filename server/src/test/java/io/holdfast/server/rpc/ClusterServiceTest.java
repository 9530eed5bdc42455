package io.holdfast.server.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.AddMemberRequest;
import io.holdfast.protocol.v1.RemoveMemberRequest;
import io.holdfast.protocol.v1.StatusRequest;
import io.holdfast.protocol.v1.StatusResponse;
import io.holdfast.protocol.v1.TakeSnapshotRequest;
import io.holdfast.protocol.v1.TransferLeadershipRequest;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.replication.Replicator;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.testkit.ManualTicker;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What operators are answered, over an engine that does what a test says. */
class ClusterServiceTest {
  private final SoloReplicator log = new SoloReplicator("one:1").leadingFromStart();
  private final ServerCore core =
      new ServerCore(
          "one:1",
          () -> "clients.one:1",
          log,
          new ManualTicker(),
          Limits.DEFAULTS,
          CoreEvents.NONE,
          cause -> {});

  @BeforeEach
  void start() {
    log.start(core);
  }

  @Test
  void theStateOfALeaderThatIsNeverAtRestIsTold() throws Exception {
    long[] index = {log.log().size()};
    ClusterService service =
        new ClusterService(
            core,
            with(
                "status",
                () -> {
                  long applied = index[0];
                  core.apply(++index[0], log.log().get(0).duplicate(), null);
                  return new ReplicaStatus(
                      "one:1", List.of("one:1"), Optional.empty(), 1, applied, applied, 0);
                }),
            "1.0");
    for (int i = 0; i < 3; i++) {
      Told<StatusResponse> told = new Told<>();
      service.status(StatusRequest.getDefaultInstance(), told);
      StatusResponse status = told.answer.get(20, TimeUnit.SECONDS);
      assertThat(status.getAppliedIndex()).isEqualTo(index[0]);
      assertThat(status.getCommittedIndex()).isEqualTo(index[0]);
      assertThat(status.getStateHash()).isEqualTo(core.stateHash()).isNotZero();
    }
  }

  @Test
  void aNameThatTheEngineDoesNotTakeIsRefusedWithItsReason() {
    ClusterService service =
        new ClusterService(core, throwing(new IllegalArgumentException("no such port")), "1.0");
    Told<Object> told = new Told<>();
    service.addMember(AddMemberRequest.newBuilder().setId("host:99999").build(), told.as());
    told.failed(Status.Code.INVALID_ARGUMENT, "ID_INVALID", "no such port");
    told = new Told<>();
    service.removeMember(RemoveMemberRequest.newBuilder().setId("host:99999").build(), told.as());
    told.failed(Status.Code.INVALID_ARGUMENT, "ID_INVALID", "no such port");
    told = new Told<>();
    service.transferLeadership(
        TransferLeadershipRequest.newBuilder().setId("host:99999").build(), told.as());
    told.failed(Status.Code.INVALID_ARGUMENT, "ID_INVALID", "no such port");
  }

  @Test
  void aServerWhoseLogIsNotOpenSaysSo() {
    ClusterService service =
        new ClusterService(core, throwing(new IllegalStateException("not started")), "1.0");
    Told<Object> told = new Told<>();
    service.addMember(AddMemberRequest.newBuilder().setId("host:1").build(), told.as());
    told.failed(Status.Code.UNAVAILABLE, "NOT_STARTED", "the server's log is not open");
    told = new Told<>();
    service.takeSnapshot(TakeSnapshotRequest.getDefaultInstance(), told.as());
    told.failed(Status.Code.UNAVAILABLE, "NOT_STARTED", "the server's log is not open");
    told = new Told<>();
    service.status(StatusRequest.getDefaultInstance(), told.as());
    told.failed(Status.Code.UNAVAILABLE, "NOT_STARTED", "the server's log is not open");
  }

  /** What a caller is told. */
  private static final class Told<A> implements StreamObserver<A> {
    final CompletableFuture<A> answer = new CompletableFuture<>();

    @SuppressWarnings("unchecked") // it takes anything
    <B> StreamObserver<B> as() {
      return (StreamObserver<B>) this;
    }

    void failed(Status.Code code, String reason, String line) {
      StatusRuntimeException failure =
          (StatusRuntimeException)
              answer.handle((nothing, cause) -> cause).orTimeout(20, TimeUnit.SECONDS).join();
      assertThat(failure.getStatus().getCode()).isEqualTo(code);
      assertThat(failure.getStatus().getDescription()).isEqualTo(line);
      assertThat(failure.getTrailers().get(AuthInterceptor.REASON)).isEqualTo(reason);
    }

    @Override
    public void onNext(A value) {
      answer.complete(value);
    }

    @Override
    public void onError(Throwable cause) {
      answer.completeExceptionally(cause);
    }

    @Override
    public void onCompleted() {}
  }

  private interface Act {
    Object run();
  }

  private Replicator with(String method, Act act) {
    return (Replicator)
        Proxy.newProxyInstance(
            Replicator.class.getClassLoader(),
            new Class<?>[] {Replicator.class},
            (proxy, called, arguments) -> {
              if (called.getName().equals(method)) {
                return act.run();
              }
              try {
                return called.invoke(log, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static Replicator throwing(RuntimeException failure) {
    return (Replicator)
        Proxy.newProxyInstance(
            Replicator.class.getClassLoader(),
            new Class<?>[] {Replicator.class},
            (proxy, called, arguments) -> {
              throw failure;
            });
  }
}
