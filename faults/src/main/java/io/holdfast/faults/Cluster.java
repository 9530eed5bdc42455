package io.holdfast.faults;

import io.holdfast.protocol.v1.StatusResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The servers that keep one log. */
final class Cluster {
  /** How long an election may take before the rig gives up on it. */
  static final Duration ELECTION = Duration.ofSeconds(30);

  /** How long a server may take to start and to catch up. */
  static final Duration RECOVERY = Duration.ofSeconds(60);

  private final List<LockServer> servers;
  private final List<String> program;

  /**
   * Of these, none of which runs yet.
   *
   * @param program the words that run the command line of Holdfast
   */
  Cluster(List<LockServer> servers, List<String> program) {
    this.servers = List.copyOf(servers);
    this.program = program;
  }

  List<LockServer> servers() {
    return servers;
  }

  List<Host> hosts() {
    return servers.stream().map(LockServer::host).toList();
  }

  /** Where clients connect to. */
  String url(String namespace) {
    return "holdfast://"
        + servers.stream().map(LockServer::clientAddress).collect(Collectors.joining(","))
        + "/"
        + namespace
        + "?tls=off";
  }

  void start(LockServer server) {
    server.start(program, servers.stream().map(LockServer::id).toList());
  }

  /** Starts one that has lost all it had, to wait until it is added. */
  void join(LockServer server) {
    server.join(program);
  }

  void startAll() {
    servers.stream().filter(server -> !server.isRunning()).forEach(this::start);
  }

  /** Who says that it leads; if several do, who says so of the latest term. */
  Optional<LockServer> leader() {
    record Claim(LockServer server, long term) {}
    List<Claim> claims = new ArrayList<>();
    for (LockServer server : servers) {
      server
          .status()
          .filter(status -> status.getLeader().equals(server.id()))
          .ifPresent(status -> claims.add(new Claim(server, status.getTerm())));
    }
    return claims.stream().max(Comparator.comparingLong(Claim::term)).map(Claim::server);
  }

  /** Who leads, as soon as somebody does. */
  LockServer awaitLeader() throws InterruptedException {
    LockServer[] found = new LockServer[1];
    Wait.mustBe(
        "nobody leads",
        ELECTION,
        () -> {
          leader().ifPresent(server -> found[0] = server);
          return found[0] != null;
        });
    return found[0];
  }

  /** The term of the leader; 0 if there is none. */
  long term() {
    return leader().flatMap(LockServer::status).map(StatusResponse::getTerm).orElse(0L);
  }

  /** One that does not lead. */
  LockServer follower(LockServer leader, int which) {
    List<LockServer> followers = servers.stream().filter(server -> server != leader).toList();
    return followers.get(which % followers.size());
  }

  /** Until all run, one leads, and the others have all that it has. */
  void awaitHealth() throws InterruptedException {
    Wait.mustBe("not all servers are back and level", RECOVERY, this::isHealthy);
  }

  /** How far each has come, to be read by people. */
  String describe() {
    return servers.stream()
        .map(
            server ->
                server
                    .status()
                    .map(
                        status ->
                            String.format(
                                "%s%s term %d applied %d snapshot %d hash %016x",
                                server,
                                status.getLeader().equals(server.id()) ? " (leads)" : "",
                                status.getTerm(),
                                status.getAppliedIndex(),
                                status.getSnapshotIndex(),
                                status.getStateHash()))
                    .orElse(server + " does not answer"))
        .collect(Collectors.joining("; "));
  }

  private boolean isHealthy() {
    Optional<StatusResponse> leading = leader().flatMap(LockServer::status);
    if (leading.isEmpty()) {
      return false;
    }
    long goal = leading.get().getCommittedIndex();
    return servers.stream()
        .allMatch(
            server ->
                server
                    .status()
                    .map(
                        status ->
                            status.getAppliedIndex() >= goal
                                && status.getLeader().equals(leading.get().getLeader()))
                    .orElse(false));
  }
}
