package io.holdfast.faults;

import java.time.Duration;

/** Cuts the leader off, from everybody or from the other servers alone, both ways or only what it would hear. */
final class CutLeader implements Nemesis {
  private final String name;
  private final Host.Cut cut;
  private final boolean fromPeersAlone;

  CutLeader(String name, Host.Cut cut, boolean fromPeersAlone) {
    this.name = name;
    this.cut = cut;
    this.fromPeersAlone = fromPeersAlone;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    LockServer leader = field.cluster().awaitLeader();
    long term = field.cluster().term();
    leader.host().cut(cut, fromPeersAlone ? field.cluster().hosts() : field.allHosts());
    try {
      // The one that is cut off may go on saying that it leads: the later term counts.
      evidence.saw(
          "leader changed",
          Wait.until(
              Cluster.ELECTION,
              () -> field.cluster().leader().filter(next -> next != leader).isPresent()));
      evidence.saw("term rose", field.cluster().term() > term);
      field.goOn(Duration.ofSeconds(1), Duration.ofSeconds(4));
      evidence.saw("packets dropped", leader.host().dropped());
    } finally {
      leader.host().heal();
    }
    field.cluster().awaitHealth();
  }
}
