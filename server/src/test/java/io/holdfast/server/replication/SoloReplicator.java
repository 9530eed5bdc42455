package io.holdfast.server.replication;

import io.holdfast.server.LockServer;
import io.holdfast.server.ServerSettings;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A log in memory that one server keeps alone, and that does what a test says: leads or not, commits at once or when it is let,
 * loses what is on its way, starts again from a snapshot.
 *
 * <p>Everything the machine is told it is told by one thread at a time: whichever comes first works for the others.
 */
public final class SoloReplicator implements Replicator {
  /** An entry on its way. */
  private record Proposal(ByteBuffer entry, Object local) {}

  private final String self;
  private final Deque<Runnable> held = new ArrayDeque<>();
  private final Deque<Proposal> inFlight = new ArrayDeque<>();
  private final List<ByteBuffer> log = new ArrayList<>();
  private final ConcurrentLinkedQueue<Runnable> work = new ConcurrentLinkedQueue<>();
  private final AtomicInteger calls = new AtomicInteger();

  private @Nullable ReplicatedMachine machine;
  private byte @Nullable [] snapshot;
  private int snapshotIndex;
  private int proposals;
  private final AtomicLong term = new AtomicLong();
  private volatile boolean leads;
  private volatile boolean holds;
  private volatile boolean leadsFromStart;

  public SoloReplicator(String self) {
    this.self = self;
  }

  /** It leads as soon as it has started. */
  public SoloReplicator leadingFromStart() {
    leadsFromStart = true;
    return this;
  }

  /** A server that keeps this log, for clients at a port of this machine that nobody else has. */
  public LockServer.Builder server() {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return LockServer.builder(ServerSettings.of(self, anyPort), this);
  }

  @Override
  public void start(ReplicatedMachine follower) {
    inTurn(
        () -> {
          machine = follower;
          if (leadsFromStart) {
            leads = true;
            follower.leads(term.incrementAndGet());
          }
        });
  }

  public void lead() {
    inTurn(
        () -> {
          leads = true;
          machine().leads(term.incrementAndGet());
        });
  }

  /** Is deposed. What is in flight is lost, but for so many entries. */
  public void follow(Optional<String> leader, int survivors) {
    inTurn(
        () -> {
          leads = false;
          machine().follows(leader);
          for (int i = 0; !inFlight.isEmpty(); i++) {
            Proposal proposal = inFlight.remove();
            if (i < survivors) {
              commit(proposal.entry, null);
            } else {
              machine().dropped(proposal.local, false);
            }
          }
          held.clear();
        });
  }

  /** Is deposed, and its machine is not told. */
  public void depose() {
    leads = false;
  }

  /** What is asked from now on is answered when it is let. */
  public void hold() {
    holds = true;
  }

  /** Commits and answers all that waits. */
  public void let() {
    holds = false;
    inTurn(
        () -> {
          while (!held.isEmpty()) {
            held.remove().run();
          }
        });
  }

  /** Commits the first of what waits. */
  public void letOne() {
    inTurn(() -> held.remove().run());
  }

  /** What is in flight is lost, and it goes on leading. */
  public void drop(boolean certainly) {
    inTurn(
        () -> {
          held.clear();
          while (!inFlight.isEmpty()) {
            machine().dropped(inFlight.remove().local, certainly);
          }
        });
  }

  /** Another machine takes the place of this one, with what the disk has. It follows, until it is told to lead. */
  public void restart(ReplicatedMachine next) {
    leads = false;
    held.clear();
    inFlight.clear();
    machine = next;
    replay(next);
  }

  /** What the disk has now, for a server that is told to {@link #restart}. */
  public SoloReplicator copy() {
    SoloReplicator copy = new SoloReplicator(self);
    copy.log.addAll(log);
    copy.snapshot = snapshot;
    copy.snapshotIndex = snapshotIndex;
    return copy;
  }

  /** Feeds all of the log to a machine. */
  public void replay(ReplicatedMachine other) {
    try {
      if (snapshot != null) {
        other.restore(new ByteArrayInputStream(snapshot));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    for (int index = snapshotIndex + 1; index <= log.size(); index++) {
      other.apply(index, log.get(index - 1).duplicate(), null);
    }
  }

  public List<ByteBuffer> log() {
    return log;
  }

  /** How many entries were ever proposed. */
  public int proposals() {
    return proposals;
  }

  public int waiting() {
    return held.size();
  }

  @Override
  public void propose(long inTerm, byte[] entry, Object local) {
    inTurn(
        () -> {
          if (!leads || inTerm != term.get()) {
            machine().dropped(local, true);
            return;
          }
          proposals++;
          Proposal proposal = new Proposal(ByteBuffer.wrap(entry), local);
          inFlight.add(proposal);
          whenLet(
              () -> {
                inFlight.remove(proposal);
                commit(proposal.entry, proposal.local);
              });
        });
  }

  @Override
  public void confirm(Consumer<Boolean> answer) {
    long asked = term.get();
    inTurn(() -> whenLet(() -> answer.accept(leads && asked == term.get())));
  }

  @Override
  public ReplicaStatus status() {
    return new ReplicaStatus(
        self,
        List.of(self),
        leads ? Optional.of(self) : Optional.empty(),
        term.get(),
        log.size(),
        log.size(),
        snapshotIndex);
  }

  @Override
  public CompletableFuture<@Nullable Void> addMember(String server) {
    return CompletableFuture.failedFuture(new ReplicationException("it is alone"));
  }

  @Override
  public CompletableFuture<@Nullable Void> removeMember(String server) {
    return CompletableFuture.failedFuture(new ReplicationException("it is alone"));
  }

  @Override
  public CompletableFuture<@Nullable Void> transferLeadership(Optional<String> server) {
    return CompletableFuture.failedFuture(new ReplicationException("it is alone"));
  }

  @Override
  public CompletableFuture<Long> snapshot() {
    CompletableFuture<Long> done = new CompletableFuture<>();
    inTurn(
        () -> {
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          try {
            machine().freeze().write(out);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          snapshot = out.toByteArray();
          snapshotIndex = log.size();
          done.complete((long) snapshotIndex);
        });
    return done;
  }

  @Override
  public void close() {
    inTurn(
        () -> {
          if (leads) {
            leads = false;
            machine().follows(Optional.empty());
          }
        });
  }

  private ReplicatedMachine machine() {
    if (machine == null) {
      throw new IllegalStateException("not started");
    }
    return machine;
  }

  private void commit(ByteBuffer entry, @Nullable Object local) {
    log.add(entry);
    machine().apply(log.size(), entry.duplicate(), local);
  }

  private void whenLet(Runnable task) {
    if (holds) {
      held.add(task);
    } else {
      task.run();
    }
  }

  private void inTurn(Runnable task) {
    work.add(task);
    if (calls.getAndIncrement() == 0) {
      do {
        work.remove().run();
      } while (calls.decrementAndGet() != 0);
    }
  }
}
