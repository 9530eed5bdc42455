package io.holdfast.server.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.nimbusds.jose.jwk.JWKSet;
import io.grpc.Attributes;
import io.grpc.BindableService;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ForwardingServerCall;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptors;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.holdfast.protocol.v1.ClusterGrpc;
import io.holdfast.protocol.v1.LocksGrpc;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every method of the server with every kind of caller, over a real gRPC server with services that only answer. */
class AuthInterceptorTest {
  private static final List<BindableService> SERVICES =
      List.of(
          new LocksGrpc.LocksImplBase() {},
          new ClusterGrpc.ClusterImplBase() {},
          new HealthGrpc.HealthImplBase() {});

  private final ManualTicker ticker = new ManualTicker();
  private final Queue<AuthReason> turnedAway = new ConcurrentLinkedQueue<>();

  /** Callers of the calls that reached a service. */
  private final Queue<Optional<Caller>> reached = new ConcurrentLinkedQueue<>();

  /** Whether the service breaks. */
  private volatile boolean throwing;

  private final Issuer issuer = new Issuer();
  private final Authenticator authenticator =
      new Authenticator(new AuthSettings("-", Tokens.ISSUER, Tokens.AUDIENCE), issuer, ticker);
  private @Nullable Server server;
  private @Nullable ManagedChannel channel;

  private static final class Issuer implements KeyLoader {
    volatile JWKSet keys = new JWKSet(Tokens.EC.toPublicJWK());
    volatile CountDownLatch gate = new CountDownLatch(0);

    @Override
    public byte[] load() throws IOException {
      try {
        gate.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      return keys.toString().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String where() {
      return "issuer";
    }

    @Override
    public boolean secret() {
      return false;
    }

    @Override
    public Duration period() {
      return Duration.ofMinutes(5);
    }
  }

  @AfterEach
  void close() {
    if (channel != null) {
      channel.shutdownNow();
    }
    if (server != null) {
      server.shutdownNow();
    }
    authenticator.close();
  }

  private void serve(AuthInterceptor interceptor) throws IOException {
    String name = InProcessServerBuilder.generateName();
    InProcessServerBuilder builder = InProcessServerBuilder.forName(name).directExecutor();
    for (BindableService service : SERVICES) {
      builder.addService(ServerInterceptors.interceptForward(answering(service), interceptor));
    }
    server = builder.build().start();
    channel = InProcessChannelBuilder.forName(name).directExecutor().build();
  }

  private void serveAsking() throws IOException {
    serve(AuthInterceptor.asking(authenticator, false, denied -> turnedAway.add(denied.reason())));
  }

  /** The service's methods, each of which answers a request with an empty message. */
  private ServerServiceDefinition answering(BindableService service) {
    ServerServiceDefinition plain = service.bindService();
    ServerServiceDefinition.Builder answering =
        ServerServiceDefinition.builder(plain.getServiceDescriptor());
    for (ServerMethodDefinition<?, ?> method : plain.getMethods()) {
      answering.addMethod(answering(method.getMethodDescriptor()));
    }
    return answering.build();
  }

  private <Q, A> ServerMethodDefinition<Q, A> answering(MethodDescriptor<Q, A> method) {
    ServerCallHandler<Q, A> handler =
        (call, headers) -> {
          Optional<Caller> caller = Optional.ofNullable(Caller.KEY.get());
          call.request(2);
          return new ServerCall.Listener<>() {
            @Override
            public void onMessage(Q message) {
              reached.add(caller);
              call.sendHeaders(new Metadata());
              call.sendMessage(empty(method));
            }

            @Override
            public void onHalfClose() {
              if (throwing) {
                throw new IllegalStateException("on purpose");
              }
              call.close(Status.OK, new Metadata());
            }
          };
        };
    return ServerMethodDefinition.create(method, handler);
  }

  @SuppressWarnings("unchecked")
  private static <A> A empty(MethodDescriptor<?, A> method) {
    return (A)
        ((MethodDescriptor.PrototypeMarshaller<A>) method.getResponseMarshaller())
            .getMessagePrototype();
  }

  static Stream<MethodDescriptor<?, ?>> methods() {
    return SERVICES.stream()
        .flatMap(service -> service.bindService().getMethods().stream())
        .map(ServerMethodDefinition::getMethodDescriptor);
  }

  private record Answer(Status status, @Nullable String reason) {}

  private <Q, A> CompletableFuture<Answer> begin(
      MethodDescriptor<Q, A> method, String namespace, String... authorization) {
    @SuppressWarnings("unchecked")
    Q request =
        (Q)
            naming(
                (Message)
                    ((MethodDescriptor.PrototypeMarshaller<Q>) method.getRequestMarshaller())
                        .getMessagePrototype(),
                namespace);
    Metadata headers = new Metadata();
    for (String one : authorization) {
      headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), one);
    }
    CompletableFuture<Answer> answer = new CompletableFuture<>();
    ClientCall<Q, A> call = channel.newCall(method, CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<A>() {
          @Override
          public void onClose(Status status, Metadata trailers) {
            answer.complete(new Answer(status, trailers.get(AuthInterceptor.REASON)));
          }
        },
        headers);
    call.request(10);
    call.sendMessage(request);
    call.halfClose();
    return answer;
  }

  private static Message naming(Message prototype, String namespace) {
    FieldDescriptor field = prototype.getDescriptorForType().findFieldByName("namespace");
    return field == null
        ? prototype
        : prototype.newBuilderForType().setField(field, namespace).build();
  }

  private Answer call(MethodDescriptor<?, ?> method, String namespace, String... authorization)
      throws Exception {
    return begin(method, namespace, authorization).get(20, TimeUnit.SECONDS);
  }

  private static String allowed(Object permissions) {
    return "Bearer " + Tokens.signed(Tokens.EC, Tokens.claimsAllowing(permissions));
  }

  private void lets(MethodDescriptor<?, ?> method, String authorization) throws Exception {
    reached.clear();
    Answer answer = call(method, "team", authorization);
    assertThat(answer.status().isOk()).as(answer.toString()).isTrue();
    assertThat(reached).hasSize(1).allSatisfy(caller -> assertThat(caller).isPresent());
  }

  private Answer refuses(
      MethodDescriptor<?, ?> method, AuthReason reason, String namespace, String... authorization)
      throws Exception {
    reached.clear();
    turnedAway.clear();
    Answer answer = call(method, namespace, authorization);
    assertThat(answer.reason()).as(answer.toString()).isEqualTo(reason.name());
    assertThat(answer.status().getCode()).isEqualTo(reason.code());
    assertThat(answer.status().getDescription()).isNotBlank();
    assertThat(reached).as("reached the service").isEmpty();
    assertThat(turnedAway).containsExactly(reason);
    return answer;
  }

  private enum Need {
    NOTHING,
    CREDENTIAL,
    READ,
    ACQUIRE,
    ADMIN,
    OPERATE
  }

  /** By name, apart from the table under test. */
  private static Need need(MethodDescriptor<?, ?> method) {
    String name = method.getBareMethodName();
    if (method.getServiceName().equals("grpc.health.v1.Health")) {
      return Need.NOTHING;
    }
    if (method.getServiceName().equals("holdfast.v1.Cluster")) {
      return Need.OPERATE;
    }
    if (name.equals("Session")) {
      return Need.CREDENTIAL;
    }
    if (name.startsWith("Force")) {
      return Need.ADMIN;
    }
    return name.startsWith("Describe") || name.startsWith("List") || name.startsWith("Watch")
        ? Need.READ
        : Need.ACQUIRE;
  }

  @ParameterizedTest
  @MethodSource("methods")
  void eachMethodIsForThoseWhoMayCallIt(MethodDescriptor<?, ?> method) throws Exception {
    serveAsking();
    Need need = need(method);
    if (need == Need.NOTHING) {
      assertThat(call(method, "").status().isOk()).isTrue();
      assertThat(call(method, "", "Bearer nonsense").status().isOk()).isTrue();
      return;
    }
    refuses(method, AuthReason.TOKEN_MISSING, "team");
    refuses(method, AuthReason.SCHEME, "team", "Basic abc");
    refuses(method, AuthReason.MALFORMED, "team", "Bearer nonsense");
    String token = allowed(Map.of("team", List.of("read")));
    refuses(method, AuthReason.AMBIGUOUS, "team", token, token);
    refuses(
        method,
        AuthReason.EXPIRED,
        "team",
        "Bearer " + Tokens.signed(Tokens.EC, Tokens.claims("exp", Tokens.NOW - 40)));

    for (Need held : List.of(Need.READ, Need.ACQUIRE, Need.ADMIN)) {
      String word = held.name().toLowerCase(Locale.ROOT);
      String here = allowed(Map.of("team", List.of(word)));
      String elsewhere =
          allowed(Map.of("team2", List.of(word), "tea", List.of(word), "team.x", List.of(word)));
      if (need == Need.CREDENTIAL) {
        lets(method, here);
        lets(method, elsewhere);
      } else if (need == held) {
        lets(method, here);
        refuses(method, AuthReason.NOT_ALLOWED, "team", elsewhere);
      } else {
        refuses(method, AuthReason.NOT_ALLOWED, "team", here);
        refuses(method, AuthReason.NOT_ALLOWED, "team", elsewhere);
      }
    }
    String operator = allowed(Map.of("*", List.of("admin")));
    if (need == Need.OPERATE || need == Need.ADMIN || need == Need.CREDENTIAL) {
      lets(method, operator);
    } else {
      refuses(method, AuthReason.NOT_ALLOWED, "team", operator);
    }
    lets(method, allowed(Map.of("*", List.of("admin", "read", "acquire"))));
  }

  @ParameterizedTest
  @MethodSource("methods")
  void aServerThatTrustsLetsEverybodyIn(MethodDescriptor<?, ?> method) throws Exception {
    serve(AuthInterceptor.trusting(denied -> turnedAway.add(denied.reason())));
    assertThat(call(method, "team").status().isOk()).isTrue();
    if (need(method) != Need.NOTHING) {
      assertThat(reached).containsExactly(Optional.of(Caller.ANYBODY));
    }
  }

  @Test
  void aNamespaceThatIsNoneIsToldSoWhoeverAsks() throws Exception {
    serveAsking();
    MethodDescriptor<?, ?> method = LocksGrpc.getAcquireLockMethod();
    for (String token :
        List.of(
            allowed(Map.of("team", List.of("acquire"))),
            allowed(Map.of("*", List.of("admin", "acquire"))))) {
      for (String namespace :
          List.of(
              "",
              "*",
              "a/b",
              "..",
              "team/",
              "%2e",
              "Team",
              "te\u0430m",
              "te\nam",
              "x".repeat(300))) {
        Answer answer = refuses(method, AuthReason.NAMESPACE_INVALID, namespace, token);
        assertThat(answer.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(answer.status().getDescription().chars()).noneMatch(Character::isISOControl);
        assertThat(answer.status().getDescription()).hasSizeLessThan(512);
      }
    }
  }

  /** There are no other words for a namespace that is there than for one that is not. */
  @Test
  void theAnswerDoesNotTellWhichNamespacesThereAre() throws Exception {
    serveAsking();
    String token = allowed(Map.of("team", List.of("acquire")));
    for (String namespace : List.of("other", "nowhere")) {
      Answer answer =
          refuses(LocksGrpc.getAcquireLockMethod(), AuthReason.NOT_ALLOWED, namespace, token);
      assertThat(answer.status().getDescription())
          .isEqualTo("\"billing\" may not acquire in namespace \"" + namespace + "\"");
    }
  }

  @Test
  void aCallWaitsForTheKeysAndThenGoesOn() throws Exception {
    serveAsking();
    ticker.advance(KeySource.COOL_DOWN);
    issuer.gate = new CountDownLatch(1);
    issuer.keys = new JWKSet(Tokens.RSA.toPublicJWK());
    String token = "Bearer " + Tokens.signed(Tokens.claims());
    String unknown = "Bearer " + Tokens.signed(Tokens.ec("unknown"), Tokens.claims());
    List<CompletableFuture<Answer>> good = new ArrayList<>();
    List<CompletableFuture<Answer>> bad = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      good.add(begin(LocksGrpc.getAcquireLockMethod(), "team", token));
      bad.add(begin(LocksGrpc.getAcquireLockMethod(), "team", unknown));
    }
    assertThat(good).noneMatch(CompletableFuture::isDone);
    issuer.gate.countDown();
    for (CompletableFuture<Answer> answer : good) {
      assertThat(answer.get(20, TimeUnit.SECONDS).status().isOk()).isTrue();
    }
    for (CompletableFuture<Answer> answer : bad) {
      assertThat(answer.get(20, TimeUnit.SECONDS).reason()).isEqualTo("UNKNOWN_KEY");
    }
    assertThat(reached).hasSize(20);
  }

  @Test
  void aCallWhoseServiceBreaksIsNotLeftOpenThoughItHadToWait() throws Exception {
    serveAsking();
    throwing = true;
    ticker.advance(KeySource.COOL_DOWN);
    issuer.gate = new CountDownLatch(1);
    issuer.keys = new JWKSet(Tokens.RSA.toPublicJWK());
    CompletableFuture<Answer> answer =
        begin(LocksGrpc.getAcquireLockMethod(), "team", "Bearer " + Tokens.signed(Tokens.claims()));
    issuer.gate.countDown();
    assertThat(answer.get(20, TimeUnit.SECONDS).status().getCode()).isEqualTo(Status.Code.INTERNAL);
  }

  @Test
  void aCallThatIsCalledOffWhileItWaitsIsNotLeftOver() throws Exception {
    serveAsking();
    ticker.advance(KeySource.COOL_DOWN);
    issuer.gate = new CountDownLatch(1);
    issuer.keys = new JWKSet(Tokens.RSA.toPublicJWK());
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        "Bearer " + Tokens.signed(Tokens.claims()));
    var call = channel.newCall(LocksGrpc.getAcquireLockMethod(), CallOptions.DEFAULT);
    call.start(new ClientCall.Listener<>() {}, headers);
    call.cancel("changed my mind", null);
    issuer.gate.countDown();
    assertThat(
            begin(
                    LocksGrpc.getAcquireLockMethod(),
                    "team",
                    "Bearer " + Tokens.signed(Tokens.claims()))
                .get(20, TimeUnit.SECONDS)
                .status()
                .isOk())
        .isTrue();
    assertThat(reached).hasSize(1);
  }

  @Test
  void aTokenThatMayHaveBeenOverheardIsRefused() {
    String token = allowed(Map.of("*", List.of("admin")));
    InetSocketAddress stranger = new InetSocketAddress("192.0.2.7", 999);
    InetSocketAddress here = new InetSocketAddress("127.0.0.1", 999);
    AuthInterceptor strict =
        AuthInterceptor.asking(authenticator, false, denied -> turnedAway.add(denied.reason()));
    AuthInterceptor insecure =
        AuthInterceptor.asking(authenticator, true, denied -> turnedAway.add(denied.reason()));
    assertThat(closedBy(strict, stranger, token)).contains("PLAINTEXT");
    assertThat(closedBy(strict, stranger, "Bearer nonsense")).contains("PLAINTEXT");
    assertThat(closedBy(strict, stranger, null)).contains("TOKEN_MISSING");
    assertThat(closedBy(strict, here, token)).isEmpty();
    assertThat(closedBy(insecure, stranger, token)).isEmpty();
  }

  private static Optional<String> closedBy(
      AuthInterceptor interceptor, SocketAddress from, @Nullable String authorization) {
    Metadata headers = new Metadata();
    if (authorization != null) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), authorization);
    }
    UnencryptedCall call = new UnencryptedCall(from);
    interceptor.interceptCall(call, headers, (c, h) -> new ServerCall.Listener<>() {});
    return Optional.ofNullable(call.reason);
  }

  /** A call over a connection from anywhere, without TLS. */
  private static final class UnencryptedCall
      extends ServerCall<
          io.holdfast.protocol.v1.StatusRequest, io.holdfast.protocol.v1.StatusResponse> {
    private final SocketAddress from;
    private @Nullable String reason;

    UnencryptedCall(SocketAddress from) {
      this.from = from;
    }

    @Override
    public Attributes getAttributes() {
      return Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, from).build();
    }

    @Override
    public void close(Status status, Metadata trailers) {
      reason = trailers.get(AuthInterceptor.REASON);
    }

    @Override
    public MethodDescriptor<
            io.holdfast.protocol.v1.StatusRequest, io.holdfast.protocol.v1.StatusResponse>
        getMethodDescriptor() {
      return ClusterGrpc.getStatusMethod();
    }

    @Override
    public void request(int messages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(io.holdfast.protocol.v1.StatusResponse message) {}

    @Override
    public boolean isCancelled() {
      return false;
    }
  }

  @Test
  void theTableHasARowForEachMethod() {
    PermissionTable.verifyComplete(SERVICES.stream().map(BindableService::bindService).toList());
  }

  @Test
  void aServerWithAMethodInNoRowDoesNotStart() {
    MethodDescriptor<?, ?> known = LocksGrpc.getCreateLockMethod();
    MethodDescriptor<?, ?> strange =
        known.toBuilder().setFullMethodName("holdfast.v1.Locks/Steal").build();
    assertThatThrownBy(() -> PermissionTable.verifyComplete(List.of(service(strange))))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage("method holdfast.v1.Locks/Steal has no permission rule");
    // Reflection is in no row.
    MethodDescriptor<?, ?> reflection =
        known.toBuilder()
            .setFullMethodName("grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
            .build();
    assertThatThrownBy(() -> PermissionTable.verifyComplete(List.of(service(reflection))))
        .isInstanceOf(ConfigurationException.class);
    // A row that asks for a namespace, and a request that has none.
    MethodDescriptor<?, ?> nameless =
        ClusterGrpc.getStatusMethod().toBuilder()
            .setFullMethodName("holdfast.v1.Locks/CreateLock")
            .build();
    assertThatThrownBy(() -> PermissionTable.verifyComplete(List.of(service(nameless))))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("has no field namespace");
  }

  @Test
  void aMethodInNoRowIsClosedEvenIfTheServerWasStarted() {
    UnencryptedCall call = new UnencryptedCall(new InetSocketAddress("127.0.0.1", 1));
    MethodDescriptor<io.holdfast.protocol.v1.StatusRequest, io.holdfast.protocol.v1.StatusResponse>
        strange = ClusterGrpc.getStatusMethod().toBuilder().setFullMethodName("x.Y/Z").build();
    AuthInterceptor.trusting(denied -> turnedAway.add(denied.reason()))
        .interceptCall(
            new ForwardingServerCall.SimpleForwardingServerCall<>(call) {
              @Override
              public MethodDescriptor<
                      io.holdfast.protocol.v1.StatusRequest, io.holdfast.protocol.v1.StatusResponse>
                  getMethodDescriptor() {
                return strange;
              }
            },
            new Metadata(),
            (c, h) -> {
              throw new AssertionError("the service was reached");
            });
    assertThat(call.reason).isEqualTo("NOT_ALLOWED");
  }

  private static <Q, A> ServerServiceDefinition service(MethodDescriptor<Q, A> method) {
    ServerCallHandler<Q, A> handler = (call, headers) -> new ServerCall.Listener<>() {};
    return ServerServiceDefinition.builder(method.getServiceName())
        .addMethod(method, handler)
        .build();
  }
}
