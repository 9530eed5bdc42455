package io.holdfast.simulation;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Three servers, and what goes wrong with them: crashes, cuts, pauses, the loss of all power, and elections after each.
 */
final class Cluster {
  static final int SERVERS = 3;
  private static final int MAJORITY = 2;

  /** So long after the beginning of 2026 the world begins. */
  private static final long BEGIN_SECONDS = 1_000_000;

  /** In so many worlds all servers are lost once, and restored from copies. */
  private static final double RESTORED = 0.25;

  private final World world;
  private final ReplicatedLog log;
  private final List<LockServer> servers = new ArrayList<>();
  private boolean isBeingRestored;

  Cluster(World world) {
    this.world = world;
    this.log = new ReplicatedLog(world.time, world.dice, world.evidence);
    for (int number = 0; number < SERVERS; number++) {
      servers.add(new LockServer(number, world.process(), world, log));
    }
    elect();
    if (world.dice.chance(RESTORED)) {
      long inTheFirstStorm = world.dice.between(Nanos.SECOND * 30, Nanos.SECOND * 150);
      world.time.at(inTheFirstStorm, this::lose);
    }
  }

  /** Where clients reach the servers. */
  List<String> addresses() {
    return servers.stream().map(server -> server.address).toList();
  }

  LockServer at(String address) {
    return servers.stream()
        .filter(server -> server.address.equals(address))
        .findFirst()
        .orElseThrow(() -> new Breach("P10", "there is no server at " + address));
  }

  Optional<String> leaderName() {
    return hasLeader() ? Optional.of(leader().name) : Optional.empty();
  }

  /** Something was added to the log by this leader. */
  void committed(LockServer leader) {
    if (leader.process.isPaused()) {
      leader.process.at(world.time.now(), leader::catchUp);
    } else {
      leader.catchUp();
    }
    for (LockServer server : servers) {
      if (server != leader) {
        server.followSoon();
      }
    }
  }

  /** All have caught up, and their tables are equal. */
  void compareAtEnd() {
    for (LockServer server : servers) {
      server.catchUp();
      world.referee.compareAtEnd(server);
    }
  }

  private LockServer leader() {
    return servers.get(log.leader());
  }

  private boolean hasLeader() {
    return log.leader() != ReplicatedLog.NOBODY;
  }

  void beginStorm() {
    if (world.isRestless()) {
      world.againAndAgain(4, 5, this::replace);
      return;
    }
    world.againAndAgain(
        10,
        50,
        () -> {
          // Trouble is likelier where there was trouble just before: then more is under way, too.
          log.setSlow(true);
          world.time.after(world.dice.between(1, Nanos.SECOND * 2), this::outage);
          world.time.after(Nanos.SECOND * 3, () -> log.setSlow(false));
        });
  }

  private void outage() {
    long nanos = world.dice.between(Nanos.SECOND / 2, Nanos.SECOND * 2);
    if (!hasLeader()) {
      return;
    }
    LockServer leader = leader();
    int kind = world.dice.below(100);
    if (kind < 35) {
      world.evidence.count(Fact.LEADER_CRASHED);
      log.depose();
      crash(leader, nanos);
      electSoon();
    } else if (kind < 60) {
      world.evidence.count(Fact.LEADER_ISOLATED);
      log.depose();
      leader.isolate();
      long longer = nanos * world.dice.between(1, 4); // its clients have two others to turn to
      world.time.after(longer, leader::reconnect);
      endLeadershipAfter(longer, leader);
      electSoon();
    } else if (kind < 75) {
      world.evidence.count(Fact.LEADER_PAUSED);
      leader.process.pause(world.time.now() + nanos);
      world.time.after(
          electionTime(),
          () -> {
            if (leader.process.isPaused() && hasLeader() && leader() == leader) {
              log.depose();
              endLeadershipAfter(leader.process.pausedUntil() - world.time.now(), leader);
              electSoon();
            }
          });
    } else if (kind < 85) {
      LockServer follower = servers.get((leader.number + 1) % SERVERS);
      world.evidence.count(Fact.FOLLOWER_CRASHED);
      crash(follower, nanos);
    } else {
      world.evidence.count(Fact.POWER_LOST);
      log.depose();
      for (LockServer server : servers) {
        crash(server, world.dice.between(nanos / 2, nanos));
      }
      electSoon();
    }
  }

  /** The leader gives way to one of them. */
  private void replace() {
    if (hasLeader()) {
      world.evidence.count(Fact.LEADER_REPLACED);
      LockServer leader = leader();
      log.depose();
      endLeadershipAfter(0, leader);
      electSoon();
    }
  }

  private void crash(LockServer server, long nanos) {
    server.crash();
    world.trace("server " + server.number + " crashed");
    world.time.after(
        nanos,
        () -> {
          if (!isBeingRestored) {
            server.restart();
          }
        });
  }

  /** All servers are gone for good. As operators are told, nothing is put in their place before the leases are over. */
  private void lose() {
    world.evidence.count(Fact.RESTORED);
    log.depose();
    isBeingRestored = true;
    servers.forEach(LockServer::crash);
    world.time.after(
        world.leaseNanos + world.dice.between(0, Nanos.SECOND * 2),
        () -> {
          isBeingRestored = false;
          restore();
        });
    electSoon();
  }

  /** Copies of the disks are put back, that have the latest snapshots and not all that was in the log. */
  private void restore() {
    long latestSnapshot = servers.stream().mapToLong(LockServer::snapshotIndex).max().orElseThrow();
    long copied = world.dice.between(latestSnapshot, log.lastIndex());
    long seconds = BEGIN_SECONDS + world.time.now() / Nanos.SECOND;
    world.trace("all servers are restored up to entry " + copied + " of " + log.lastIndex());
    log.forgetAfter(copied);
    world.referee.restored(copied, seconds);
    for (LockServer server : servers) {
      server.restartRestored(Instant.parse("2026-01-01T00:00:00Z").plusSeconds(seconds));
    }
  }

  /** It learns of its deposition only a little after it could. */
  private void endLeadershipAfter(long nanos, LockServer server) {
    long later = nanos + world.dice.between(Nanos.MILLI * 10, Nanos.MILLI * 100);
    world.time.after(
        later,
        () -> {
          if (server.isUp() && !(hasLeader() && leader() == server)) {
            server.stepDown();
          }
        });
  }

  private void electSoon() {
    world.time.after(
        electionTime(),
        () -> {
          if (!hasLeader() && !elect()) {
            electSoon();
          }
        });
  }

  private long electionTime() {
    return world.dice.between(Nanos.MILLI * 150, Nanos.MILLI * 1_000);
  }

  private boolean elect() {
    List<LockServer> voters = new ArrayList<>(servers);
    voters.removeIf(server -> !server.isConnected() || server.process.isPaused());
    if (voters.size() < MAJORITY) {
      return false;
    }
    Collections.rotate(voters, world.dice.below(voters.size()));
    LockServer elected = voters.get(0);
    log.elect(elected.number);
    elected.lead(log.term());
    for (LockServer server : servers) {
      if (server != elected && server.isConnected()) {
        long hears = world.time.now() + world.dice.between(Nanos.MILLI, Nanos.MILLI * 30);
        server.process.at(hears, server::hearOfLeader);
      }
    }
    world.evidence.count(Fact.LEADER_ELECTED);
    world.trace("server " + elected.number + " leads in term " + log.term());
    return true;
  }
}
