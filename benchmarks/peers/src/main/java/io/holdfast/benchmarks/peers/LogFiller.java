package io.holdfast.benchmarks.peers;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.internal.v1.Acquire;
import io.holdfast.protocol.internal.v1.Entry;
import io.holdfast.protocol.internal.v1.OpenSession;
import io.holdfast.protocol.internal.v1.Operation;
import io.holdfast.protocol.internal.v1.Release;
import io.holdfast.protocol.internal.v1.Target;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.ReplicatedMachine;
import io.holdfast.server.replication.Replicator;
import io.holdfast.server.replication.jraft.JRaftReplicator;
import io.holdfast.server.replication.jraft.JRaftSettings;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Servers whose log is filled with small entries as fast as it takes them: each acquires one lock or releases it. At the end
 * some locks are held. Says so, and waits to be killed.
 *
 * <p>{@code LogFiller FOLDER ENTRIES HELD SNAPSHOTS SERVER…}; snapshots are written as by any server, or, if that is {@code
 * never}, not at all; a server is host:port, as the others know it. All run in this process.
 */
final class LogFiller {
  static final String NAMESPACE = "recovery";
  static final String HELD = "held/";

  /** Begins the line that says that the log is full; the token of the last grant follows. */
  static final String FULL = "full ";

  private static final long SESSION = 1;
  private static final int NAMES = 1_000;
  private static final int UNDER_WAY = 1_024;
  /** Long: busy members of one process must not take each other for dead. */
  private static final Duration ELECTION = Duration.ofSeconds(5);

  private static final int PATIENCE_MINUTES = 10;

  private final List<Member> members = new ArrayList<>();
  private final CountDownLatch someoneLeads = new CountDownLatch(1);
  private final Semaphore room = new Semaphore(UNDER_WAY);
  private volatile @Nullable Member leader;
  private long now = TimeUnit.SECONDS.toNanos(1); // after whatever a leader says first
  private long request;
  private long token;

  private LogFiller() {}

  public static void main(String[] args) throws Exception {
    LogFiller filler = new LogFiller();
    filler.start(
        Path.of(args[0]),
        !args[3].equals("never"),
        List.of(args).subList(4, args.length));
    long lastToken = filler.fill(Long.parseLong(args[1]), Integer.parseInt(args[2]));
    System.out.println(FULL + lastToken);
    new CountDownLatch(1).await();
  }

  private void start(Path folder, boolean snapshots, List<String> servers) {
    for (String server : servers) {
      JRaftSettings settings =
          JRaftSettings.of(
                  folder.resolve(String.valueOf(members.size() + 1)), server, Set.copyOf(servers))
              .with(
                  log -> {
                    log.electionTimeout(ELECTION);
                    if (!snapshots) {
                      log.snapshots(Long.MAX_VALUE, Duration.ofDays(1));
                    }
                  });
      Member member = new Member(server, new JRaftReplicator(settings));
      members.add(member);
      member.replicator.start(member);
    }
  }

  private long fill(long entries, int held) throws InterruptedException {
    if (!someoneLeads.await(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
      throw new IllegalStateException("nobody was elected");
    }
    propose(
        Operation.newBuilder()
            .setOpenSession(
                OpenSession.newBuilder()
                    .setSession(SESSION)
                    .setClient("filler")
                    .setLeaseNanos(Command.FOREVER)
                    .setNonce(ByteString.copyFrom(new byte[2 * Long.BYTES]))));
    for (long pair = 0; pair < (entries - held) / 2; pair++) {
      acquire("name/" + pair % NAMES);
      propose(
          Operation.newBuilder()
              .setRelease(
                  Release.newBuilder().setSession(SESSION).setRequest(request).setToken(token)));
    }
    for (int i = 0; i < held; i++) {
      acquire(HELD + i);
    }
    if (!room.tryAcquire(UNDER_WAY, PATIENCE_MINUTES, TimeUnit.MINUTES)) {
      throw new IllegalStateException("not all entries were applied");
    }
    Member leads = leader;
    int holds = leads == null ? 0 : leads.core.figures().holds();
    if (holds != held) {
      throw new IllegalStateException("held are " + holds + ", not " + held);
    }
    return token;
  }

  /** Is granted, for the name is free, under the next token. */
  private void acquire(String name) throws InterruptedException {
    request++;
    token++;
    propose(
        Operation.newBuilder()
            .setAcquire(
                Acquire.newBuilder()
                    .setSession(SESSION)
                    .setRequest(request)
                    .setAcknowledged(request - 1)
                    .addTargets(Target.newBuilder().setName(name).setExclusive(true))));
  }

  private void propose(Operation.Builder operation) throws InterruptedException {
    Member leads = leader;
    if (leads == null || !room.tryAcquire(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
      throw new IllegalStateException("nobody leads, or nothing is applied");
    }
    now += TimeUnit.MICROSECONDS.toNanos(100);
    byte[] entry =
        Entry.newBuilder()
            .setFormat(1)
            .setNow(now)
            .addOperations(operation.setNamespace(NAMESPACE))
            .build()
            .toByteArray();
    leads.replicator.propose(leads.term.get(), entry, this);
  }

  /** A server without clients, which tells how far it has come. */
  private final class Member implements ReplicatedMachine {
    final Replicator replicator;
    final ServerCore core;
    final AtomicLong term = new AtomicLong();

    Member(String self, Replicator replicator) {
      this.replicator = replicator;
      this.core =
          new ServerCore(
              self,
              () -> "", // nobody is sent there
              replicator,
              Ticker.system(),
              Limits.DEFAULTS,
              CoreEvents.NONE,
              cause -> Runtime.getRuntime().halt(1));
    }

    @Override
    public void apply(long index, ByteBuffer entry, @Nullable Object local) {
      core.apply(index, entry, local);
      if (local == LogFiller.this) {
        room.release();
      }
    }

    @Override
    public void leads(long elected) {
      term.set(elected);
      leader = this;
      core.leads(elected);
      someoneLeads.countDown();
    }

    @Override
    public void follows(Optional<String> other) {
      core.follows(other);
    }

    @Override
    public void dropped(Object local, boolean certainly) {
      if (local != LogFiller.this) {
        core.dropped(local, certainly);
        return;
      }
      System.err.println("an entry was dropped: another leads");
      Runtime.getRuntime().halt(1);
    }

    @Override
    public SnapshotWriter freeze() {
      return core.freeze();
    }

    @Override
    public void restore(InputStream snapshot) throws IOException {
      core.restore(snapshot);
    }

    @Override
    public void failed(Throwable cause) {
      core.failed(cause);
    }
  }
}
