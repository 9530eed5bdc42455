package io.holdfast.faults;

import java.time.Duration;
import java.util.List;

/** Kills servers, as kill -9 does, and starts them again. */
final class KillServers implements Nemesis {
  /** Whom. */
  enum Which {
    LEADER,
    FOLLOWER,
    ALL
  }

  private final String name;
  private final Which which;

  KillServers(String name, Which which) {
    this.name = name;
    this.which = which;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Scope scope() {
    return which == Which.ALL ? Scope.SERVICE : Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    Cluster cluster = field.cluster();
    LockServer leader = cluster.awaitLeader();
    long term = cluster.term();
    List<LockServer> victims =
        switch (which) {
          case LEADER -> List.of(leader);
          case FOLLOWER -> List.of(cluster.follower(leader, field.below(2)));
          case ALL -> cluster.servers();
        };
    evidence.requires("server killed");
    for (LockServer victim : victims) {
      victim.process().kill();
      evidence.saw("server killed", victim.process().exit() == 128 + 9);
    }
    if (which == Which.LEADER) {
      LockServer next = cluster.awaitLeader();
      evidence.saw("leader changed", next != leader);
    }
    if (which == Which.ALL) {
      field.goOn(Duration.ofMillis(100), Duration.ofSeconds(1));
    } else {
      field.goOn(Duration.ofSeconds(1), Duration.ofSeconds(4));
    }
    victims.forEach(cluster::start);
    cluster.awaitHealth();
    if (which == Which.ALL) {
      evidence.saw("leader elected", cluster.term() > term);
    }
  }
}
