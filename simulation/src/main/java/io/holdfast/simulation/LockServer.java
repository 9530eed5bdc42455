package io.holdfast.simulation;

import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One of the servers: a replica of the lock table that follows the log and keeps a snapshot for its next start. While
 * it believes that it leads, its {@link Leadership} talks to the clients.
 */
final class LockServer {
  final int number;
  final SimulatedProcess process;
  private final World world;
  private final ReplicatedLog log;

  /** What a crash does not take. */
  private byte[] snapshot;

  private long snapshotIndex;

  // What a crash takes.
  private LockTable table = new LockTable(0);
  private long applied;
  private @Nullable Leadership leadership;

  private boolean up = true;
  private boolean catchUpPlanned;

  /** Cut off from the others it learns of nothing that they commit. */
  private long seesUpTo = Long.MAX_VALUE;

  LockServer(int number, SimulatedProcess process, World world, ReplicatedLog log) {
    this.number = number;
    this.process = process;
    this.world = world;
    this.log = log;
    this.snapshot = table.snapshot();
  }

  LockTable table() {
    return table;
  }

  boolean isUp() {
    return up;
  }

  boolean isConnected() {
    return up && seesUpTo == Long.MAX_VALUE;
  }

  /** A message has arrived. */
  void receive(Endpoint from, ToServer message) {
    if (!up) {
      return;
    }
    if (leadership == null) {
      send(from, new ToClient.NotLeader(log.leader()));
    } else {
      leadership.receive(from, message);
    }
  }

  void send(Endpoint to, ToClient message) {
    world.network.send(to.link().stalledBackUntil, to.process(), () -> to.receive(number, message));
  }

  /** There is something new in the log; a follower hears of it a little later. */
  void followSoon() {
    if (up && !catchUpPlanned) {
      catchUpPlanned = true;
      long delay = world.dice.between(Nanos.MILLI, Nanos.MILLI * 30);
      process.at(world.time.now() + delay, this::catchUp);
    }
  }

  /** Applies what is in the log. */
  void catchUp() {
    catchUpPlanned = false;
    while (applied < Math.min(log.lastIndex(), seesUpTo)) {
      Command command = log.entry(++applied);
      List<Event> events = world.referee.apply(number, table, applied, command);
      if (leadership != null) {
        leadership.applied(applied, command, events);
      }
      if (applied - snapshotIndex >= world.snapshotEvery) {
        snapshot = table.snapshot();
        snapshotIndex = applied;
      }
    }
  }

  void lead(long term) {
    catchUp();
    leadership = new Leadership(this, term, world, log);
  }

  void stepDown() {
    leadership = null;
    catchUp();
  }

  /** Cut off from the other servers, not from clients. */
  void isolate() {
    seesUpTo = log.lastIndex();
  }

  void reconnect() {
    seesUpTo = Long.MAX_VALUE;
  }

  void crash() {
    up = false;
    process.kill();
    leadership = null;
    catchUpPlanned = false;
    seesUpTo = Long.MAX_VALUE;
  }

  void restart() {
    up = true;
    table = world.referee.restore(number, snapshot, snapshotIndex);
    applied = snapshotIndex;
    catchUp();
    world.evidence.count(Fact.SERVER_RESTARTED);
  }
}
