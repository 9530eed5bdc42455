package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.core.NodeImpl;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.holdfast.server.replication.ReplicationException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Where the other servers call: on the address of this server's name, and nowhere else. Takes up the {@link Question}s, no
 * more: what else the engine could be asked for has no way in. Thread-safe.
 */
final class PeerServer implements AutoCloseable {
  /**
   * The largest message. An entry and the engine's batch around it fit in.
   *
   * @see JRaftReplicator#MOST_ENTRY_BYTES
   */
  static final int MOST_MESSAGE_BYTES = 16 << 20;

  private static final int THREADS = 16;
  private static final int MOST_WAITING_TASKS = 8192;
  private static final int IDLE_THREAD_SECONDS = 30;
  private static final int HANDSHAKE_TIMEOUT_SECONDS = 5;
  private static final int MOST_HEADER_BYTES = 8 << 10;

  /** What may be under way. A fixed one: to find out which is best, gRPC would send a ping for almost every message. */
  static final int FLOW_CONTROL_WINDOW = 4 << 20;

  private static final int MOST_STREAMS_A_CONNECTION = 4;
  private static final int MOST_PINGS_EVERY_SECONDS = 1;
  private static final int CLOSE_TIMEOUT_SECONDS = 5;

  private final ThreadPoolExecutor threads;
  private final PeerGate gate;
  private final PeerService service;
  private final Server server;

  /**
   * Begins to listen. Callers are sent away until {@link #serve}.
   *
   * @throws ReplicationException if it cannot listen there
   */
  PeerServer(PeerIdentity identity, Set<String> allowedHosts) {
    PeerAddress self = identity.self();
    threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            IDLE_THREAD_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MOST_WAITING_TASKS),
            new DaemonThreads("holdfast-peer-" + self));
    threads.allowCoreThreadTimeOut(true);
    gate = new PeerGate(identity, allowedHosts);
    service = new PeerService(self, threads);
    // With the executor direct, a stream's messages are taken up in order, on the thread of its
    // connection.
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new InetSocketAddress(self.host(), self.port()))
            .directExecutor()
            .flowControlWindow(FLOW_CONTROL_WINDOW)
            .addService(ServerInterceptors.intercept(service, gate))
            .handshakeTimeout(HANDSHAKE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
            .maxInboundMessageSize(MOST_MESSAGE_BYTES)
            .maxInboundMetadataSize(MOST_HEADER_BYTES)
            .maxConcurrentCallsPerConnection(MOST_STREAMS_A_CONNECTION)
            .permitKeepAliveTime(MOST_PINGS_EVERY_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true);
    identity.certificates().ifPresent(it -> builder.sslContext(it.forServer()));
    server = builder.build();
    try {
      server.start();
    } catch (IOException e) {
      threads.shutdownNow();
      throw new ReplicationException("cannot listen for other servers on " + self, e);
    }
  }

  /** Hands what is asked to the engine, from now on. */
  void serve(NodeImpl node) {
    service.serve(node);
  }

  /** Lets these hosts in, besides those that are allowed always. Without TLS, whoever comes is let in. */
  void admit(Set<String> hosts) {
    gate.admit(hosts);
  }

  /** Ends all streams. Waits a little. */
  @Override
  public void close() {
    server.shutdownNow();
    threads.shutdownNow();
    try {
      server.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
      threads.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
