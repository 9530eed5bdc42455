package io.holdfast.remote;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.holdfast.server.LockServer;
import io.holdfast.server.ServerSettings;
import io.holdfast.server.replication.jraft.JRaftReplicator;
import io.holdfast.server.replication.jraft.JRaftSettings;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.Caller;
import io.holdfast.server.security.ServerTls;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A lock server with its log in a folder, in this JVM; it can be ended and started again where it was. */
final class RealServer implements AutoCloseable {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Path folder;
  private final String self;
  private final List<String> peers;
  private final Optional<ServerTls> tls;
  private final int port = freePort();
  private JRaftReplicator replicator;
  private LockServer server;
  private volatile String refusal;
  private volatile String authorization;

  /** The only one. */
  RealServer(Path folder) throws IOException {
    this(folder, "127.0.0.1:" + freePort());
  }

  private RealServer(Path folder, String only) throws IOException {
    this(folder, only, List.of(only));
  }

  /** The only one, for clients that speak TLS. */
  RealServer(Path folder, ServerTls tls) throws IOException {
    this(folder, "127.0.0.1:" + freePort(), Optional.of(tls));
  }

  private RealServer(Path folder, String only, Optional<ServerTls> tls) throws IOException {
    this(folder, only, List.of(only), tls);
  }

  /** One of several. */
  RealServer(Path folder, String self, List<String> peers) throws IOException {
    this(folder, self, peers, Optional.empty());
  }

  private RealServer(Path folder, String self, List<String> peers, Optional<ServerTls> tls)
      throws IOException {
    this.folder = folder;
    this.self = self;
    this.peers = peers;
    this.tls = tls;
    start();
  }

  /** As many as there are folders. */
  static List<RealServer> cluster(List<Path> folders) throws IOException {
    List<String> peers = folders.stream().map(folder -> "127.0.0.1:" + freePort()).toList();
    List<RealServer> servers = new ArrayList<>();
    for (int i = 0; i < peers.size(); i++) {
      servers.add(new RealServer(folders.get(i), peers.get(i), peers));
    }
    return servers;
  }

  boolean leads() {
    return replicator.status().leader().equals(Optional.of(self));
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  void start() throws IOException {
    start(Optional.empty());
  }

  /** With a folder that is an old copy. */
  void startRestored(Instant time) throws IOException {
    start(Optional.of(time));
  }

  private void start(Optional<Instant> restored) throws IOException {
    replicator = new JRaftReplicator(JRaftSettings.of(folder, self, Set.copyOf(peers)));
    LockServer.Builder builder =
        LockServer.builder(
                ServerSettings.of(self, new InetSocketAddress("127.0.0.1", port))
                    .withRestored(restored),
                replicator)
            .interceptor(new Door());
    tls.ifPresent(builder::tls);
    server = builder.start();
  }

  /** Lets nobody in from now on, for this reason. */
  void refuse(String reason) {
    refusal = reason;
  }

  /** What the last caller showed. */
  String authorization() {
    return authorization;
  }

  @Override
  public void close() {
    server.close();
  }

  /** Lets everybody in, as on a server that asks for no credentials; or nobody. */
  private final class Door implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      authorization = headers.get(AUTHORIZATION);
      String reason = refusal;
      if (reason != null) {
        Metadata trailers = new Metadata();
        trailers.put(AuthInterceptor.REASON, reason);
        call.close(Status.UNAUTHENTICATED.withDescription("refused on purpose"), trailers);
        return new ServerCall.Listener<>() {};
      }
      Context context = Context.current().withValue(Caller.KEY, Caller.ANYBODY);
      return Contexts.interceptCall(context, call, headers, next);
    }
  }

  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new AssertionError("no port is free", e);
    }
  }
}
