package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.simulation.ClientRequest.Ending;
import io.holdfast.simulation.ClientRequest.State;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.testkit.history.HistoryEvent.Why;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An application process: some tasks that ask for locks and write to what these guard, over one client. The process
 * stands still now and then, closes its client and opens another, or is killed and started again.
 */
final class SimulatedClient implements Endpoint, ClientCore.Listener {
  private static final int TASKS = 2;

  private final World world;
  private final int number;
  private final SimulatedProcess process;
  private final Link link = new Link();

  /** Those with a session, and those that are still closing one. */
  private final List<ClientCore> clients = new ArrayList<>();

  private @Nullable ClientCore client;
  private List<Task> tasks = List.of();
  private int opened;

  SimulatedClient(World world, int number) {
    this.world = world;
    this.number = number;
    this.process = world.process();
  }

  void start() {
    open();
    tasks = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      Task task = new Task();
      tasks.add(task);
      task.thinkThenAsk();
    }
  }

  @Override
  public SimulatedProcess process() {
    return process;
  }

  @Override
  public Link link() {
    return link;
  }

  @Override
  public void receive(int server, ToClient message) {
    countEvidence(message);
    for (ClientCore each : List.copyOf(clients)) {
      each.receive(server, message);
    }
  }

  @Override
  public void opened(ClientCore opened) {
    world.sessionOpened(opened.session(), opened.name());
  }

  @Override
  public void renewed(ClientCore renewed, long sentAtNanos) {
    world.recorder.sessionRenewed(process.trueTime(sentAtNanos), renewed.name());
  }

  @Override
  public void ended(ClientCore ended, LossReason reason) {
    if (reason == LossReason.EXPIRED) {
      world.evidence.count(Fact.LEASE_LAPSED);
      world.recorder.clientClosing(
          ended.name()); // on its own clock it is over: it says so, and frees what it had
    }
    if (ended == client) {
      openLater();
    }
  }

  @Override
  public void closed(ClientCore closed) {
    world.recorder.clientClosed(closed.name());
    clients.remove(closed);
  }

  void beginStorm() {
    world.againAndAgain(20, 60, this::standStill);
    world.againAndAgain(30, 100, this::stall);
    world.againAndAgain(60, 150, this::reopen);
    world.againAndAgain(60, 170, this::die);
  }

  /** Nothing is asked, held, or being given back. */
  boolean isIdle() {
    return client != null
        && client.isOpen()
        && client.isIdle()
        && tasks.stream().allMatch(task -> task.idle);
  }

  void close() {
    ClientCore closing = client;
    client = null;
    if (closing != null) {
      world.recorder.clientClosing(closing.name());
      closing.close();
    }
  }

  private void open() {
    clients.removeIf(ClientCore::isOver);
    opened++;
    String name = "client " + number + "." + opened;
    long nonce = number + 1000L * opened;
    client =
        new ClientCore(
            name,
            nonce,
            process,
            (server, message) -> world.cluster.send(server, this, message),
            this,
            world.leaseNanos,
            Cluster.SERVERS);
    clients.add(client);
  }

  private void openLater() {
    client = null;
    process.after(world.dice.between(Nanos.MILLI * 10, Nanos.MILLI * 500), this::open);
  }

  private void standStill() {
    world.evidence.count(Fact.CLIENT_PAUSED);
    process.pause(world.time.now() + world.dice.between(Nanos.MILLI * 100, Nanos.SECOND * 9));
  }

  /**
   * One way or the other, or first answers do not come back and then questions do not get there. About as long as a
   * lease: what happens when that ends is what is interesting.
   */
  private void stall() {
    world.evidence.count(Fact.LINK_STALLED);
    switch (world.dice.below(3)) {
      case 0 -> stallBack(0.05, 1.5);
      case 1 -> stall(0.65, 1.05);
      default -> {
        stallBack(0.2, 0.8);
        world.time.after(world.dice.between(1, world.leaseNanos / 2), () -> stall(1.0, 1.5));
      }
    }
  }

  private void stall(double leastLeases, double mostLeases) {
    link.stalledUntil = world.time.now() + leases(leastLeases, mostLeases);
  }

  private void stallBack(double leastLeases, double mostLeases) {
    link.stalledBackUntil = world.time.now() + leases(leastLeases, mostLeases);
  }

  private long leases(double least, double most) {
    return (long) (world.leaseNanos * world.dice.between(least, most));
  }

  private void reopen() {
    if (client != null && !process.isPaused()) {
      close();
      openLater();
    }
  }

  private void die() {
    world.evidence.count(Fact.CLIENT_KILLED);
    world.trace("client process " + number + " killed");
    for (ClientCore each : clients) {
      world.recorder.clientDied(each.name());
      world.beliefs.died(each);
    }
    clients.clear();
    client = null;
    process.kill();
    world.time.after(world.dice.between(Nanos.SECOND, Nanos.SECOND * 12), this::start);
  }

  /** Before the client sees it: what is about to happen to it. */
  private void countEvidence(ToClient message) {
    if (message instanceof ToClient.Told told && told.event() instanceof Event.Granted granted) {
      if (!isIn(granted.request(), State.ASKED, State.WAITING, State.HELD)) {
        world.evidence.count(Fact.GRANT_TOLD_TOO_LATE);
      }
    } else if (message instanceof ToClient.Alive alive) {
      for (Event.Granted granted : alive.granted()) {
        if (isIn(granted.request(), State.ASKED, State.WAITING)) {
          world.evidence.count(Fact.GRANT_TOLD_BY_HEARTBEAT);
        }
      }
      for (long ended : alive.ended()) {
        if (isIn(ended, State.HELD)) {
          world.evidence.count(Fact.LOSS_TOLD_BY_HEARTBEAT);
        }
      }
    }
  }

  private boolean isIn(long request, State... states) {
    return tasks.stream()
        .map(task -> task.request)
        .anyMatch(
            each -> each != null && each.id() == request && List.of(states).contains(each.state));
  }

  @Override
  public String toString() {
    return "client " + number;
  }

  /** Thinks, asks for locks, uses them, gives them back, and so on. */
  private final class Task implements ClientRequest.Listener {
    private boolean idle;
    private long id;
    private @Nullable ClientCore asked;
    private @Nullable ClientRequest request;
    private long holdNanos;

    void thinkThenAsk() {
      idle = true;
      asked = null;
      request = null;
      process.after(world.dice.between(Nanos.MILLI, Nanos.SECOND * 2), this::ask);
    }

    private void ask() {
      ClientCore open = client;
      if (world.isQuiet()) {
        return;
      }
      if (open == null || !open.isOpen()) {
        thinkThenAsk();
        return;
      }
      idle = false;
      Workload.Wish wish = Workload.wish(world.dice);
      holdNanos = wish.holdNanos();
      asked = open;
      id =
          world.recorder.asked(
              open.name(),
              wish.targets(),
              Duration.ofNanos(wish.maxWaitNanos()),
              wish.maxHoldNanos() == Command.FOREVER
                  ? Optional.empty()
                  : Optional.of(Duration.ofNanos(wish.maxHoldNanos())));
      request = open.acquire(wish.targets(), wish.maxWaitNanos(), wish.maxHoldNanos(), this);
      if (wish.maxWaitNanos() > 0 && world.dice.chance(0.05)) {
        long after = world.dice.between(1, wish.maxWaitNanos());
        process.after(after, cancellation(open, request));
      }
    }

    private Runnable cancellation(ClientCore client, ClientRequest cancelled) {
      long cancelledId = id;
      return () -> {
        if (cancelled.state == State.ASKED || cancelled.state == State.WAITING) {
          world.recorder.cancelling(cancelledId);
          client.cancel(cancelled);
        }
      };
    }

    @Override
    public void queued() {
      world.evidence.count(Fact.QUEUED);
      world.recorder.queued(id);
    }

    @Override
    public void granted() {
      ClientCore client = asked;
      ClientRequest hold = request;
      if (client == null || hold == null) {
        throw new Breach("P10", "granted what was not asked");
      }
      world.recorder.acquired(id, hold.token());
      world.beliefs.began(client, hold);
      if (hold.targets().size() > 1) {
        world.evidence.count(Fact.GRANTED_TOGETHER);
      }
      if (hold.targets().stream().allMatch(target -> target.mode() == LockMode.SHARED)) {
        world.evidence.count(Fact.GRANTED_SHARED);
      }
      long nanos = world.isStorm() ? holdNanos : Math.min(holdNanos, Nanos.SECOND * 3);
      for (int uses = world.dice.below(3); uses > 0; uses--) {
        process.after(world.dice.between(0, nanos), () -> use(client, hold));
      }
      process.after(nanos, () -> release(client, hold));
    }

    private void use(ClientCore client, ClientRequest hold) {
      if (request != hold || !world.recorder.used(id, () -> client.isHeld(hold))) {
        return;
      }
      List<LockTarget> exclusive =
          hold.targets().stream().filter(target -> target.mode() == LockMode.EXCLUSIVE).toList();
      if (!exclusive.isEmpty()) {
        LockKey key = Workload.guarded(world.dice.oneOf(exclusive).key(), world.dice);
        long writer = id;
        Runnable write =
            () ->
                world.network.send(
                    0,
                    world.resource.process,
                    () -> world.resource.write(writer, key.toString(), hold.token()));
        if (world.isStorm() && world.dice.chance(0.1)) {
          // Stopped between the check and the write: what tokens are for.
          process.after(world.dice.between(Nanos.SECOND, Nanos.SECOND * 12), write);
        } else {
          write.run();
        }
      }
    }

    private void release(ClientCore client, ClientRequest hold) {
      if (world.time.now() < link.stalledUntil && world.dice.chance(0.95)) {
        // Who holds while nobody hears of it is who should let go in time: let there be many of
        // them.
        process.after(Nanos.SECOND * 2, () -> release(client, hold));
      } else if (client.isHeld(hold)) {
        world.recorder.releasing(id);
        client.release(hold);
      }
    }

    @Override
    public void gaveUp(Ending ending) {
      Why why =
          switch (ending) {
            case BUSY -> Why.BUSY;
            case TIMED_OUT -> Why.TIMED_OUT;
            case CANCELLED -> Why.CANCELLED;
            case REFUSED -> Why.REFUSED;
            case CLOSED -> Why.CLIENT_CLOSED;
          };
      switch (ending) {
        case BUSY -> world.evidence.count(Fact.BUSY);
        case TIMED_OUT -> world.evidence.count(Fact.TIMED_OUT);
        case CANCELLED -> world.evidence.count(Fact.CANCELLED);
        case REFUSED, CLOSED -> {}
      }
      world.recorder.gaveUp(id, why);
      thinkThenAsk();
    }

    @Override
    public void lost(LossReason reason) {
      if (reason == LossReason.EXPIRED) {
        world.recorder.releasing(
            id); // over on the client's own clock, which is early: it gives back what it had
      }
      world.recorder.lost(id, reason);
      thinkThenAsk();
    }

    @Override
    public void released() {
      world.recorder.released(id);
      thinkThenAsk();
    }

    @Override
    public void unknown() {
      world.recorder.unknown(id);
      thinkThenAsk();
    }
  }
}
