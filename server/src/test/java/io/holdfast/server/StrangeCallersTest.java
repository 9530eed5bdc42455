package io.holdfast.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.holdfast.protocol.v1.DescribeLockRequest;
import io.holdfast.protocol.v1.DescribeLockResponse;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.AuthInterceptor;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes to a server's door and is no call of the protocol is refused there, and those who mean something are served on. */
class StrangeCallersTest {
  private static final int PATIENCE_SECONDS = 20;

  /** For a connection to say that it is one; a server that is not told otherwise waits longer. */
  private static final int HANDSHAKE_MILLIS = 1_000;

  private static final int HANG_UP_MILLIS = 8_000;
  private static final int TOO_LONG_HEADERS = 20 << 10;
  private static final int TOO_LONG_MESSAGE = 2 << 20;

  private LockServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws IOException {
    server =
        new SoloReplicator("one:1")
            .leadingFromStart()
            .server()
            .interceptor(AuthInterceptor.trusting(reason -> {}))
            .transport(grpc -> grpc.handshakeTimeout(HANDSHAKE_MILLIS, TimeUnit.MILLISECONDS))
            .start();
    channel = NettyChannelBuilder.forTarget(server.clientAddress()).usePlaintext().build();
  }

  @AfterEach
  void stop() {
    othersAreServed();
    channel.shutdownNow();
    server.close();
  }

  private void othersAreServed() {
    assertThat(describe(locks(), "a").getExists()).isFalse();
  }

  private LocksGrpc.LocksBlockingStub locks() {
    return LocksGrpc.newBlockingStub(channel)
        .withWaitForReady()
        .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  private static DescribeLockResponse describe(LocksGrpc.LocksBlockingStub locks, String name) {
    return locks.describeLock(
        DescribeLockRequest.newBuilder().setNamespace("team").setKey(name).build());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "holdfast.v1.Locks/Nonsense",
        "nonsense.v1.Locks/AcquireLock",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "grpc.channelz.v1.Channelz/GetServers",
      })
  void aMethodThatIsNotOfferedIsUnimplemented(String name) {
    MethodDescriptor<DescribeLockRequest, DescribeLockResponse> method =
        LocksGrpc.getDescribeLockMethod().toBuilder().setFullMethodName(name).build();
    CallOptions patience =
        CallOptions.DEFAULT
            .withWaitForReady()
            .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(
            ended(
                () ->
                    ClientCalls.blockingUnaryCall(
                        channel, method, patience, DescribeLockRequest.getDefaultInstance())))
        .isEqualTo(Status.Code.UNIMPLEMENTED);
  }

  @Test
  void headersThatAreTooLongEndTheCall() {
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        "x".repeat(TOO_LONG_HEADERS));
    LocksGrpc.LocksBlockingStub strange =
        locks().withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
    othersAreServed(); // so that the client, too, knows how long they may be
    assertThat(ended(() -> describe(strange, "a"))).isEqualTo(Status.Code.INTERNAL);
  }

  @Test
  void aMessageThatIsNotEvenReceivedEndsTheCall() {
    assertThat(ended(() -> describe(locks(), "x".repeat(TOO_LONG_MESSAGE))))
        .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
  }

  private static Status.Code ended(Runnable call) {
    try {
      call.run();
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "PRI * HTTP/2.0", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\u0016\3\1\0\5"})
  void whoDoesNotSpeakTheProtocolIsDisconnected(String says) throws IOException {
    int port = Integer.parseInt(server.clientAddress().split(":")[1]);
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(HANG_UP_MILLIS);
      socket.getOutputStream().write(says.getBytes(StandardCharsets.ISO_8859_1));
      InputStream answers = socket.getInputStream();
      while (answers.read() >= 0) { // frames, and then the end, or no more in time
      }
    } catch (SocketException reset) {
      // an end, too
    }
  }
}
