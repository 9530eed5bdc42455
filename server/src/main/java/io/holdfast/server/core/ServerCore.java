package io.holdfast.server.core;

import io.holdfast.server.replication.ReplicatedMachine;
import io.holdfast.server.replication.Replicator;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.TableSize;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A lock server without its network and without its log: it follows the log, and talks to clients while it leads.
 *
 * <p>Thread-safe. One mutex guards all that is decided; it is held briefly, and nothing is said to anybody with it held.
 */
public final class ServerCore implements ReplicatedMachine {
  /*
   * Whoever comes in, the engine with an entry, a client with a message, an alarm, takes the mutex, decides, and leaves what is
   * to be said in outboxes: proposals and questions to the engine in one, messages in one for each connection. On the way out,
   * without the mutex, it empties them. So the engine and each client hear everything in the order in which it was decided.
   */

  /** A stream that does not begin with a hello by then is closed. */
  static final Duration HELLO_PATIENCE = Duration.ofSeconds(10);

  /** A stream without sessions on which nothing is said for so long is closed. */
  static final Duration IDLE_PATIENCE = Duration.ofMinutes(10);

  /**
   * A client that has said hello while it is not known who leads waits here for so long to be told, rather than ask from server
   * to server. Shorter than any client waits for its welcome.
   */
  static final Duration LEADER_PATIENCE = Duration.ofMillis(400);

  final String self;
  final Ticker ticker;
  final Replicator replicator;
  final Limits limits;
  final CoreEvents events;
  private final Supplier<String> clientAddress;
  private final Consumer<Throwable> onFailure;

  private final ReentrantLock mutex = new ReentrantLock();

  // Guarded by the mutex.
  private Namespaces namespaces = new Namespaces();

  /** Of the last entry applied here; 0 if none was since a snapshot was read. */
  private long lastIndex;

  private Optional<Change.Restored> restored = Optional.empty();
  private @Nullable Leadership leadership;
  private String leader = "";
  private final Set<Connection> connections = new LinkedHashSet<>();

  /** Those among them that wait for a leader. */
  private final Set<Connection> awaitingLeader = new LinkedHashSet<>();

  private final Outbox<Runnable> errands = new Outbox<>(() -> true, this::run);
  private List<Outbox<?>> touched = new ArrayList<>();
  private boolean closed;

  /**
   * How much a server holds.
   *
   * @param used of limits, by their names; where a limit is that of a namespace, by the one that has most
   */
  public record Figures(
      int namespaces,
      int sessions,
      int holds,
      int waiters,
      int connections,
      boolean leads,
      SortedMap<String, Integer> used) {}

  /**
   * A server that has applied nothing yet.
   *
   * @param self the server's name, as the replicator has it
   * @param clientAddress where it listens for clients, host:port; asked when it begins to lead
   * @param onFailure told when the engine has failed: the process should end
   */
  public ServerCore(
      String self,
      Supplier<String> clientAddress,
      Replicator replicator,
      Ticker ticker,
      Limits limits,
      CoreEvents events,
      Consumer<Throwable> onFailure) {
    this.self = self;
    this.clientAddress = clientAddress;
    this.replicator = replicator;
    this.ticker = ticker;
    this.limits = limits;
    this.events = events;
    this.onFailure = onFailure;
  }

  /**
   * The folders of the servers are old copies that were put back at this time. To be said before the log is followed,
   * and with the same time to all of them: whoever leads first sees to it, before it serves, that all sessions of the
   * past end, and that no token or session id which was given since the copies were made is given again. What is in the
   * log already is not done again.
   *
   * @throws IllegalArgumentException if that is before any server was
   */
  public void restored(Instant time) {
    Change.Restored change = Change.Restored.when(time);
    enter();
    try {
      restored = Optional.of(change);
    } finally {
      leave();
    }
  }

  /**
   * A client has opened a stream.
   *
   * @return where its messages go; empty if there are too many streams, or the server is closed, and the link was closed
   */
  public Optional<Connection> connect(ClientLink link) {
    enter();
    try {
      if (closed) {
        later(() -> link.close(Problem.unavailable("CLOSED", "the server is closed")));
        return Optional.empty();
      }
      if (connections.size() >= limits.connections()) {
        Problem problem =
            Problem.exhausted("CONNECTIONS", "streams", connections.size(), limits.connections());
        events.refused(problem.reason());
        later(() -> link.close(problem));
        return Optional.empty();
      }
      Connection connection = new Connection(this, link);
      connections.add(connection);
      connection.lookAfter();
      return Optional.of(connection);
    } finally {
      leave();
    }
  }

  /** Sends all clients away and takes no more. */
  public void close() {
    enter();
    try {
      closed = true;
      endLeadership("");
      sendAllAway("");
    } finally {
      leave();
    }
  }

  /** How much there is of everything now. */
  public Figures figures() {
    enter();
    try {
      int sessions = 0;
      int holds = 0;
      int waiters = 0;
      SortedMap<String, Integer> used = new TreeMap<>();
      used.put("namespaces", namespaces.size());
      used.put("connections", connections.size());
      for (String namespace : namespaces.names()) {
        TableSize size = Objects.requireNonNull(namespaces.table(namespace)).size();
        sessions += size.sessions();
        holds += size.holds();
        waiters += size.waiters();
        used.merge("sessions", size.sessions(), Math::max);
        used.merge("waiters", size.waiters(), Math::max);
        used.merge("keys", size.nodes(), Math::max);
        used.merge("created-locks", namespaces.created(namespace), Math::max);
      }
      boolean leads = leadership != null && leadership.isServing();
      return new Figures(
          namespaces.size(), sessions, holds, waiters, connections.size(), leads, used);
    } finally {
      leave();
    }
  }

  /**
   * The whole state at some moment.
   *
   * @param index of the last entry that has changed it; 0 if that is not known, for the state came from a snapshot
   */
  public record State(long index, SnapshotWriter frozen) {
    /** Equal on servers that have applied the same entries. Takes a while. */
    public long hash() {
      return Namespaces.hash(frozen);
    }
  }

  /** The state as it is now. Costs as much as a snapshot. */
  public State state() {
    enter();
    try {
      return new State(lastIndex, namespaces.freeze());
    } finally {
      leave();
    }
  }

  /** Of the whole state. */
  public long stateHash() {
    return state().hash();
  }

  /** Whether this server leads and serves. */
  public boolean isServing() {
    enter();
    try {
      return leadership != null && leadership.isServing();
    } finally {
      leave();
    }
  }

  /** Where a server listens for clients, host:port; empty if it has never led. */
  public String addressOf(String server) {
    enter();
    try {
      return server.equals(self) ? clientAddress.get() : namespaces.address(server);
    } finally {
      leave();
    }
  }

  /** Whether a lock was created, as far as this server has come. */
  public boolean isCreated(String namespace, String lock) {
    enter();
    try {
      return namespaces.created(namespace, lock).isPresent();
    } finally {
      leave();
    }
  }

  /** Counts what was refused by others: a call that does not come here, or an answer from here that is not taken. */
  public void refused(String reason) {
    events.refused(reason);
  }

  /** How long a hold of a lock lives that does not say; empty if that was not said when it was created, or it was not. */
  public OptionalLong createdTtlMillis(String namespace, String lock) {
    enter();
    try {
      OptionalLong ttl = namespaces.created(namespace, lock);
      return ttl.isPresent() && ttl.getAsLong() != Command.FOREVER
          ? OptionalLong.of(ttl.getAsLong() / 1_000_000)
          : OptionalLong.empty();
    } finally {
      leave();
    }
  }

  @Override
  public void apply(long index, ByteBuffer entry, @Nullable Object local) {
    Leadership.Batch batch = local instanceof Leadership.Batch ours ? ours : null;
    EntryCodec.Changes changes = batch == null ? EntryCodec.decode(entry) : batch.changes;
    enter();
    try {
      Leadership current = leadership;
      lastIndex = index;
      boolean ours = batch != null && current == batch.leadership;
      for (int i = 0; i < changes.changes().size(); i++) {
        Change change = changes.changes().get(i);
        Pending pending = batch != null && ours ? batch.pendings.get(i) : null;
        if (pending != null && pending.before != null) {
          pending.before.run();
        }
        Watches.Before before = current == null ? null : current.before(change);
        List<Event> happened = namespaces.apply(changes.now(), change);
        if (change instanceof Change.Lead) {
          leaderPerhapsFound(); // where it listens may be new to us
        }
        if (change instanceof Change.OfTable ofTable) {
          events.applied(ofTable.namespace(), ofTable.command(), happened);
        }
        if (current != null && before != null) {
          current.applied(change, happened, pending, before);
        }
      }
      if (current != null && batch != null && ours) {
        current.applied(batch);
      }
    } finally {
      leave();
    }
  }

  @Override
  public void leads(long term) {
    enter();
    try {
      if (!closed) {
        endLeadership("");
        leader = self;
        beginLeadership(term);
      }
    } finally {
      leave();
    }
  }

  @Override
  public void follows(Optional<String> newLeader) {
    enter();
    try {
      leader = newLeader.orElse("");
      endLeadership(leaderAddress());
      leaderPerhapsFound();
    } finally {
      leave();
    }
  }

  @Override
  public void dropped(Object local, boolean certainly) {
    enter();
    try {
      Leadership current = leadership;
      if (local instanceof Leadership.Batch batch && batch.leadership == current && !closed) {
        // What became of it is not known, and clients who asked must not wait for ever. When the
        // first entry of a new beginning is applied, nothing that was proposed before can come.
        long term = batch.leadership.term;
        endLeadership("");
        Leadership next = new Leadership(this, namespaces, term);
        leadership = next;
        ticker.schedule(
            ticker.nanosIn(Leadership.BEGIN_AGAIN_AFTER),
            () -> inside(next, () -> next.begin(restored, lead())));
      }
    } finally {
      leave();
    }
  }

  @Override
  public SnapshotWriter freeze() {
    enter();
    try {
      return namespaces.freeze();
    } finally {
      leave();
    }
  }

  @Override
  public void restore(InputStream snapshot) throws IOException {
    Namespaces restored = Namespaces.restore(snapshot);
    enter();
    try {
      endLeadership(leaderAddress());
      namespaces = restored;
      lastIndex = 0;
    } finally {
      leave();
    }
  }

  @Override
  public void failed(Throwable cause) {
    close();
    onFailure.accept(cause);
  }

  void enter() {
    mutex.lock();
  }

  void leave() {
    if (mutex.getHoldCount() > 1) {
      mutex.unlock();
      return;
    }
    List<Outbox<?>> filled = touched;
    if (!filled.isEmpty()) {
      touched = new ArrayList<>();
      for (Outbox<?> outbox : filled) {
        outbox.isTouched = false;
      }
    }
    mutex.unlock();
    for (Outbox<?> outbox : filled) {
      outbox.drain();
    }
  }

  /** Runs something of a leadership, if that is not over. */
  void inside(Leadership which, Runnable task) {
    enter();
    try {
      if (leadership == which && !which.isOver()) {
        task.run();
      }
    } finally {
      leave();
    }
  }

  /** To be done without the mutex, in this order. */
  void later(Runnable errand) {
    errands.add(errand);
    touch(errands);
  }

  /** An errand that throws is a promise broken: this server can no longer know what it has told the engine. */
  private void run(Runnable errand) {
    try {
      errand.run();
    } catch (RuntimeException | Error e) {
      failed(e);
    }
  }

  void touch(Outbox<?> outbox) {
    assert mutex.isHeldByCurrentThread();
    if (!outbox.isTouched) {
      outbox.isTouched = true;
      touched.add(outbox);
    }
  }

  @Nullable Leadership leadership() {
    assert mutex.isHeldByCurrentThread();
    return leadership;
  }

  /** Where the leader listens for clients, as far as that is known; empty if not. */
  String leaderAddress() {
    return leader.equals(self) ? "" : namespaces.address(leader);
  }

  void forget(Connection connection) {
    connections.remove(connection);
    awaitingLeader.remove(connection);
  }

  void awaitLeader(Connection connection) {
    awaitingLeader.add(connection);
  }

  /** Something has changed about who leads, or what is known of it. */
  void leaderPerhapsFound() {
    for (Connection connection : List.copyOf(awaitingLeader)) {
      if (connection.leaderFound()) {
        awaitingLeader.remove(connection);
      }
    }
  }

  private void beginLeadership(long term) {
    Leadership next = new Leadership(this, namespaces, term);
    leadership = next;
    next.begin(restored, lead());
  }

  private Change.Lead lead() {
    return new Change.Lead(self, clientAddress.get());
  }

  private void endLeadership(String next) {
    Leadership ended = leadership;
    if (ended != null) {
      leadership = null;
      ended.end();
      sendAllAway(next);
    }
  }

  private void sendAllAway(String next) {
    for (Connection connection : List.copyOf(connections)) {
      connection.sendAway(next);
    }
  }
}
