package io.holdfast.faults;

import java.time.Duration;

/** Stops the leader's process for a while, as a long collection of garbage would, and lets it go on believing that it leads. */
final class PauseLeader implements Nemesis {
  @Override
  public String name() {
    return "leader-pause";
  }

  @Override
  public Scope scope() {
    return Scope.ONE_SERVER;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    LockServer leader = field.cluster().awaitLeader();
    leader.process().pause();
    try {
      evidence.saw(
          "process stopped", Wait.until(Duration.ofSeconds(1), leader.process()::isPaused));
      evidence.saw("leader changed", field.cluster().awaitLeader() != leader);
      field.goOn(Duration.ofSeconds(1), Duration.ofSeconds(4));
    } finally {
      leader.process().resume();
    }
    field.cluster().awaitHealth();
  }
}
