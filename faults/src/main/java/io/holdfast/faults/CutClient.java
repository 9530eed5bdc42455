package io.holdfast.faults;

/** Cuts a client off from all servers for longer than its lease: it must find out by itself that it holds nothing any more. */
final class CutClient implements Nemesis {
  @Override
  public String name() {
    return "client-partition";
  }

  @Override
  public Scope scope() {
    return Scope.CLIENTS;
  }

  @Override
  public void strike(Field field, Evidence evidence) throws InterruptedException {
    FleetMember victim = field.clients().member(field.below(field.clients().size()));
    victim.mayLose();
    long lossesBefore = field.clients().view().lossesOf(victim.name());
    Host host = victim.host();
    host.cut(Host.Cut.BOTH_WAYS, field.cluster().hosts());
    try {
      Wait.pass(field.lease().multipliedBy(13).dividedBy(10));
      evidence.saw("packets dropped", host.dropped());
    } finally {
      host.heal();
    }
    evidence.saw(
        "grants resumed",
        Wait.until(field.lease().plusSeconds(10), new GrantsResumed(field, victim)::isTrue));
    // Not required: it may have held nothing just then.
    long losses = field.clients().view().lossesOf(victim.name()) - lossesBefore;
    if (losses > 0) {
      evidence.saw("holds lost", losses);
    }
  }

  /** It is granted something again. */
  private static final class GrantsResumed {
    private final Field field;
    private final FleetMember client;
    private final long before;

    GrantsResumed(Field field, FleetMember client) {
      this.field = field;
      this.client = client;
      this.before = field.clients().view().grantsOf(client.name());
    }

    boolean isTrue() {
      return field.clients().view().grantsOf(client.name()) > before;
    }
  }
}
