package io.holdfast.server.security;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.BindableService;
import io.grpc.CallOptions;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.v1.AcquireLockRequest;
import io.holdfast.protocol.v1.AcquireLockResponse;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.DescribeLockRequest;
import io.holdfast.protocol.v1.Heartbeat;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.LockServer;
import io.holdfast.server.RawBytes;
import io.holdfast.server.ServerSettings;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The door in front of a whole server, over a real connection. */
class GuardedServerTest {
  private static final ServerSettings SETTINGS =
      ServerSettings.of("one:1", new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));

  @TempDir private Path folder;
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final ManualTicker ticker = new ManualTicker();
  private Path denied;
  private Authenticator authenticator;
  private LockServer server;

  @BeforeEach
  void start() throws IOException {
    Path jwks = Tokens.publish(folder.resolve("jwks.json"), Tokens.EC.toPublicJWK());
    denied = Files.writeString(folder.resolve("denied"), "");
    AuthSettings usual = new AuthSettings(jwks.toString(), Tokens.ISSUER, Tokens.AUDIENCE);
    authenticator =
        new Authenticator(
            new AuthSettings(
                usual.keys(),
                usual.trust(),
                usual.issuer(),
                usual.audience(),
                usual.permissionsClaim(),
                usual.leeway(),
                usual.maxLifetime(),
                Optional.of(denied)),
            ticker);
    server =
        LockServer.builder(SETTINGS, new SoloReplicator("one:1").leadingFromStart())
            .ticker(ticker)
            .interceptor(AuthInterceptor.asking(authenticator, false, reason -> {}))
            .start();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.close();
    authenticator.close();
  }

  private LocksGrpc.LocksBlockingStub client(String... actions) {
    return LocksGrpc.newBlockingStub(channel(actions)).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private ManagedChannel channel(String... actions) {
    Metadata headers = new Metadata();
    if (actions.length > 0) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
          "Bearer "
              + Tokens.signed(Tokens.EC, Tokens.claimsAllowing(Map.of("team", List.of(actions)))));
    }
    ClientInterceptor credential = MetadataUtils.newAttachHeadersInterceptor(headers);
    int port = Integer.parseInt(server.clientAddress().split(":")[1]);
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port)
            .usePlaintext()
            .intercept(credential)
            .build();
    channels.add(channel);
    return channel;
  }

  private static AcquireLockRequest acquire(String namespace) {
    return AcquireLockRequest.newBuilder().setNamespace(namespace).setKey("a").build();
  }

  private static void fails(ThrowingCallable call, String reason) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e ->
                assertThat(Status.trailersFromThrowable(e).get(AuthInterceptor.REASON))
                    .isEqualTo(reason));
  }

  @Test
  void whoMayAcquiresAndOthersDoNot() {
    AcquireLockResponse held = client("acquire").acquireLock(acquire("team"));
    assertThat(held.getAcquired()).isTrue();
    DescribeLockRequest question =
        DescribeLockRequest.newBuilder().setNamespace("team").setKey("a").build();
    assertThat(client("read").describeLock(question).getAcquired()).isTrue();
    fails(() -> client("acquire").describeLock(question), "NOT_ALLOWED");
    fails(() -> client("read").acquireLock(acquire("team")), "NOT_ALLOWED");
    fails(() -> client("acquire").acquireLock(acquire("other")), "NOT_ALLOWED");
    fails(() -> client("acquire").acquireLock(acquire("a/b")), "NAMESPACE_INVALID");
    fails(() -> client().acquireLock(acquire("team")), "TOKEN_MISSING");
  }

  @Test
  void aStreamThatIsOpenEndsWithTheNextMessageOfWhoIsDeniedSince() throws Exception {
    BlockingQueue<ServerMessage> heard = new LinkedBlockingQueue<>();
    CompletableFuture<Throwable> end = new CompletableFuture<>();
    StreamObserver<ClientMessage> billing =
        LocksGrpc.newStub(channel("acquire"))
            .session(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerMessage message) {
                    heard.add(message);
                  }

                  @Override
                  public void onError(Throwable cause) {
                    end.complete(cause);
                  }

                  @Override
                  public void onCompleted() {
                    end.completeExceptionally(new AssertionError("ended without a reason"));
                  }
                });
    billing.onNext(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace("team").setClient("billing"))
            .build());
    assertThat(heard.poll(20, TimeUnit.SECONDS).hasWelcome()).isTrue();
    ClientMessage heartbeat =
        ClientMessage.newBuilder().setHeartbeat(Heartbeat.newBuilder().setSession(7)).build();
    billing.onNext(heartbeat);
    assertThat(heard.poll(20, TimeUnit.SECONDS).hasSessionGone()).isTrue();

    Files.writeString(denied, "sub billing\n");
    ticker.advance(DenyList.PERIOD);
    eventually(
        "denied",
        () -> {
          billing.onNext(heartbeat);
          return end.isDone();
        });
    fails(
        () -> {
          throw end.get();
        },
        "DENIED");
  }

  @Test
  void whatCannotBeReadIsAnsweredSoButOnlyToThoseWhoAreLetIn() {
    MethodDescriptor<byte[], byte[]> raw =
        RawBytes.unary(LocksGrpc.getAcquireLockMethod().getFullMethodName());
    byte[] garbage = {(byte) 0xff, (byte) 0xff, (byte) 0xff, 7};
    fails(
        () ->
            ClientCalls.blockingUnaryCall(
                client("acquire").getChannel(), raw, CallOptions.DEFAULT, garbage),
        "MESSAGE_UNREADABLE");
    fails(
        () ->
            ClientCalls.blockingUnaryCall(client().getChannel(), raw, CallOptions.DEFAULT, garbage),
        "TOKEN_MISSING");
  }

  @Test
  void aServerWithAMethodInNoRowDoesNotStart() {
    MethodDescriptor<byte[], byte[]> strange = RawBytes.unary("holdfast.v1.Strange/Steal");
    BindableService service =
        () ->
            ServerServiceDefinition.builder("holdfast.v1.Strange")
                .addMethod(strange, (call, headers) -> new ServerCall.Listener<>() {})
                .build();
    assertThatThrownBy(
            () ->
                LockServer.builder(SETTINGS, new SoloReplicator("one:1")).service(service).start())
        .isInstanceOf(ConfigurationException.class)
        .hasMessage("method holdfast.v1.Strange/Steal has no permission rule");
  }
}
