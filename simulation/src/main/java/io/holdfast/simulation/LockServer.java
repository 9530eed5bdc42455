package io.holdfast.simulation;

import io.holdfast.server.core.ClientLink;
import io.holdfast.server.core.Connection;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.replication.ReplicatedMachine;
import io.holdfast.server.replication.ReplicationException;
import io.holdfast.server.replication.Replicator;
import io.holdfast.simulation.ReplicatedLog.Proposal;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One of the servers: the real {@link ServerCore}, another one in each of the process's lives, and around it what a
 * server has of the log. It follows, and leads when it is elected, and keeps a snapshot for its next start.
 */
final class LockServer implements Replicator {
  /** So few operations of one client at a time that streams are made to wait now and then. */
  private static final int OPERATIONS_OF_A_STREAM = 3;

  private static final Limits LIMITS =
      Limits.DEFAULTS.with(Map.of("operations-per-connection", OPERATIONS_OF_A_STREAM));

  final int number;
  final String name;
  final String address;
  final SimulatedProcess process;
  private final World world;
  private final ReplicatedLog log;

  /** What a crash does not take. */
  private byte @Nullable [] snapshot;

  private long snapshotIndex;

  /** Given at each start, as an operator may. */
  private Optional<Instant> restored = Optional.empty();

  // What a crash takes.
  private ServerCore core;
  private long applied;
  private boolean leads;
  private long term;
  private boolean isWritingSnapshot;
  private boolean answersHeartbeats;

  /** Proposed in this life and leadership, and nothing heard of it. */
  private final Set<Proposal> unanswered = new LinkedHashSet<>();

  private final Set<Stream> streams = new LinkedHashSet<>();

  /** What the entry that is being applied has done so far. */
  private List<Referee.Step> steps = new ArrayList<>();

  private int life;
  private boolean up = true;
  private boolean catchUpPlanned;

  /** Cut off from the others it learns of nothing that they commit. */
  private long seesUpTo = Long.MAX_VALUE;

  LockServer(int number, SimulatedProcess process, World world, ReplicatedLog log) {
    this.number = number;
    this.name = "server " + number;
    this.address = "server-" + number + ":7707";
    this.process = process;
    this.world = world;
    this.log = log;
    this.core = newCore();
  }

  boolean isUp() {
    return up;
  }

  boolean isConnected() {
    return up && seesUpTo == Long.MAX_VALUE;
  }

  /** A client begins to open a stream; whether it will be let in shows when it arrives. */
  void approached(Stream stream) {
    streams.add(stream);
  }

  void left(Stream stream) {
    streams.remove(stream);
  }

  /** A client's stream has arrived. */
  Optional<Connection> connect(ClientLink link) {
    return core.connect(link);
  }

  // ------------------------------------------------------------------------------------------------- the log, for the core

  @Override
  public void start(ReplicatedMachine machine) {
    try {
      if (snapshot != null) {
        machine.restore(new ByteArrayInputStream(snapshot));
      }
    } catch (IOException e) {
      throw new Breach("P13", name + " cannot restore its snapshot of " + snapshotIndex + ": " + e);
    }
    applied = snapshotIndex;
    catchUp();
  }

  @Override
  public void propose(long inTerm, byte[] entry, Object local) {
    if (!leads || inTerm != term) {
      process.at(world.time.now(), () -> core.dropped(local, true));
      return;
    }
    Proposal proposal = new Proposal(entry, local);
    unanswered.add(proposal);
    if (!log.isLedBy(number, inTerm)) {
      world.evidence.count(Fact.PROPOSAL_OF_DEPOSED_LEADER); // it will hear when it steps down
      return;
    }
    log.propose(proposal, () -> world.cluster.committed(this));
    if (world.isStorm() && world.dice.chance(0.002)) {
      proposal.isLost = world.dice.chance(0.5);
      process.at(world.time.now() + world.dice.between(1, Nanos.MILLI * 4), () -> drop(proposal));
    }
  }

  /** The engine says that it will not say what became of it. */
  private void drop(Proposal proposal) {
    if (unanswered.remove(proposal)) {
      world.evidence.count(Fact.PROPOSAL_DROPPED);
      core.dropped(proposal.local, proposal.isLost);
    }
  }

  @Override
  public void confirm(Consumer<Boolean> answer) {
    long askedIn = term;
    int askedInLife = life;
    long there = log.roundTrip() / 2;
    long back = log.roundTrip() / 2;
    world.time.after(
        there,
        () -> {
          if (life != askedInLife) {
            return;
          }
          boolean isLeader = isConnected() && leads && log.isLedBy(number, askedIn);
          long heard = world.time.now() + (isLeader ? back : Nanos.SECOND);
          process.at(
              heard,
              () -> {
                if (isLeader) {
                  catchUp();
                } else {
                  world.evidence.count(Fact.HEARTBEAT_UNANSWERED_BY_DEPOSED_LEADER);
                }
                answersHeartbeats = false;
                answer.accept(isLeader);
                if (answersHeartbeats && !isLeader) {
                  throw new Breach("P3", name + " answers heartbeats, and no majority knows it");
                }
              });
        });
  }

  /** Said to whichever client. */
  void heartbeatAnswered() {
    answersHeartbeats = true;
  }

  @Override
  public ReplicaStatus status() {
    return new ReplicaStatus(
        name, List.of(name), Optional.empty(), term, applied, applied, snapshotIndex);
  }

  @Override
  public CompletableFuture<@Nullable Void> addMember(String server) {
    return CompletableFuture.failedFuture(new ReplicationException("servers are three here"));
  }

  @Override
  public CompletableFuture<@Nullable Void> removeMember(String server) {
    return CompletableFuture.failedFuture(new ReplicationException("servers are three here"));
  }

  @Override
  public CompletableFuture<@Nullable Void> transferLeadership(Optional<String> server) {
    return CompletableFuture.failedFuture(new ReplicationException("leaders fall here"));
  }

  @Override
  public CompletableFuture<Long> snapshot() {
    return CompletableFuture.failedFuture(new ReplicationException("snapshots come by themselves"));
  }

  @Override
  public void close() {}

  // ------------------------------------------------------------------------------------------------- what happens to it

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
      Proposal proposal = log.proposal(++applied);
      Object local = unanswered.remove(proposal) ? proposal.local : null;
      steps = new ArrayList<>();
      try {
        core.apply(applied, ByteBuffer.wrap(proposal.entry).asReadOnlyBuffer(), local);
      } catch (Breach e) {
        throw e;
      } catch (RuntimeException e) {
        throw new Breach("table", name + ", entry " + applied + " after " + steps + ": " + e);
      }
      world.referee.applied(this, applied, steps);
      if (applied - snapshotIndex >= world.snapshotEvery && !isWritingSnapshot) {
        snapshotSoon();
      }
    }
  }

  /** What is frozen now is written later, while other entries are applied. */
  private void snapshotSoon() {
    isWritingSnapshot = true;
    long index = applied;
    ReplicatedMachine.SnapshotWriter frozen = core.freeze();
    process.at(
        world.time.now() + world.dice.between(1, Nanos.MILLI * 200),
        () -> {
          isWritingSnapshot = false;
          snapshot = bytes(frozen);
          snapshotIndex = index;
        });
  }

  /** All that the server has, as its snapshot tells. */
  byte[] frozen() {
    return bytes(core.freeze());
  }

  /** What a server that has read this snapshot would write. */
  byte[] readAndWritten(byte[] bytes) {
    ServerCore reader = newCore();
    try {
      reader.restore(new ByteArrayInputStream(bytes));
    } catch (IOException e) {
      throw new Breach("P13", name + " cannot restore its snapshot: " + e);
    }
    return bytes(reader.freeze());
  }

  void lead(long newTerm) {
    catchUp();
    dropAll();
    leads = true;
    term = newTerm;
    core.leads(newTerm);
  }

  /** It has found out that it leads no longer. */
  void stepDown() {
    leads = false;
    if (world.dice.chance(0.5)) {
      dropAll();
      core.follows(world.cluster.leaderName());
    } else {
      core.follows(world.cluster.leaderName());
      dropAll();
    }
    catchUp();
  }

  /** It has heard who was elected. */
  void hearOfLeader() {
    if (up && !leads) {
      core.follows(world.cluster.leaderName());
    }
  }

  private void dropAll() {
    List<Proposal> dropped = List.copyOf(unanswered);
    unanswered.clear();
    dropped.forEach(proposal -> core.dropped(proposal.local, false));
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
    life++;
    process.kill();
    leads = false;
    unanswered.clear();
    isWritingSnapshot = false;
    catchUpPlanned = false;
    seesUpTo = Long.MAX_VALUE;
    List.copyOf(streams).forEach(Stream::serverDied);
    streams.clear();
  }

  void restart() {
    up = true;
    core = newCore();
    restored.ifPresent(core::restored);
    start(core);
    world.evidence.count(Fact.SERVER_RESTARTED);
  }

  /** Its folder was put back at this time. */
  void restartRestored(Instant time) {
    restored = Optional.of(time);
    restart();
  }

  /** The last entry in its snapshot. */
  long snapshotIndex() {
    return snapshotIndex;
  }

  private ServerCore newCore() {
    return new ServerCore(
        name, () -> address, this, process, LIMITS, new Steps(), LockServer::failed);
  }

  private static void failed(Throwable cause) {
    throw new IllegalStateException("nothing fails for good here", cause);
  }

  private static byte[] bytes(ReplicatedMachine.SnapshotWriter frozen) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      frozen.write(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
    return out.toByteArray();
  }

  @Override
  public String toString() {
    return name;
  }

  private final class Steps implements CoreEvents {
    @Override
    public void applied(String namespace, Command command, List<Event> happened) {
      steps.add(new Referee.Step(command, happened));
    }
  }
}
