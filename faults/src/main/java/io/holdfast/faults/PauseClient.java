package io.holdfast.faults;

import java.time.Duration;

/** Stops a client's process, for less than half a lease or for more than a whole one. */
final class PauseClient implements Nemesis {
  @Override
  public String name() {
    return "client-pause";
  }

  @Override
  public Scope scope() {
    return Scope.CLIENTS;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    FleetMember victim = field.clients().member(field.below(field.clients().size()));
    boolean toTheEnd = field.below(2) == 0;
    if (toTheEnd) {
      victim.mayLose(); // the shorter pause must cost it nothing
    }
    victim.process().pause();
    try {
      evidence.saw(
          "process stopped", Wait.until(Duration.ofSeconds(1), victim.process()::isPaused));
      Duration pause =
          toTheEnd ? field.lease().multipliedBy(3).dividedBy(2) : field.lease().dividedBy(2);
      Wait.pass(pause);
    } finally {
      victim.process().resume();
    }
    evidence.saw(
        "process went on", Wait.until(Duration.ofSeconds(1), () -> !victim.process().isPaused()));
  }
}
