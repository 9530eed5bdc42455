package io.holdfast.server.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.holdfast.protocol.v1.AcquireLockRequest;
import io.holdfast.protocol.v1.ClusterGrpc;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.ReleaseLockRequest;
import io.holdfast.server.LockServer;
import io.holdfast.server.RawBytes;
import io.holdfast.server.core.RandomMessage;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.testkit.Fuzz;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Unary calls that mean nothing, over a real connection: each is answered as the protocol says, and nobody else is harmed. */
class GarbageCallsTest {
  /** At a time. */
  private static final int CALLS = 30;

  /** Many wait for a lock that nobody gives back. */
  private static final long PATIENCE_MILLIS = 20;

  private static final long PATIENCE_SECONDS = 20;

  /** What the protocol says that calls end with. */
  private static final Set<Status.Code> SAID =
      EnumSet.of(
          Status.Code.OK,
          Status.Code.INVALID_ARGUMENT,
          Status.Code.FAILED_PRECONDITION,
          Status.Code.ALREADY_EXISTS,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.RESOURCE_EXHAUSTED);

  /** Longer than any that can be meant, and not so long that it is not received. */
  private static final int TOO_MANY_BYTES = 1 << 20;

  private static final List<MethodDescriptor<?, ?>> METHODS =
      unary(LocksGrpc.getServiceDescriptor()).toList();

  private static final List<MethodDescriptor<?, ?>> UNARY =
      Stream.concat(METHODS.stream(), unary(ClusterGrpc.getServiceDescriptor())).toList();

  private static Stream<MethodDescriptor<?, ?>> unary(ServiceDescriptor service) {
    return service.getMethods().stream()
        .filter(method -> method.getType() == MethodType.UNARY)
        .map(method -> method);
  }

  private LockServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws IOException {
    server =
        new SoloReplicator("one:1")
            .leadingFromStart()
            .server()
            .interceptor(AuthInterceptor.trusting(reason -> {}))
            .start();
    channel = connect();
  }

  private ManagedChannel connect() {
    return NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    server.close();
  }

  @Test
  void callsThatMeanNothingAreAnsweredAndBreakNothing() {
    useful(channel);
    Set<Status.Code> seen = EnumSet.noneOf(Status.Code.class);
    Fuzz.tryMany(
        dice -> {
          // A new one each time: who calls off so many calls is cut off.
          ManagedChannel connection = connect();
          try {
            useful(connection); // so that patience is not spent on connecting
            List<ListenableFuture<byte[]>> answers = new ArrayList<>();
            for (int i = 0; i < CALLS; i++) {
              answers.add(call(connection, dice));
            }
            for (ListenableFuture<byte[]> answer : answers) {
              Status status = status(answer);
              assertThat(SAID).as(status.toString()).contains(status.getCode());
              seen.add(status.getCode());
            }
          } finally {
            connection.shutdownNow();
          }
          useful(channel);
        });
    assertThat(seen).contains(Status.Code.OK, Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void bytesThatAreNoMessageAreRefusedByEveryUnaryCall() throws Exception {
    byte[] unreadable = {(byte) 0xff};
    byte[] tooLong = new byte[TOO_MANY_BYTES];
    for (MethodDescriptor<?, ?> method : UNARY) {
      refused(method, unreadable, Status.Code.INVALID_ARGUMENT, "MESSAGE_UNREADABLE");
      refused(method, tooLong, Status.Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE");
    }
  }

  private void refused(MethodDescriptor<?, ?> method, byte[] bytes, Status.Code code, String reason)
      throws InterruptedException, TimeoutException {
    try {
      ClientCalls.futureUnaryCall(
              channel.newCall(RawBytes.unary(method.getFullMethodName()), CallOptions.DEFAULT),
              bytes)
          .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      throw new AssertionError(method.getFullMethodName() + " was answered");
    } catch (ExecutionException e) {
      StatusRuntimeException status = (StatusRuntimeException) e.getCause();
      assertThat(status.getStatus().getCode()).as(method.getFullMethodName()).isEqualTo(code);
      assertThat(status.getTrailers().get(AuthInterceptor.REASON)).isEqualTo(reason);
    }
  }

  private static ListenableFuture<byte[]> call(ManagedChannel connection, SplittableRandom dice) {
    MethodDescriptor<?, ?> method = METHODS.get(dice.nextInt(METHODS.size()));
    Message prototype =
        (Message) ((PrototypeMarshaller<?>) method.getRequestMarshaller()).getMessagePrototype();
    Message.Builder message = prototype.newBuilderForType();
    RandomMessage.fill(dice, message, 1);
    byte[] bytes = message.build().toByteArray();
    CallOptions patience =
        CallOptions.DEFAULT.withDeadlineAfter(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
    return ClientCalls.futureUnaryCall(
        connection.newCall(RawBytes.unary(method.getFullMethodName()), patience),
        dice.nextInt(4) == 0 ? Fuzz.damaged(dice, bytes) : bytes);
  }

  private static Status status(ListenableFuture<byte[]> answer) throws Exception {
    try {
      answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      return Status.OK;
    } catch (ExecutionException e) {
      return Status.fromThrowable(e.getCause());
    }
  }

  /** Somebody else, who wants something. */
  private static void useful(ManagedChannel channel) {
    LocksGrpc.LocksBlockingStub locks =
        LocksGrpc.newBlockingStub(channel).withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
    long token =
        locks
            .acquireLock(
                AcquireLockRequest.newBuilder().setNamespace("bob").setKey("bob's").build())
            .getToken();
    assertThat(
            locks
                .releaseLock(
                    ReleaseLockRequest.newBuilder()
                        .setNamespace("bob")
                        .setKey("bob's")
                        .setToken(token)
                        .build())
                .getReleased())
        .isTrue();
  }
}
