package io.holdfast.faults;

import java.time.Duration;

/** Kills a client while it holds something, and starts another in its place. */
final class KillClient implements Nemesis {
  private static final Duration TO_HOLD = Duration.ofSeconds(10);

  @Override
  public String name() {
    return "client-kill";
  }

  @Override
  public Scope scope() {
    return Scope.CLIENTS;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    Fleet clients = field.clients();
    FleetMember victim = clients.member(field.below(clients.size()));
    Wait.until(TO_HOLD, () -> clients.view().holdsOf(victim.name()) > 0);
    clients.kill(victim);
    evidence.saw("client killed", !victim.process().isAlive());
    // Its history was on disk before each step: what it held when it died stands in it.
    evidence.saw("died in mid-hold", clients.view().holdsOf(victim.name()) > 0);
    field.goOn(Duration.ofMillis(200), Duration.ofSeconds(2));
    clients.replace(victim);
    Wait.pass(field.lease().plusSeconds(1)); // until then what it held may be kept from others
  }
}
