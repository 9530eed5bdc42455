package io.holdfast.server.replication.jraft;

import static io.holdfast.server.Eventually.eventually;

import com.alipay.sofa.jraft.error.RemotingException;
import com.alipay.sofa.jraft.rpc.RpcClient;
import com.alipay.sofa.jraft.rpc.RpcRequests;
import com.alipay.sofa.jraft.rpc.impl.AbstractClientService;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Servers of one cluster in this JVM, on ports of 127.0.0.1 that nobody else has. */
final class Servers implements AutoCloseable {
  static final Duration ELECTION_TIMEOUT = Duration.ofMillis(800);
  private static final String CLUSTER = "test";

  private final ExecutorService closers = Executors.newCachedThreadPool();
  private final Path folder;
  private final Set<String> initial = new TreeSet<>();
  private final Map<String, One> running = new LinkedHashMap<>();

  /** Of all servers alike. */
  UnaryOperator<JRaftSettings> change = settings -> settings;

  record One(String name, JRaftReplicator replicator, WrittenDown machine) {
    boolean leads() {
      return machine.leads > 0;
    }

    void propose(String entry) {
      replicator.propose(machine.leads, bytes(entry), entry);
    }

    boolean confirmed() {
      CompletableFuture<Boolean> answer = new CompletableFuture<>();
      replicator.confirm(answer::complete);
      return answer.orTimeout(20, TimeUnit.SECONDS).join();
    }

    boolean hasMet(One other) {
      return replicator.running().folder().identityOf(other.name).isPresent();
    }

    /** Whether there is a connection from this one to another. */
    boolean isConnectedTo(One other) {
      return client().checkConnection(PeerAddress.parse(other.name).peerId().getEndpoint());
    }

    private RpcClient client() {
      return ((AbstractClientService) replicator.running().node().getRpcService()).getRpcClient();
    }

    /** Whether this one, asked by itself, hears another one's answer. */
    boolean hears(One asked) {
      RpcClient client = client();
      PeerAddress address = PeerAddress.parse(asked.name);
      eventually(
          "a connection from " + name + " to " + asked.name,
          () -> client.checkConnection(address.peerId().getEndpoint(), true));
      try {
        client.invokeSync(
            address.peerId().getEndpoint(),
            RpcRequests.PingRequest.newBuilder().setSendTimestamp(0).build(),
            ELECTION_TIMEOUT.toMillis());
        return true;
      } catch (RemotingException e) {
        return false;
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    /** Nobody hears from it any more, nor it from anybody. It does not know. */
    void isolate() {
      replicator.running().server().close();
      replicator.running().node().getRpcService().shutdown();
    }
  }

  Servers(Path folder) {
    this.folder = folder;
  }

  static byte[] bytes(String entry) {
    return entry.getBytes(StandardCharsets.UTF_8);
  }

  static String freeAddress() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return "127.0.0.1:" + socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Servers of(int count) {
    for (int i = 0; i < count; i++) {
      initial.add(freeAddress());
    }
    initial.forEach(this::start);
    return this;
  }

  JRaftSettings settings(String name, Set<String> members) {
    Path own = folder.resolve(name.replace(':', '-'));
    return change.apply(
        JRaftSettings.of(own, name, members)
            .with(it -> it.cluster(CLUSTER))
            .with(it -> it.electionTimeout(ELECTION_TIMEOUT)));
  }

  One start(String name) {
    return start(name, initial, new WrittenDown());
  }

  One startEmpty() {
    return start(freeAddress(), Set.of(), new WrittenDown());
  }

  One start(String name, Set<String> members, WrittenDown machine) {
    JRaftReplicator replicator = new JRaftReplicator(settings(name, members));
    One one = new One(name, replicator, machine);
    replicator.start(machine);
    running.put(name, one);
    return one;
  }

  One stop(One one) {
    running.remove(one.name);
    one.replicator.close();
    return one;
  }

  One one(String name) {
    return Objects.requireNonNull(running.get(name));
  }

  /** The disk of one that was stopped is lost. */
  void wipe(One one) throws IOException {
    Path own = settings(one.name, Set.of()).dataFolder();
    try (Stream<Path> files = Files.walk(own)) {
      for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  /** One can no longer write down who the others are, until what is returned is deleted. */
  Path fillDisk(One one) throws IOException {
    return Files.createDirectory(settings(one.name, Set.of()).dataFolder().resolve("meta.new"));
  }

  One restart(One one) {
    stop(one);
    return start(one.name);
  }

  Collection<One> all() {
    return running.values();
  }

  One only() {
    return running.values().iterator().next();
  }

  One leader() {
    eventually(
        "a leader", () -> running.values().stream().filter(One::leads).findAny().isPresent());
    return running.values().stream().filter(One::leads).findAny().orElseGet(this::leader);
  }

  List<One> followers() {
    One leader = leader();
    List<One> others = new ArrayList<>(running.values());
    others.remove(leader);
    return others;
  }

  void applied(List<String> entries) {
    for (One one : running.values()) {
      eventually(
          one.name + " has applied " + entries.size(), () -> one.machine.applied.equals(entries));
    }
  }

  @Override
  public void close() {
    // All at once: the last would try in vain to hand over to those that are gone.
    CompletableFuture.allOf(
            running.values().stream()
                .map(one -> CompletableFuture.runAsync(one.replicator::close, closers))
                .toArray(CompletableFuture<?>[]::new))
        .join();
    closers.shutdown();
  }
}
