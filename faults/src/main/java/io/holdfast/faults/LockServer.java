package io.holdfast.faults;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.holdfast.protocol.v1.ClusterGrpc;
import io.holdfast.protocol.v1.StatusRequest;
import io.holdfast.protocol.v1.StatusResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One lock server: its host, its disk, its process if it runs. */
final class LockServer implements AutoCloseable {
  private static final int CLIENT_PORT = 7420;
  private static final int PEER_PORT = 7421;

  /** A server that does not answer a question about itself within this does not answer. */
  private static final Duration ANSWER = Duration.ofMillis(700);

  private static final Duration ADMINISTRATION = Duration.ofSeconds(20);

  private final String name;
  private final Host host;
  private final Disk disk;
  private final Optional<Interposer> interposer;
  private final Remains remains;
  private final Path log;
  private final ManagedChannel channel;
  private @Nullable RigProcess process;

  LockServer(
      String name,
      Host host,
      Disk disk,
      Optional<Interposer> interposer,
      Remains remains,
      Path log) {
    this.name = name;
    this.host = host;
    this.disk = disk;
    this.interposer = interposer;
    this.remains = remains;
    this.log = log;
    this.channel =
        NettyChannelBuilder.forAddress(host.address(), CLIENT_PORT).usePlaintext().build();
  }

  Host host() {
    return host;
  }

  Disk disk() {
    return disk;
  }

  /** What can shift its clock and break its disk; empty if there is none on this machine. */
  Optional<Interposer> interposer() {
    return interposer;
  }

  /** Its name among the servers. */
  String id() {
    return host.address() + ":" + PEER_PORT;
  }

  String clientAddress() {
    return host.address() + ":" + CLIENT_PORT;
  }

  /**
   * Starts it on what its disk has; it may take a while until it answers.
   *
   * @param program the words that run the command line of Holdfast
   * @param peers the ids of all servers
   */
  void start(List<String> program, List<String> peers) {
    start(program, "--peers", String.join(",", peers));
  }

  /** Starts it with nothing on its disk, to wait until a cluster adds it. */
  void join(List<String> program) {
    start(program, "--join");
  }

  private void start(List<String> program, String... beginning) {
    List<String> command = new ArrayList<>(program);
    command.addAll(List.of("server", "--data-dir", disk.data().toString()));
    command.addAll(List.of("--listen", clientAddress(), "--peer-listen", id(), "--insecure"));
    command.addAll(List.of(beginning));
    process =
        RigProcess.start(
            remains,
            log,
            interposer.map(Interposer::environment).orElse(Map.of()),
            host.command(command));
  }

  /** What runs, or ran. */
  RigProcess process() {
    if (process == null) {
      throw new RigException(name + " was never started");
    }
    return process;
  }

  boolean isRunning() {
    return process != null && process.isAlive();
  }

  /** What it says of itself; empty if it does not answer. */
  Optional<StatusResponse> status() {
    if (!isRunning()) {
      return Optional.empty();
    }
    try {
      return Optional.of(administration(ANSWER).status(StatusRequest.getDefaultInstance()));
    } catch (StatusRuntimeException e) {
      return Optional.empty();
    }
  }

  /** Whether it says that it leads. */
  boolean leads() {
    return status().map(status -> status.getLeader().equals(id())).orElse(false);
  }

  /** For an operator's acts, which take their time. */
  ClusterGrpc.ClusterBlockingStub administration() {
    return administration(ADMINISTRATION);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  @Override
  public String toString() {
    return name;
  }

  private ClusterGrpc.ClusterBlockingStub administration(Duration patience) {
    channel.resetConnectBackoff(); // it may have been down for long
    return ClusterGrpc.newBlockingStub(channel)
        .withWaitForReady()
        .withDeadlineAfter(patience.toMillis(), TimeUnit.MILLISECONDS);
  }
}
