package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.Closure;
import com.alipay.sofa.jraft.NodeManager;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.closure.ReadIndexClosure;
import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.core.NodeImpl;
import com.alipay.sofa.jraft.entity.EnumOutter;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.error.RaftError;
import com.alipay.sofa.jraft.error.RaftException;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.option.ReadOnlyOption;
import com.alipay.sofa.jraft.storage.impl.RocksDBLogStorage;
import com.alipay.sofa.jraft.util.Endpoint;
import com.alipay.sofa.jraft.util.StorageOptionsFactory;
import com.alipay.sofa.jraft.util.concurrent.DefaultFixedThreadsExecutorGroupFactory;
import com.alipay.sofa.jraft.util.concurrent.FixedThreadsExecutorGroup;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.replication.ReplicatedMachine;
import io.holdfast.server.replication.ReplicationException;
import io.holdfast.server.replication.Replicator;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link Replicator} by SOFAJRaft, with RocksDB for the log and our own transport between servers.
 *
 * <p>Every entry is on the disk of a majority, with fsync, before it is applied. A replicator is started once, and not again
 * after it was closed.
 */
public final class JRaftReplicator implements Replicator {
  /*
   * Threads. The engine applies, and tells who leads, on one thread; that is where the machine is called. What may wait for
   * the engine's lock (membership, hand-over, the start of a snapshot) is done on our control thread, and so are the answers
   * to those who asked for it. Snapshots are written on a thread of their own.
   */
  private static final Logger LOG = LoggerFactory.getLogger(JRaftReplicator.class);

  /**
   * The engine's messages were generated before protobuf parsed nested messages in bounded time, and each of their
   * classes would say so once. Only servers that proved to be members send any. What would be said is put together for
   * each message that is read, each entry of the log among them, unless protobuf is told by this property, which it
   * looks for each time, that it need not.
   */
  private static final String OLD_MESSAGES = "com.google.protobuf.use_unsafe_pre22_gencode";

  static {
    if (System.getProperty(OLD_MESSAGES) == null) {
      System.setProperty(OLD_MESSAGES, "true");
    }
  }

  /** The largest entry. */
  public static final int MOST_ENTRY_BYTES = 8 << 20;

  /** The engine's name for the one group that there is. The cluster is told apart at the gate, not by this. */
  static final String GROUP = "holdfast";

  private static final byte[] NO_CONTEXT = {};
  private static final Duration LOOK_AT_CERTIFICATES_EVERY = Duration.ofMinutes(1);
  private static final Duration CONNECT_EVERY = Duration.ofSeconds(1);
  private static final Duration CONNECT_LOOK_EVERY = Duration.ofMillis(50);

  /** Two seconds. */
  private static final int CONNECT_LOOKS = 40;

  private static final int MOST_CONTROL_TASKS = 256;
  private static final int CONFIRM_TIMEOUTS = 2;
  private static final int HAND_OVER_TIMEOUTS = 3;
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

  private static final int APPLY_BATCH = 256;
  private static final int RING_SIZE = 16_384;
  private static final int TIMER_THREADS = 2;
  private static final int SENDER_THREADS = 4;
  private static final int MOST_SENDER_TASKS = 32_768;
  private static final int RPC_THREADS = 24;

  private static final int ROCKS_LOG_FILES = 4;
  private static final long ROCKS_WAL_BYTES = 128L << 20;
  private static final long ROCKS_WRITE_BUFFER_BYTES = 16L << 20;

  private final JRaftSettings settings;
  private final PeerAddress self;
  private final AtomicBoolean started = new AtomicBoolean();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final AtomicBoolean changingMembers = new AtomicBoolean();
  private final AtomicReference<@Nullable CompletableFuture<@Nullable Void>> handOver =
      new AtomicReference<>();

  private volatile @Nullable Running running;
  private volatile List<String> members;
  private volatile Optional<String> leader = Optional.empty();
  private volatile boolean leads;

  /** Does nothing yet. */
  public JRaftReplicator(JRaftSettings settings) {
    this.settings = settings;
    this.self = PeerAddress.parse(settings.self());
    this.members = settings.initialMembers().stream().sorted().toList();
  }

  /** When the certificate that other servers see ends; empty without one, or while this one does not run. */
  public Optional<Instant> certificateExpiresAt() {
    Running all = running;
    return all == null ? Optional.empty() : all.certificates().map(PeerCertificates::expiresAt);
  }

  /** All that there is between start and close. */
  record Running(
      DataFolder folder,
      Optional<PeerCertificates> certificates,
      PeerServer server,
      FixedThreadsExecutorGroup senders,
      ScheduledThreadPoolExecutor control,
      ThreadPoolExecutor snapshots,
      Proposals proposals,
      LogFeed feed,
      NodeImpl node) {}

  @Override
  public void start(ReplicatedMachine machine) {
    if (!started.compareAndSet(false, true)) {
      throw new IllegalStateException("a replicator is started once");
    }
    if (settings.tls().isEmpty() && !settings.plaintextAnywhere()) {
      refuseOtherMachines();
    }
    DataFolder folder = DataFolder.open(settings);
    ScheduledThreadPoolExecutor control =
        new ScheduledThreadPoolExecutor(1, new DaemonThreads("holdfast-raft-" + self));
    control.setRemoveOnCancelPolicy(true);
    control.setExecuteExistingDelayedTasksAfterShutdownPolicy(false); // nobody waits for them then
    @Nullable PeerCertificates certificates = null;
    @Nullable PeerServer server = null;
    try {
      if (settings.tls().isPresent()) {
        certificates =
            new PeerCertificates(settings.tls().get(), control, LOOK_AT_CERTIFICATES_EVERY);
      }
      PeerIdentity identity =
          new PeerIdentity(
              self,
              folder,
              Optional.ofNullable(certificates),
              (other, its) -> recognizes(folder, other, its));
      server = new PeerServer(identity, settings.tls().map(PeerTls::allowedHosts).orElse(Set.of()));
      run(machine, identity, server, control);
    } catch (RuntimeException | Error e) {
      if (running != null) {
        close();
      } else {
        if (server != null) {
          server.close();
        }
        if (certificates != null) {
          certificates.close();
        }
        control.shutdownNow();
        folder.close();
      }
      throw e;
    }
  }

  /** Who is no member yet is not written down: it may be somebody else next time. */
  private boolean recognizes(DataFolder folder, String other, String its) {
    Running all = running;
    return (all != null && members.contains(other))
        ? folder.recognizes(other, its, all.feed().appliedIndex())
        : folder.mayBe(other, its);
  }

  private void refuseOtherMachines() {
    Set<String> all = new HashSet<>(settings.initialMembers());
    all.add(settings.self());
    for (String server : all) {
      if (!PeerAddress.parse(server).isLoopback()) {
        throw new ReplicationException(
            "the servers of a cluster prove to each other who they are: "
                + server
                + " can be reached by other machines, and no certificates are set");
      }
    }
  }

  private void run(
      ReplicatedMachine machine,
      PeerIdentity identity,
      PeerServer server,
      ScheduledThreadPoolExecutor control) {
    ThreadPoolExecutor snapshots =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(1),
            new DaemonThreads("holdfast-snapshot-" + self));
    snapshots.allowCoreThreadTimeOut(true);
    FixedThreadsExecutorGroup senders =
        DefaultFixedThreadsExecutorGroupFactory.INSTANCE.newExecutorGroup(
            SENDER_THREADS, "holdfast-append-" + self + "-", MOST_SENDER_TASKS, true);
    Proposals proposals = new Proposals(machine);
    LogFeed feed = new LogFeed(machine, new Told(), snapshots, settings.snapshotAfterBytes());
    NodeImpl node = new NodeImpl(GROUP, self.peerId());
    Running all =
        new Running(
            identity.folder(),
            identity.certificates(),
            server,
            senders,
            control,
            snapshots,
            proposals,
            feed,
            node);
    running = all;
    RocksSettings.register();
    NodeManager.getInstance().addAddress(self.peerId().getEndpoint());
    server.admit(hosts(members));
    boolean up;
    try {
      up = node.init(engineSettings(identity, feed, senders));
    } catch (RuntimeException e) {
      throw new ReplicationException("the engine of the log did not start", e);
    }
    if (!up) {
      throw new ReplicationException("the engine of the log did not start: the log above says why");
    }
    refreshMembers(all);
    feed.started();
    server.serve(node);
    control.scheduleWithFixedDelay(
        () -> connect(all), 0, CONNECT_EVERY.toMillis(), TimeUnit.MILLISECONDS);
    long snapshotMillis = settings.snapshotAfter().toMillis();
    control.scheduleWithFixedDelay(
        () -> snapshotIfBehind(all), snapshotMillis, snapshotMillis, TimeUnit.MILLISECONDS);
  }

  /**
   * Followers have nothing to say to each other until their leader dies, and then they are in a hurry: two that connect first
   * start to vote at the same time, and neither is elected. And each is to know by then who the others are.
   */
  private void connect(Running all) {
    for (String member : members) {
      if (!member.equals(settings.self())) {
        try {
          all.node()
              .getRpcService()
              .checkConnection(PeerAddress.parse(member).peerId().getEndpoint(), true);
        } catch (RuntimeException e) { // thrown on, it would be the last look at anybody
          LOG.warn("Not connected to {}", member, e);
        }
      }
    }
  }

  private NodeSettings engineSettings(
      PeerIdentity identity, LogFeed feed, FixedThreadsExecutorGroup senders) {
    int electionMillis = Math.toIntExact(settings.electionTimeout().toMillis());
    NodeSettings engine = new NodeSettings(identity);
    engine.setElectionTimeoutMs(electionMillis);
    engine.setRpcConnectTimeoutMs(electionMillis / 2);
    engine.setFsm(feed);
    engine.setLogUri(identity.folder().part(DataFolder.LOG));
    engine.setRaftMetaUri(identity.folder().part(DataFolder.RAFT));
    engine.setSnapshotUri(identity.folder().part(DataFolder.SNAPSHOT));
    engine.setSnapshotIntervalSecs(0);
    engine.setDisableCli(true);
    engine.setTimerPoolSize(TIMER_THREADS);
    engine.setRpcProcessorThreadPoolSize(RPC_THREADS);
    engine.setAppendEntriesExecutors(senders);
    engine.setInitialConf(
        new Configuration(
            settings.initialMembers().stream()
                .sorted()
                .map(it -> PeerAddress.parse(it).peerId())
                .toList()));
    RaftOptions raft = engine.getRaftOptions();
    // Each follower looks again and again, between one and two timeouts apart, whether the leader
    // is silent.
    raft.setMaxElectionDelayMs(electionMillis);
    raft.setSync(true);
    raft.setSyncMeta(true);
    raft.setApplyBatch(APPLY_BATCH);
    raft.setDisruptorBufferSize(RING_SIZE);
    raft.setReadOnlyOptions(ReadOnlyOption.ReadOnlySafe);
    raft.setEnableLogEntryChecksum(true);
    raft.setOpenStatistics(false);
    return engine;
  }

  /** What the log's database may take: it is small, and written from front to back. */
  private static final class RocksSettings {
    static {
      DBOptions database = StorageOptionsFactory.getDefaultRocksDBOptions();
      database.setKeepLogFileNum(ROCKS_LOG_FILES);
      database.setMaxTotalWalSize(ROCKS_WAL_BYTES);
      StorageOptionsFactory.registerRocksDBOptions(RocksDBLogStorage.class, database);
      ColumnFamilyOptions family = StorageOptionsFactory.getDefaultRocksDBColumnFamilyOptions();
      family.setWriteBufferSize(ROCKS_WRITE_BUFFER_BYTES);
      StorageOptionsFactory.registerRocksDBColumnFamilyOptions(RocksDBLogStorage.class, family);
    }

    private RocksSettings() {}

    /** The engine keeps them in a table for the whole process. */
    static void register() {}
  }

  /** What the feed tells besides the machine. */
  private final class Told implements LogFeed.Listener {
    @Override
    public void leads(long term) {
      ended(term);
      // Also told when a hand-over came to nothing. Before anybody can see that this server leads
      // and asks for the next.
      failHandOver("the other server did not take over in time");
      leads = true;
      leader = Optional.of(settings.self());
      membersChanged();
    }

    @Override
    public void follows(long term, Optional<String> known) {
      leads = false;
      leader = known;
      if (known.isPresent()) {
        ended(term);
        membersChanged();
        CompletableFuture<@Nullable Void> waiting = handOver.getAndSet(null);
        if (waiting != null) {
          onControl(() -> waiting.complete(null));
        }
      }
    }

    /** The engine gives up what was proposed in earlier terms, but may not find a thread to say so. */
    private void ended(long term) {
      Running all = running;
      if (all != null) {
        all.proposals().dropBefore(term);
      }
    }

    private void membersChanged() {
      Running all = running;
      if (all != null) {
        onControl(() -> refreshMembers(all));
      }
    }

    @Override
    public void membersAre(Set<String> known, long applied) {
      Running all = running;
      if (all != null) {
        onControlOrHere(
            () -> {
              refreshMembers(all);
              forgetAllBut(all, known, applied);
            });
      }
    }

    /**
     * The server may have been away for long, and a member that it knows may have been removed and added again meanwhile. It
     * may forget who the others are: most of what they decided when they were who they were is in the snapshot. What they have
     * acknowledged since, and their votes of this term, are not: one that loses its disk within the two seconds until they have met
     * again is believed, lest one that was replaced is kept out for good.
     */
    @Override
    public void snapshotTaken(long index) {
      Running all = running;
      if (all != null) {
        onControlOrHere(() -> forgetAllBut(all, Set.of(), index));
      }
    }

    @Override
    public void snapshotDue() {
      Running all = running;
      if (all != null) {
        onControl(() -> snapshotIfBehind(all));
      }
    }

    @Override
    public void failed(Throwable cause) {
      leads = false;
      leader = Optional.empty();
      Running all = running;
      if (all != null) {
        // The engine may not know: then it would go on to lead, or to vote for what it did not
        // apply.
        onControl(
            () -> {
              all.node()
                  .onError(
                      new RaftException(
                          EnumOutter.ErrorType.ERROR_TYPE_STATE_MACHINE,
                          RaftError.ESTATEMACHINE,
                          "the machine failed"));
              all.proposals().dropAll();
            });
      }
    }
  }

  /**
   * A server that cannot write this down stops, as with any entry: it would keep out whoever comes in the other one's place. So it
   * would if a connection outlived this on which the other one has said who it is, for that is written down when it is a member.
   */
  private static void forgetAllBut(Running all, Set<String> known, long applied) {
    try {
      for (String forgotten : all.folder().forgetAllBut(known, applied)) {
        all.node().getRpcService().disconnect(PeerAddress.parse(forgotten).peerId().getEndpoint());
      }
    } catch (UncheckedIOException e) {
      all.feed().fail(e);
    }
  }

  private void refreshMembers(Running all) {
    Configuration known = all.node().getCurrentConf();
    if (known != null) {
      members = known.getPeers().stream().map(it -> it.getEndpoint().toString()).sorted().toList();
    }
    all.server().admit(hosts(members));
  }

  private Set<String> hosts(List<String> servers) {
    Set<String> hosts = new HashSet<>();
    servers.forEach(it -> hosts.add(PeerAddress.parse(it).host()));
    return hosts;
  }

  @Override
  public void propose(long term, byte[] entry, Object local) {
    if (entry.length > MOST_ENTRY_BYTES) {
      throw new IllegalArgumentException(
          "an entry of " + entry.length + " bytes; the most is " + MOST_ENTRY_BYTES);
    }
    Running all = running();
    Optional<Proposal> added =
        leads && term == all.feed().term() ? all.proposals().add(term, local) : Optional.empty();
    if (added.isEmpty()) {
      all.proposals().tellDropped(local, true);
      return;
    }
    Proposal proposal = added.get();
    try {
      all.node().apply(new Task(ByteBuffer.wrap(entry), proposal, term));
    } catch (RuntimeException e) {
      // The engine is going down. It may have told the proposal already.
      LOG.debug("Not proposed", e);
      proposal.drop(false);
    }
  }

  @Override
  public void confirm(Consumer<Boolean> answer) {
    Running all = running();
    Confirmation confirmation =
        new Confirmation(answer, CONFIRM_TIMEOUTS * settings.electionTimeout().toMillis());
    if (!leads) {
      if (!onControl(() -> confirmation.tell(false))) {
        confirmation.tell(false);
      }
      return;
    }
    try {
      all.node().readIndex(NO_CONTEXT, confirmation);
    } catch (RuntimeException e) {
      LOG.debug("Not confirmed", e);
      confirmation.tell(false);
    }
  }

  /**
   * The engine's answer. It is good only if a majority answered this server as leader: as a follower it would ask the leader,
   * but there is no question for that between our servers.
   */
  private static final class Confirmation extends ReadIndexClosure {
    private final Consumer<Boolean> answer;
    private final AtomicBoolean told = new AtomicBoolean();

    Confirmation(Consumer<Boolean> answer, long timeoutMillis) {
      super(timeoutMillis);
      this.answer = answer;
    }

    @Override
    public void run(Status status, long index, byte @Nullable [] context) {
      tell(status.isOk());
    }

    void tell(boolean leads) {
      if (told.compareAndSet(false, true)) {
        answer.accept(leads);
      }
    }
  }

  @Override
  public ReplicaStatus status() {
    Running all = running;
    if (all == null) {
      return new ReplicaStatus(settings.self(), members, Optional.empty(), 0, 0, 0, 0);
    }
    long applied = all.feed().appliedIndex();
    long committed = 0;
    try {
      // Not only the machine's entries: also those that say who the members are.
      applied = Math.max(applied, all.node().getLastAppliedLogIndex());
      committed = all.node().getLastCommittedIndex();
    } catch (IllegalStateException e) {
      LOG.debug("The engine has ended, or failed", e);
    }
    return new ReplicaStatus(
        settings.self(),
        members,
        leader,
        all.feed().term(),
        Math.max(committed, applied),
        applied,
        all.feed().snapshotIndex());
  }

  @Override
  public CompletableFuture<@Nullable Void> addMember(String server) {
    PeerAddress added = PeerAddress.parse(server);
    if (settings.tls().isEmpty() && !settings.plaintextAnywhere() && !added.isLoopback()) {
      throw new IllegalArgumentException(
          server + " can be reached by other machines, and no certificates are set");
    }
    return changeMembers(
        (all, done) -> {
          if (!leads) {
            all.node().addPeer(added.peerId(), done); // which says who does
            return;
          }
          // It calls before it is a member, for the snapshot.
          Set<String> hosts = hosts(members);
          hosts.add(added.host());
          all.server().admit(hosts);
          whenConnected(
              all, added, CONNECT_LOOKS, () -> all.node().addPeer(added.peerId(), done), done);
        });
  }

  /**
   * The engine gives a new member half an election timeout to connect and to answer; that is little for the first time.
   *
   * @param failed is told of whatever is thrown: nobody else hears of it in a later look
   */
  private static void whenConnected(
      Running all, PeerAddress to, int looks, Runnable then, Closure failed) {
    try {
      Endpoint endpoint = to.peerId().getEndpoint();
      boolean mayCome = all.node().getRpcService().checkConnection(endpoint, true);
      if (looks == 0 || (mayCome && all.node().getRpcService().checkConnection(endpoint, false))) {
        then.run();
        return;
      }
      all.control()
          .schedule(
              () -> whenConnected(all, to, looks - 1, then, failed),
              CONNECT_LOOK_EVERY.toMillis(),
              TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      failed.run(new Status(RaftError.ESHUTDOWN, "closed"));
    } catch (RuntimeException e) { // such as the engine's, of one that is a member already
      failed.run(new Status(RaftError.EINTERNAL, "%s", String.valueOf(e)));
    }
  }

  @Override
  public CompletableFuture<@Nullable Void> removeMember(String server) {
    PeerAddress removed = PeerAddress.parse(server);
    return changeMembers(
        (all, done) -> {
          if (leads && !members.contains(removed.toString())) {
            done.run(new Status(RaftError.EINVAL, "%s is not among them", removed));
          } else {
            all.node().removePeer(removed.peerId(), done);
          }
        });
  }

  private interface MemberChange {
    void begin(Running all, Closure done);
  }

  private CompletableFuture<@Nullable Void> changeMembers(MemberChange change) {
    Running all = running();
    if (!changingMembers.compareAndSet(false, true)) {
      return CompletableFuture.failedFuture(
          new ReplicationException("the members are being changed already"));
    }
    CompletableFuture<@Nullable Void> changed = new CompletableFuture<>();
    Closure done =
        status ->
            onControlOrHere(
                () -> {
                  changingMembers.set(false);
                  refreshMembers(all);
                  complete(changed, status, "the members were not changed");
                });
    onControlOrHere(
        () -> {
          try {
            change.begin(all, done);
          } catch (RuntimeException e) {
            done.run(new Status(RaftError.EINTERNAL, "%s", String.valueOf(e)));
          }
        });
    return changed;
  }

  private static void complete(
      CompletableFuture<@Nullable Void> future, Status status, String otherwise) {
    if (status.isOk()) {
      future.complete(null);
    } else {
      future.completeExceptionally(
          new ReplicationException(otherwise + ": " + status.getErrorMsg()));
    }
  }

  @Override
  public CompletableFuture<@Nullable Void> transferLeadership(Optional<String> server) {
    Running all = running();
    PeerId to = server.map(it -> PeerAddress.parse(it).peerId()).orElse(PeerId.ANY_PEER);
    CompletableFuture<@Nullable Void> transferred = new CompletableFuture<>();
    if (server.equals(Optional.of(settings.self())) && leads) {
      transferred.complete(null);
      return transferred;
    }
    if (!handOver.compareAndSet(null, transferred)) {
      return CompletableFuture.failedFuture(
          new ReplicationException("the leadership is being handed over already"));
    }
    onControlOrHere(
        () -> {
          Status status = all.node().transferLeadershipTo(to);
          if (!status.isOk()) {
            handOver.compareAndSet(transferred, null);
            complete(transferred, status, "the leadership was not handed over");
          }
        });
    long patience = HAND_OVER_TIMEOUTS * settings.electionTimeout().toMillis();
    try {
      all.control()
          .schedule(
              () -> {
                if (handOver.compareAndSet(transferred, null)) {
                  transferred.completeExceptionally(
                      new ReplicationException("nobody is known to have taken over in time"));
                }
              },
              patience,
              TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      failHandOver("closed");
    }
    return transferred;
  }

  private void failHandOver(String why) {
    CompletableFuture<@Nullable Void> waiting = handOver.getAndSet(null);
    if (waiting != null) {
      onControlOrHere(() -> waiting.completeExceptionally(new ReplicationException(why)));
    }
  }

  @Override
  public CompletableFuture<Long> snapshot() {
    Running all = running();
    CompletableFuture<Long> written = new CompletableFuture<>();
    onControlOrHere(
        () ->
            all.node()
                .snapshot(
                    status ->
                        onControlOrHere(
                            () -> {
                              if (status.isOk()) {
                                written.complete(all.feed().snapshotIndex());
                              } else {
                                written.completeExceptionally(
                                    new ReplicationException(
                                        "no snapshot was written: " + status.getErrorMsg()));
                              }
                            })));
    return written;
  }

  private void snapshotIfBehind(Running all) {
    if (all.feed().appliedIndex() > all.feed().snapshotIndex()) {
      all.node()
          .snapshot(
              status -> {
                if (!status.isOk()) {
                  LOG.warn("No snapshot was written: {}", status.getErrorMsg());
                }
              });
    }
  }

  Running running() {
    Running all = running;
    if (all == null) {
      throw new IllegalStateException("not started");
    }
    return all;
  }

  /** Whether it will be done. */
  private boolean onControl(Runnable task) {
    Running all = running;
    if (all == null || all.control().getQueue().size() >= MOST_CONTROL_TASKS) {
      return false;
    }
    try {
      all.control().execute(task);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  private void onControlOrHere(Runnable task) {
    if (!onControl(task)) {
      task.run();
    }
  }

  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    Running all = running;
    if (all == null) {
      return;
    }
    handOverBeforeClosing();
    all.node().shutdown();
    boolean ended = joined(all.node());
    all.server().close();
    all.certificates().ifPresent(PeerCertificates::close);
    all.control().shutdown();
    all.snapshots().shutdown();
    all.senders().shutdownGracefully();
    try {
      ended &= all.snapshots().awaitTermination(CLOSE_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
      ended &= all.control().awaitTermination(CLOSE_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    NodeManager.getInstance().removeAddress(self.peerId().getEndpoint());
    all.proposals().dropAll();
    failHandOver("closed");
    if (ended) {
      all.folder().close();
    } else {
      LOG.error(
          "The engine did not end in time; the data folder stays locked until this process ends");
    }
  }

  private void handOverBeforeClosing() {
    if (!leads || members.size() < 2) {
      return;
    }
    try {
      transferLeadership(Optional.empty())
          .get(HAND_OVER_TIMEOUTS * settings.electionTimeout().toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.info("The leadership was not handed over: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The engine waits without end for a snapshot that never comes. */
  private static boolean joined(NodeImpl node) {
    CountDownLatch ended = new CountDownLatch(1);
    Thread joining =
        new DaemonThreads("holdfast-raft-end")
            .newThread(
                () -> {
                  try {
                    node.join();
                    ended.countDown();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  } catch (RuntimeException e) {
                    LOG.warn("The engine ended badly", e);
                  }
                });
    joining.start();
    try {
      boolean inTime = ended.await(CLOSE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      if (!inTime) {
        joining.interrupt();
      }
      return inTime;
    } catch (InterruptedException e) {
      joining.interrupt();
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
