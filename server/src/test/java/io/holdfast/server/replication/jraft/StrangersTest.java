package io.holdfast.server.replication.jraft;

import static io.holdfast.server.Eventually.eventually;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.alipay.sofa.jraft.entity.EnumOutter;
import com.alipay.sofa.jraft.entity.RaftOutter;
import com.alipay.sofa.jraft.rpc.CliRequests;
import com.alipay.sofa.jraft.rpc.RpcRequests;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.holdfast.protocol.internal.v1.PeerKind;
import io.holdfast.protocol.internal.v1.PeerRequest;
import io.holdfast.protocol.internal.v1.PeerResponse;
import io.holdfast.protocol.internal.v1.PeersGrpc;
import io.holdfast.server.replication.ReplicationException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who comes to the port of the servers, and should not. */
class StrangersTest {
  private static final UUID CALLER = UUID.randomUUID();

  /** By so much a term is newer that would depose a leader. */
  private static final long AHEAD = 100;

  @TempDir static Path certificates;
  private static Certificates authority;
  private static PeerTls member;
  private static PeerTls elsewhere;
  private static PeerTls forged;

  @TempDir Path folder;
  private Servers servers;
  private ManagedChannel channel;

  @BeforeAll
  static void sign() throws Exception {
    authority = new Certificates(certificates.resolve("ours"));
    member = authority.signed("member", "ip:127.0.0.1");
    elsewhere = authority.signed("elsewhere", "dns:elsewhere.example");
    Certificates others = new Certificates(certificates.resolve("others"));
    forged = others.signed("member", "ip:127.0.0.1");
  }

  @BeforeEach
  void make() {
    servers = new Servers(folder);
  }

  @AfterEach
  void end() {
    if (channel != null) {
      channel.shutdownNow();
    }
    servers.close();
  }

  private Servers.One secured() {
    servers.change = settings -> settings.with(it -> it.tls(member));
    return servers.of(1).leader();
  }

  private NettyChannelBuilder to(Servers.One server) {
    PeerAddress address = PeerAddress.parse(server.name());
    return NettyChannelBuilder.forAddress(address.host(), address.port());
  }

  private Channel plain(Servers.One server) {
    channel = to(server).usePlaintext().build();
    return channel;
  }

  private Channel with(Servers.One server, PeerTls own) throws Exception {
    SslContextBuilder tls =
        GrpcSslContexts.forClient().trustManager(authority.authority().toFile());
    if (own != null) {
      tls.keyManager(own.certificateChain().toFile(), own.privateKey().toFile());
    }
    channel = to(server).sslContext(tls.build()).build();
    return channel;
  }

  private static Optional<String> cluster(String name) {
    return Optional.of(name);
  }

  private static PeerRequest request(PeerKind kind, Message message) {
    return PeerRequest.newBuilder()
        .setId(1)
        .setKind(kind)
        .setMessage(message.toByteString())
        .build();
  }

  private static PeerRequest ping() {
    return request(
        PeerKind.PEER_KIND_PING, RpcRequests.PingRequest.newBuilder().setSendTimestamp(1).build());
  }

  /** The first answer, or what the stream ends with. */
  private static PeerResponse ask(Channel channel, Optional<String> cluster, PeerRequest request) {
    Metadata headers = new Metadata();
    cluster.ifPresent(it -> headers.put(PeerIdentity.CLUSTER, it));
    headers.put(PeerIdentity.SERVER, "127.0.0.1:1");
    headers.put(PeerIdentity.IDENTITY, CALLER.toString());
    return ask(channel, headers, request);
  }

  private static PeerResponse ask(Channel channel, Metadata headers, PeerRequest request) {
    CompletableFuture<PeerResponse> answer = new CompletableFuture<>();
    StreamObserver<PeerRequest> stream =
        PeersGrpc.newStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
            .talk(
                new StreamObserver<>() {
                  @Override
                  public void onNext(PeerResponse response) {
                    answer.complete(response);
                  }

                  @Override
                  public void onError(Throwable cause) {
                    answer.completeExceptionally(cause);
                  }

                  @Override
                  public void onCompleted() {
                    answer.completeExceptionally(new IllegalStateException("ended"));
                  }
                });
    stream.onNext(request);
    return answer.orTimeout(20, TimeUnit.SECONDS).join();
  }

  private static Status.Code refusal(
      Channel channel, Optional<String> cluster, PeerRequest request) {
    return refusal(() -> ask(channel, cluster, request));
  }

  private static Status.Code refusal(Runnable asks) {
    try {
      asks.run();
    } catch (CompletionException e) {
      return Status.fromThrowable(e.getCause()).getCode();
    }
    throw new AssertionError("was let in");
  }

  @Test
  void serversAgreeUnderTls() {
    servers.change = settings -> settings.with(it -> it.tls(member));
    Servers.One leader = servers.of(3).leader();
    leader.propose("entry");
    servers.applied(List.of("entry"));
    assertThat(leader.confirmed()).isTrue();
  }

  @Test
  void aMemberIsLetIn() throws Exception {
    Servers.One one = secured();
    PeerResponse answer = ask(with(one, member), cluster("test"), ping());
    assertThat(answer.getOutcomeCase()).isEqualTo(PeerResponse.OutcomeCase.MESSAGE);
  }

  @Test
  void aCallerWithoutACertificateIsRefused() throws Exception {
    Servers.One one = secured();
    assertThat(refusal(with(one, null), cluster("test"), ping()))
        .isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void aCertificateOfAnotherAuthorityIsRefused() throws Exception {
    Servers.One one = secured();
    assertThat(refusal(with(one, forged), cluster("test"), ping()))
        .isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void aCertificateForAnotherHostIsRefused() throws Exception {
    Servers.One one = secured();
    assertThat(refusal(with(one, elsewhere), cluster("test"), ping()))
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aHostThatIsAllowedByNameIsLetIn() throws Exception {
    servers.change =
        settings ->
            settings.with(
                it ->
                    it.tls(
                        new PeerTls(
                            member.certificateChain(),
                            member.privateKey(),
                            member.authorities(),
                            Set.of("Elsewhere.example"))));
    Servers.One one = servers.of(1).leader();
    assertThat(ask(with(one, elsewhere), cluster("test"), ping()).hasMessage()).isTrue();
  }

  @Test
  void aCallerWithoutTlsIsRefused() {
    Servers.One one = secured();
    assertThat(refusal(plain(one), cluster("test"), ping())).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void aServerIsNotCalledThatShowsACertificateForAnotherHost() {
    servers.change = settings -> settings.with(it -> it.tls(member));
    Servers.One leader = servers.of(1).leader();
    servers.change =
        settings ->
            settings.with(
                it ->
                    it.tls(
                        new PeerTls(
                            elsewhere.certificateChain(),
                            elsewhere.privateKey(),
                            elsewhere.authorities(),
                            Set.of("127.0.0.1"))));
    Servers.One impostor = servers.startEmpty();
    assertThatThrownBy(
            () ->
                leader
                    .replicator()
                    .addMember(impostor.name())
                    .orTimeout(20, TimeUnit.SECONDS)
                    .join())
        .hasCauseInstanceOf(ReplicationException.class);
    assertThat(impostor.machine().leader).isEmpty();
  }

  @Test
  void aNewCertificateIsTakenUpWithoutARestart() throws Exception {
    Path own = Files.createDirectories(folder.resolve("own"));
    PeerTls tls =
        new PeerTls(own.resolve("c.pem"), own.resolve("k.pem"), member.authorities(), Set.of());
    Files.copy(member.certificateChain(), tls.certificateChain());
    Files.copy(member.privateKey(), tls.privateKey());
    ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1);
    PeerAddress self = PeerAddress.parse(Servers.freeAddress());
    JRaftSettings settings = servers.settings(self.toString(), Set.of(self.toString()));
    try (PeerCertificates read = new PeerCertificates(tls, executor, Duration.ofMillis(20));
        DataFolder data = DataFolder.open(settings);
        PeerServer server =
            new PeerServer(
                new PeerIdentity(self, data, Optional.of(read), (name, its) -> true), Set.of())) {
      server.admit(Set.of("127.0.0.1"));
      assertThat(shown(self)).isEqualTo("CN=member");
      PeerTls next = authority.signed("next", "ip:127.0.0.1");
      Files.copy(next.certificateChain(), tls.certificateChain(), REPLACE_EXISTING);
      Files.copy(next.privateKey(), tls.privateKey(), REPLACE_EXISTING);
      eventually("the new one", () -> shown(self).equals("CN=next"));
      Instant end = read.expiresAt();
      assertThat(end).isAfter(Instant.now());
      PeerTls over = authority.signed("over", "ip:127.0.0.1", "-100d");
      Files.copy(over.privateKey(), tls.privateKey(), REPLACE_EXISTING);
      Files.copy(over.certificateChain(), tls.certificateChain(), REPLACE_EXISTING);
      PeerTls last = authority.signed("last", "ip:127.0.0.1"); // takes longer than many looks
      assertThat(shown(self)).isEqualTo("CN=next");
      assertThat(read.expiresAt()).isEqualTo(end);
      Files.copy(last.certificateChain(), tls.certificateChain(), REPLACE_EXISTING);
      Files.copy(last.privateKey(), tls.privateKey(), REPLACE_EXISTING);
      eventually("the last one", () -> shown(self).equals("CN=last"));
    } finally {
      executor.shutdownNow();
    }
  }

  /** Whose certificate is shown to those who call. */
  private static String shown(PeerAddress address) {
    AtomicReference<String> subject = new AtomicReference<>("nobody's");
    X509ExtendedTrustManager looks =
        new X509ExtendedTrustManager() {
          @Override
          public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {
            subject.set(chain[0].getSubjectX500Principal().toString());
          }

          @Override
          public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

          @Override
          public void checkServerTrusted(X509Certificate[] chain, String type) {}

          @Override
          public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

          @Override
          public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

          @Override
          public void checkClientTrusted(X509Certificate[] chain, String type) {}

          @Override
          public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
          }
        };
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {looks}, null);
      try (Socket socket =
          context.getSocketFactory().createSocket(address.host(), address.port())) {
        ((SSLSocket) socket).startHandshake();
      }
    } catch (IOException e) {
      // It shows its own before it asks for ours, which there is none of.
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
    return subject.get();
  }

  @Test
  void certificatesThatCannotBeReadAreNamed() {
    PeerTls missing =
        new PeerTls(folder.resolve("no.pem"), member.privateKey(), member.authorities(), Set.of());
    servers.change = settings -> settings.with(it -> it.tls(missing));
    assertThatThrownBy(() -> servers.of(1))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("no.pem");
  }

  @Test
  void certificatesThatWouldNotServeAreRefusedAtTheStart() throws Exception {
    PeerTls over = authority.signed("ended", "ip:127.0.0.1", "-100d");
    refused(over, over.certificateChain() + " expired at ");
    PeerTls early = authority.signed("early", "ip:127.0.0.1", "+1d");
    refused(early, early.certificateChain() + " begins only at ");
    refused(
        new PeerTls(
            member.certificateChain(), elsewhere.privateKey(), member.authorities(), Set.of()),
        elsewhere.privateKey() + " does not belong to certificate " + member.certificateChain());
    Path open = Files.copy(member.privateKey(), folder.resolve("open.key"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
    refused(
        new PeerTls(member.certificateChain(), open, member.authorities(), Set.of()),
        open + " holds a secret and all users of this machine have access to it");
  }

  private void refused(PeerTls tls, String why) {
    String self = Servers.freeAddress();
    JRaftSettings settings = servers.settings(self, Set.of(self)).with(changes -> changes.tls(tls));
    assertThatThrownBy(() -> new JRaftReplicator(settings).start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageStartingWith("the certificates for peers cannot be used: ")
        .hasMessageContaining(why);
  }

  @Test
  void aCallerOfNoClusterIsRefused() {
    Servers.One one = servers.of(1).leader();
    assertThat(refusal(plain(one), Optional.empty(), ping()))
        .isEqualTo(Status.Code.UNAUTHENTICATED);
  }

  @Test
  void aCallerThatDoesNotSayWhoItIsIsRefused() {
    Channel to = plain(servers.of(1).leader());
    Metadata headers = new Metadata();
    headers.put(PeerIdentity.CLUSTER, "test");
    assertThat(refusal(() -> ask(to, headers, ping()))).isEqualTo(Status.Code.UNAUTHENTICATED);
    headers.put(PeerIdentity.SERVER, "127.0.0.1:1");
    assertThat(refusal(() -> ask(to, headers, ping()))).isEqualTo(Status.Code.UNAUTHENTICATED);
    headers.put(PeerIdentity.IDENTITY, CALLER.toString());
    assertThat(ask(to, headers, ping()).hasMessage()).isTrue();
  }

  @Test
  void aCallerOfAnotherClusterIsRefused() {
    Servers.One one = servers.of(1).leader();
    assertThat(refusal(plain(one), cluster("other"), ping()))
        .isEqualTo(Status.Code.FAILED_PRECONDITION);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 7, 8, 99, -1})
  void aKindThatIsNotKnownIsRefused(int kind) {
    Servers.One one = servers.of(1).leader();
    PeerRequest request = ping().toBuilder().setKindValue(kind).build();
    assertThat(refusal(plain(one), cluster("test"), request))
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  void whatIsNotWhatItsKindSaysIsRefused(int kind) {
    Servers.One one = servers.of(1).leader();
    long term = one.machine().leads;
    PeerRequest request =
        ping().toBuilder()
            .setKindValue(kind)
            .setMessage(
                CliRequests.TransferLeaderRequest.newBuilder()
                    .setGroupId(JRaftReplicator.GROUP)
                    .setLeaderId(one.name())
                    .build()
                    .toByteString())
            .build();
    assertThat(refusal(plain(one), cluster("test"), request))
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(one.machine().leads).isEqualTo(term);
    assertThat(one.confirmed()).isTrue();
  }

  @Test
  void aStrangerNeitherWritesNorDeposesNorHandsOver() throws Exception {
    Servers.One one = secured();
    one.propose("entry");
    servers.applied(List.of("entry"));
    long term = one.replicator().status().term();
    for (PeerRequest request : List.of(entries(one, term), handOver(one, term), vote(one, term))) {
      assertThat(refusal(with(one, elsewhere), cluster("test"), request))
          .isEqualTo(Status.Code.PERMISSION_DENIED);
      channel.shutdownNow();
      assertThat(refusal(with(one, forged), cluster("test"), request))
          .isEqualTo(Status.Code.UNAVAILABLE);
      channel.shutdownNow();
    }
    assertThat(one.replicator().status().term()).isEqualTo(term);
    assertThat(one.confirmed()).isTrue();
    assertThat(one.machine().applied).containsExactly("entry");
    assertThat(one.machine().led).hasSize(1);

    // They are such as are obeyed when a member says them.
    Channel channelOfMember = with(one, member);
    assertThat(ask(channelOfMember, cluster("test"), handOver(one, term)).hasMessage()).isTrue();
    assertThat(ask(channelOfMember, cluster("test"), vote(one, term)).hasMessage()).isTrue();
    assertThat(ask(channelOfMember, cluster("test"), entries(one, term)).hasMessage()).isTrue();
    assertThat(one.replicator().status().term()).isGreaterThanOrEqualTo(term + AHEAD);
  }

  private static PeerRequest entries(Servers.One to, long term) {
    byte[] entry = Servers.bytes("poison");
    return request(
        PeerKind.PEER_KIND_APPEND_ENTRIES,
        RpcRequests.AppendEntriesRequest.newBuilder()
            .setGroupId(JRaftReplicator.GROUP)
            .setServerId("127.0.0.1:1")
            .setPeerId(to.name())
            .setTerm(term + AHEAD)
            .setPrevLogTerm(0)
            .setPrevLogIndex(0)
            .addEntries(
                RaftOutter.EntryMeta.newBuilder()
                    .setTerm(term + AHEAD)
                    .setType(EnumOutter.EntryType.ENTRY_TYPE_DATA)
                    .setDataLen(entry.length))
            .setCommittedIndex(1)
            .setData(ByteString.copyFrom(entry))
            .build());
  }

  private static PeerRequest handOver(Servers.One to, long term) {
    return request(
        PeerKind.PEER_KIND_TIMEOUT_NOW,
        RpcRequests.TimeoutNowRequest.newBuilder()
            .setGroupId(JRaftReplicator.GROUP)
            .setServerId("127.0.0.1:1")
            .setPeerId(to.name())
            .setTerm(term)
            .build());
  }

  private static PeerRequest vote(Servers.One to, long term) {
    return request(
        PeerKind.PEER_KIND_REQUEST_VOTE,
        RpcRequests.RequestVoteRequest.newBuilder()
            .setGroupId(JRaftReplicator.GROUP)
            .setServerId("127.0.0.1:1")
            .setPeerId(to.name())
            .setTerm(term + AHEAD)
            .setLastLogIndex(1_000)
            .setLastLogTerm(term + AHEAD)
            .setPreVote(false)
            .build());
  }

  @Test
  void theEnginesOwnServicesAreNotThere() {
    Servers.One one = servers.of(1).leader();
    Message request =
        CliRequests.RemovePeerRequest.newBuilder()
            .setGroupId(JRaftReplicator.GROUP)
            .setLeaderId(one.name())
            .setPeerId(one.name())
            .build();
    MethodDescriptor<Message, Message> method =
        MethodDescriptor.<Message, Message>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(
                MethodDescriptor.generateFullMethodName(request.getClass().getName(), "_call"))
            .setRequestMarshaller(ProtoUtils.marshaller(request))
            .setResponseMarshaller(
                ProtoUtils.marshaller(CliRequests.RemovePeerResponse.getDefaultInstance()))
            .build();
    assertThatThrownBy(
            () -> ClientCalls.blockingUnaryCall(plain(one), method, CallOptions.DEFAULT, request))
        .satisfies(
            e ->
                assertThat(Status.fromThrowable(e).getCode()).isEqualTo(Status.Code.UNIMPLEMENTED));
  }

  @Test
  void aRequestForAnotherServerIsAnsweredWithAnError() {
    Servers.One one = servers.of(1).leader();
    Message vote =
        RpcRequests.RequestVoteRequest.newBuilder()
            .setGroupId(JRaftReplicator.GROUP)
            .setServerId("127.0.0.1:1")
            .setPeerId("127.0.0.1:2")
            .setTerm(1_000)
            .setLastLogIndex(1_000)
            .setLastLogTerm(1_000)
            .setPreVote(false)
            .build();
    PeerResponse answer =
        ask(plain(one), cluster("test"), request(PeerKind.PEER_KIND_REQUEST_VOTE, vote));
    assertThat(answer.hasError()).isTrue();
    assertThat(one.replicator().status().term()).isLessThan(1_000);
  }

  @Test
  void filesOutsideOfSnapshotsAreNotToBeHad() {
    Servers.One one = servers.of(1).leader();
    Message file =
        RpcRequests.GetFileRequest.newBuilder()
            .setReaderId(1)
            .setFilename("../meta")
            .setOffset(0)
            .setCount(100)
            .build();
    PeerResponse answer =
        ask(plain(one), cluster("test"), request(PeerKind.PEER_KIND_GET_FILE, file));
    assertThat(answer.hasError()).isTrue();
  }

  @Test
  void aMessageThatIsTooLargeIsRefused() {
    Servers.One one = servers.of(1).leader();
    PeerRequest request =
        ping().toBuilder()
            .setMessage(ByteString.copyFrom(new byte[PeerServer.MOST_MESSAGE_BYTES + 1]))
            .build();
    assertThat(refusal(plain(one), cluster("test"), request))
        .isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.CANCELLED);
  }

  @Test
  void boltAndHessianFindNobody() throws Exception {
    Servers.One one = servers.of(1).leader();
    PeerAddress address = PeerAddress.parse(one.name());
    byte[] bolt = new byte[64];
    bolt[0] = 2; // Protocol
    bolt[1] = 1; // Its version
    bolt[2] = 1; // A request
    bolt[4] = 1; // For RPC
    bolt[10] = 1; // By Hessian
    bolt[40] = 'M'; // A map: where such attacks begin
    try (Socket socket = new Socket(address.host(), address.port())) {
      socket.setSoTimeout((int) Duration.ofSeconds(20).toMillis());
      OutputStream out = socket.getOutputStream();
      out.write(bolt);
      out.flush();
      InputStream in = socket.getInputStream();
      boolean closed;
      try {
        in.readAllBytes();
        closed = true;
      } catch (SocketException e) {
        closed = true;
      }
      assertThat(closed).isTrue();
    }
    for (String name :
        List.of(
            "com.alipay.remoting.rpc.RpcServer",
            "com.caucho.hessian.io.Hessian2Input",
            "com.alipay.hessian.NameBlackListFilter",
            "io.netty.bootstrap.ServerBootstrap")) {
      assertThatThrownBy(() -> Class.forName(name)).isInstanceOf(ClassNotFoundException.class);
    }
    one.propose("entry");
    servers.applied(List.of("entry"));
  }

  @Test
  void withoutCertificatesOnlyThisMachineIsServed() {
    JRaftSettings settings =
        JRaftSettings.of(folder.resolve("x"), "192.0.2.1:7000", Set.of("192.0.2.1:7000"));
    assertThatThrownBy(() -> new JRaftReplicator(settings).start(new WrittenDown()))
        .isInstanceOf(ReplicationException.class)
        .hasMessageContaining("192.0.2.1:7000 can be reached by other machines");
    Servers.One one = servers.of(1).leader();
    assertThatThrownBy(() -> one.replicator().addMember("192.0.2.1:7000"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aServerThatWaitsTakesTheClusterOfTheFirstThatCalls() {
    Servers.One one = servers.of(1).leader();
    servers.change = settings -> JRaftSettings.of(settings.dataFolder(), settings.self(), Set.of());
    Servers.One waiting = servers.startEmpty();
    assertThat(refusal(plain(waiting), Optional.empty(), ping()))
        .isEqualTo(Status.Code.UNAUTHENTICATED);
    one.replicator().addMember(waiting.name()).orTimeout(20, TimeUnit.SECONDS).join();
    eventually("it follows", () -> waiting.machine().leader.equals(Optional.of(one.name())));
    assertThat(refusal(channelAgain(waiting), cluster("other"), ping()))
        .isEqualTo(Status.Code.FAILED_PRECONDITION);
  }

  @Test
  void aServerThatWaitsIsNotNamedByJustAnything() {
    servers.change = settings -> JRaftSettings.of(settings.dataFolder(), settings.self(), Set.of());
    Servers.One waiting = servers.startEmpty();
    Channel to = plain(waiting);
    for (String name : List.of("a b", "a=b", "\\n", "x".repeat(65), "\"", "")) {
      assertThat(refusal(to, cluster(name), ping())).isEqualTo(Status.Code.UNAUTHENTICATED);
    }
    assertThat(ask(to, cluster("test"), ping()).hasMessage()).isTrue();
    assertThat(refusal(to, cluster("other"), ping())).isEqualTo(Status.Code.FAILED_PRECONDITION);
  }

  @Test
  void aCallerOfAnotherClusterIsNotToldTheNameOfThisOne() {
    Servers.One one = servers.of(1).leader();
    assertThatThrownBy(() -> ask(plain(one), cluster("other"), ping()))
        .hasMessageContaining("is not of cluster other")
        .hasMessageNotContaining("cluster test");
  }

  private Channel channelAgain(Servers.One server) {
    channel.shutdownNow();
    return plain(server);
  }
}
