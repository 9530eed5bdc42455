package io.holdfast.server;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.holdfast.HoldData;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.TreePath;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.ReplicationException;
import io.holdfast.server.replication.Replicator;
import io.holdfast.server.rpc.ClusterService;
import io.holdfast.server.rpc.LocksService;
import io.holdfast.server.security.ConfigurationException;
import io.holdfast.server.security.PermissionTable;
import io.holdfast.server.security.ServerTls;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * A lock server that runs: the core, its place in the log, and the gRPC server that clients talk to.
 *
 * <p>Thread-safe.
 */
public final class LockServer implements AutoCloseable {
  /** Of a message, beside what its targets and data take. */
  private static final int ENVELOPE_BYTES = 16 << 10;

  /** Of a target, beside what its name and path take. */
  private static final int TARGET_BYTES = 32;

  /** The longest message that can be meant: as many targets as there may be, with the longest names. */
  static final int MAX_MESSAGE_BYTES =
      LockClient.MAX_TARGETS * (LockKey.MAX_NAME_BYTES + TreePath.MAX_BYTES + TARGET_BYTES)
          + HoldData.MAX_BYTES
          + ENVELOPE_BYTES;

  /** What is longer is not even received, and its call is cut off; up to here, a name of a mebibyte, the answer says why. */
  private static final int MAX_RECEIVED_BYTES = (1 << 20) + ENVELOPE_BYTES;

  /** Headers of a call; a credential of 8 KiB fits. */
  private static final int MAX_METADATA_BYTES = 16 << 10;

  /**
   * What may be under way from one client. A fixed one: to find out which is best, gRPC would send a ping for almost
   * every message.
   */
  private static final int FLOW_CONTROL_WINDOW = 1 << 20;

  private static final int MAX_CALLS_A_CONNECTION = 2_000;
  private static final long HANDSHAKE_SECONDS = 10;
  private static final long LEAST_KEEP_ALIVE_SECONDS = 5;

  /** Finds the dead connections. None is ended for being idle: holds of unary callers live as long as theirs. */
  private static final long KEEP_ALIVE_SECONDS = 20;

  private static final long KEEP_ALIVE_PATIENCE_SECONDS = 10;

  /** A client that opens and resets streams faster is cut off. */
  private static final int MAX_RESETS = 400;

  private static final int RESETS_SECONDS = 10;

  private final ServerSettings settings;
  private final Replicator replicator;
  private final ServerCore core;
  private final ClientDoor door;
  private final Server server;

  /** Where it listens; asked for also when it listens no more. */
  private volatile int port;

  private final AtomicBoolean closing = new AtomicBoolean();
  private final CompletableFuture<Optional<Throwable>> ended = new CompletableFuture<>();

  private LockServer(Builder builder) {
    requireAddress(builder.settings);
    this.settings = builder.settings;
    this.replicator = builder.replicator;
    this.core =
        new ServerCore(
            settings.self(),
            this::clientAddress,
            replicator,
            builder.ticker,
            settings.limits(),
            builder.events,
            this::failed);
    settings.restored().ifPresent(core::restored);
    NettyServerBuilder grpc =
        NettyServerBuilder.forAddress(settings.listen())
            .directExecutor()
            .flowControlWindow(FLOW_CONTROL_WINDOW)
            .handshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveTime(LEAST_KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEP_ALIVE_PATIENCE_SECONDS, TimeUnit.SECONDS)
            .maxConcurrentCallsPerConnection(MAX_CALLS_A_CONNECTION)
            .maxRstFramesPerWindow(MAX_RESETS, RESETS_SECONDS)
            .maxInboundMessageSize(MAX_RECEIVED_BYTES)
            .maxInboundMetadataSize(MAX_METADATA_BYTES);
    this.door =
        new ClientDoor(
            settings.limits().connectionsPerAddress(),
            () -> builder.events.refused("TOO_MANY_CONNECTIONS_PER_ADDRESS"));
    door.guard(grpc);
    builder.transport.accept(grpc);
    List<ServerServiceDefinition> services = new ArrayList<>();
    LocksService locks =
        new LocksService(core, builder.ticker, MAX_MESSAGE_BYTES, settings.limits().connections());
    grpc.addTransportFilter(locks.transports());
    services.add(locks.checked());
    services.add(new ClusterService(core, replicator, version()).checked(MAX_MESSAGE_BYTES));
    builder.services.forEach(service -> services.add(service.bindService()));
    PermissionTable.verifyComplete(services);
    for (ServerServiceDefinition service : services) {
      grpc.addService(ServerInterceptors.interceptForward(service, builder.interceptors));
    }
    this.server = grpc.build();
  }

  /** A server over a log. */
  public static Builder builder(ServerSettings settings, Replicator replicator) {
    return new Builder(settings, replicator);
  }

  /** What may be set beside the settings. */
  public static final class Builder {
    private final ServerSettings settings;
    private final Replicator replicator;
    private Ticker ticker = Ticker.system();
    private CoreEvents events = CoreEvents.NONE;
    private Consumer<NettyServerBuilder> transport = grpc -> {};
    private final List<ServerInterceptor> interceptors = new ArrayList<>();
    private final List<BindableService> services = new ArrayList<>();

    private Builder(ServerSettings settings, Replicator replicator) {
      this.settings = settings;
      this.replicator = replicator;
    }

    public Builder ticker(Ticker other) {
      this.ticker = other;
      return this;
    }

    /** Hears what the server does. */
    public Builder events(CoreEvents listener) {
      this.events = listener;
      return this;
    }

    /** Sets up the transport: TLS, say. */
    public Builder transport(Consumer<NettyServerBuilder> setUp) {
      this.transport = setUp;
      return this;
    }

    /** Clients find the server by this certificate, and over TLS alone. */
    public Builder tls(ServerTls tls) {
      return transport(grpc -> grpc.sslContext(tls.context()));
    }

    /**
     * Sees every call, after those that were named before; one of them puts the {@link
     * io.holdfast.server.security.Caller} into the context.
     */
    public Builder interceptor(ServerInterceptor interceptor) {
      interceptors.add(interceptor);
      return this;
    }

    /** Offers another service under the same interceptors. */
    public Builder service(BindableService service) {
      services.add(service);
      return this;
    }

    /**
     * Starts the server.
     *
     * @throws IOException if it cannot listen where it should
     * @throws ReplicationException if it cannot take part in the log
     * @throws ConfigurationException if it has a method without a permission rule, or no address to send clients to
     */
    public LockServer start() throws IOException {
      LockServer built = new LockServer(this);
      built.start();
      return built;
    }
  }

  /** The core, for whoever tells about it. */
  public ServerCore core() {
    return core;
  }

  private static String version() {
    String version = LockServer.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  /** Where clients reach it, host:port. */
  public String clientAddress() {
    return settings.advertised().orElseGet(() -> hostPort(settings.listen().getHostString(), port));
  }

  private static String hostPort(String host, int port) {
    boolean isIpv6 = host.contains(":") && !host.startsWith("[");
    return (isIpv6 ? "[" + host + "]" : host) + ":" + port;
  }

  /** Followers send clients to the leader: they must be able to name it. */
  private static void requireAddress(ServerSettings settings) {
    InetSocketAddress listen = settings.listen();
    if (settings.advertised().isEmpty()
        && !listen.isUnresolved()
        && listen.getAddress().isAnyLocalAddress()) {
      throw new ConfigurationException(
          "listening on "
              + hostPort(listen.getHostString(), listen.getPort())
              + " is no address to send clients to: advertise one, or listen on one");
    }
  }

  /**
   * Waits until the server has ended.
   *
   * @return why, if it was not closed: its log has failed
   */
  public Optional<Throwable> awaitTermination() throws InterruptedException {
    try {
      return ended.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e); // it is never completed so
    }
  }

  /** Hands the leadership over, sends the clients away and stops. Twice is harmless. */
  @Override
  public void close() {
    if (closing.compareAndSet(false, true)) {
      server.shutdown();
      replicator.close();
      core.close();
      try {
        if (!server.awaitTermination(settings.closePatience().toNanos(), TimeUnit.NANOSECONDS)) {
          server.shutdownNow();
        }
      } catch (InterruptedException e) {
        server.shutdownNow();
        Thread.currentThread().interrupt();
      }
      door.close();
      ended.complete(Optional.empty());
    }
  }

  private void start() throws IOException {
    try {
      server.start(); // first, for a leader tells where it listens
      port = server.getPort();
      replicator.start(core);
    } catch (IOException | RuntimeException e) {
      server.shutdownNow();
      door.close();
      throw e;
    }
  }

  private void failed(Throwable cause) {
    server.shutdown();
    ended.complete(Optional.of(cause));
  }
}
