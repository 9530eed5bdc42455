package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.StateMachine;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.entity.LeaderChangeContext;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.error.RaftException;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotReader;
import com.alipay.sofa.jraft.storage.snapshot.SnapshotWriter;
import io.holdfast.server.replication.ReplicatedMachine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Feeds the machine with the log. The engine calls on one thread of its own, but for {@link #onError}.
 *
 * <p>Nothing that the machine throws reaches the engine, which would stall: the engine is told instead that it is broken.
 */
final class LogFeed implements StateMachine {
  /*
   * Why leads() comes when it should: the engine calls onLeaderStart when the first entry of the term, which it adds itself,
   * is applied; or again, after a hand-over that came to nothing. It forgets that entry when the leadership ends before, and
   * onLeaderStop stands behind it in the same queue when it ends after.
   */
  private static final Logger LOG = LoggerFactory.getLogger(LogFeed.class);

  /**
   * What an entry costs beside its bytes. In the log it is a quarter of that; but to read it back and carry it out takes as long
   * as to read so many bytes, and a server that starts does that with all entries since its snapshot.
   */
  private static final int BYTES_BESIDE_AN_ENTRY = 256;

  private final ReplicatedMachine machine;
  private final Listener listener;
  private final Executor snapshotThread;
  private final long snapshotAfterBytes;
  private final AtomicBoolean failed = new AtomicBoolean();

  /** Only on the engine's thread. */
  private long bytesUntilSnapshot;

  /** What is read before is this server's own. */
  private volatile boolean hasStarted;

  private volatile long appliedIndex;
  private volatile long snapshotIndex;
  private volatile long term;

  LogFeed(
      ReplicatedMachine machine,
      Listener listener,
      Executor snapshotThread,
      long snapshotAfterBytes) {
    this.machine = machine;
    this.listener = listener;
    this.snapshotThread = snapshotThread;
    this.snapshotAfterBytes = snapshotAfterBytes;
    this.bytesUntilSnapshot = snapshotAfterBytes;
  }

  /** Whoever wants to know, besides the machine. On the engine's threads: quick, and without waiting. */
  interface Listener {
    void leads(long term);

    void follows(long term, Optional<String> leader);

    /** The log says who the members are; after the entry that was applied last. */
    void membersAre(Set<String> members, long applied);

    /** Another server's snapshot has taken the place of what was here. */
    void snapshotTaken(long index);

    void snapshotDue();

    /** Once. */
    void failed(Throwable cause);
  }

  /** The engine has read what this server had. */
  void started() {
    hasStarted = true;
  }

  long appliedIndex() {
    return appliedIndex;
  }

  long snapshotIndex() {
    return snapshotIndex;
  }

  long term() {
    return term;
  }

  @Override
  public void onApply(Iterator entries) {
    while (entries.hasNext()) {
      // The engine's own buffer: from where it stands, the entry may be written to the disk or sent
      // to others just now.
      ByteBuffer entry = entries.getData().duplicate();
      long bytes = entry.remaining() + (long) BYTES_BESIDE_AN_ENTRY;
      long index = entries.getIndex();
      if (failed.get()) {
        entries.setErrorAndRollback(1, new Status(RaftError.ESTATEMACHINE, "failed before"));
        return;
      }
      try {
        machine.apply(
            index, entry, entries.done() instanceof Proposal mine ? mine.applied() : null);
      } catch (Throwable e) {
        fail(e);
        entries.setErrorAndRollback(1, new Status(RaftError.ESTATEMACHINE, "apply failed"));
        return;
      }
      appliedIndex = index;
      bytesUntilSnapshot -= bytes;
      entries.next();
    }
    if (bytesUntilSnapshot <= 0) {
      // Asked for again after as many bytes more, should it not succeed.
      bytesUntilSnapshot = snapshotAfterBytes;
      listener.snapshotDue();
    }
  }

  @Override
  public void onLeaderStart(long startedTerm) {
    term = startedTerm;
    guarded(
        () -> {
          // First, since the machine may propose at once.
          listener.leads(startedTerm);
          machine.leads(startedTerm);
        });
  }

  @Override
  public void onLeaderStop(Status why) {
    follow(Optional.empty());
  }

  @Override
  public void onStartFollowing(LeaderChangeContext context) {
    term = context.getTerm();
    follow(Optional.of(context.getLeaderId().getEndpoint().toString()));
  }

  @Override
  public void onStopFollowing(LeaderChangeContext context) {
    follow(Optional.empty());
  }

  private void follow(Optional<String> leader) {
    guarded(
        () -> {
          listener.follows(term, leader);
          machine.follows(leader);
        });
  }

  @Override
  public void onConfigurationCommitted(Configuration members) {
    Set<String> names = new HashSet<>();
    members.getPeers().forEach(it -> names.add(it.getEndpoint().toString()));
    listener.membersAre(names, appliedIndex);
  }

  @Override
  public void onSnapshotSave(SnapshotWriter writer, Closure done) {
    long index = appliedIndex;
    ReplicatedMachine.SnapshotWriter state;
    if (failed.get()) {
      done.run(new Status(RaftError.ESTATEMACHINE, "failed before"));
      return;
    }
    try {
      state = machine.freeze();
    } catch (Throwable e) {
      done.run(new Status(RaftError.ESTATEMACHINE, "freeze failed"));
      fail(e);
      return;
    }
    bytesUntilSnapshot = snapshotAfterBytes;
    try {
      snapshotThread.execute(() -> save(writer, state, index, done));
    } catch (RejectedExecutionException e) {
      done.run(new Status(RaftError.ESHUTDOWN, "closed"));
    }
  }

  private void save(
      SnapshotWriter writer, ReplicatedMachine.SnapshotWriter state, long index, Closure done) {
    try {
      SnapshotFile.write(Path.of(writer.getPath(), SnapshotFile.NAME), state);
      if (!writer.addFile(SnapshotFile.NAME)) {
        throw new IOException("the engine did not take the file");
      }
    } catch (IOException | RuntimeException | Error e) {
      LOG.error("A snapshot could not be written; the log is kept until one can", e);
      done.run(new Status(RaftError.EIO, "%s", String.valueOf(e)));
      return;
    }
    done.run(Status.OK());
    snapshotIndex = index;
  }

  @Override
  public boolean onSnapshotLoad(SnapshotReader reader) {
    if (failed.get()) {
      return false;
    }
    try {
      SnapshotFile.read(Path.of(reader.getPath(), SnapshotFile.NAME), machine);
    } catch (Throwable e) {
      fail(e);
      return false;
    }
    long index = reader.load().getLastIncludedIndex();
    if (hasStarted) {
      listener.snapshotTaken(index);
    }
    appliedIndex = index;
    snapshotIndex = index;
    bytesUntilSnapshot = snapshotAfterBytes;
    return true;
  }

  @Override
  public void onError(RaftException cause) {
    fail(cause);
  }

  @Override
  public void onShutdown() {}

  private void guarded(Runnable call) {
    if (failed.get()) {
      return;
    }
    try {
      call.run();
    } catch (Throwable e) {
      fail(e);
    }
  }

  /** On any thread. */
  void fail(Throwable cause) {
    if (failed.compareAndSet(false, true)) {
      LOG.error("This server stops: it can no longer follow the log", cause);
      machine.failed(cause);
      listener.failed(cause);
    }
  }
}
