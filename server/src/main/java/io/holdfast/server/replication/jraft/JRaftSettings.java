package io.holdfast.server.replication.jraft;

import io.holdfast.InvalidRequestException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What a {@link JRaftReplicator} is made from.
 *
 * @param dataFolder where the log and the snapshots are kept; made if it is not there
 * @param self where this server listens for the others, {@code host:port}: its name
 * @param initialMembers the servers that begin the cluster, this one among them, the same on each; looked at only when the
 *     folder is empty. Without any, this server waits until a cluster adds it
 * @param cluster what tells this cluster from others. If absent, it comes from the initial members; a server that waits to be
 *     added takes that of the first that calls
 * @param electionTimeout how long the others wait for a leader that is silent
 * @param tls how servers prove who they are
 * @param plaintextAnywhere allows to do without TLS on addresses that other machines can reach
 * @param snapshotAfterBytes how many bytes of entries are applied before a snapshot is written
 * @param snapshotAfter how long at most without a snapshot, if anything was applied
 */
public record JRaftSettings(
    Path dataFolder,
    String self,
    Set<String> initialMembers,
    Optional<String> cluster,
    Duration electionTimeout,
    Optional<PeerTls> tls,
    boolean plaintextAnywhere,
    long snapshotAfterBytes,
    Duration snapshotAfter) {
  /** When nothing else is said. */
  public static final Duration DEFAULT_ELECTION_TIMEOUT = Duration.ofMillis(500);

  /** When nothing else is said: 64 MiB. */
  public static final long DEFAULT_SNAPSHOT_AFTER_BYTES = 64L << 20;

  /** When nothing else is said. */
  public static final Duration DEFAULT_SNAPSHOT_AFTER = Duration.ofHours(1);

  private static final Duration SHORTEST_ELECTION_TIMEOUT = Duration.ofMillis(100);
  private static final Duration LONGEST_ELECTION_TIMEOUT = Duration.ofMinutes(1);

  /** Checks. */
  public JRaftSettings {
    PeerAddress.parse(self);
    initialMembers = Set.copyOf(initialMembers);
    initialMembers.forEach(PeerAddress::parse);
    if (!initialMembers.isEmpty() && !initialMembers.contains(self)) {
      throw new IllegalArgumentException(
          "this server, " + self + ", is not among the initial members " + initialMembers);
    }
    if (cluster.isPresent() && !DataFolder.CLUSTER_NAME.matcher(cluster.get()).matches()) {
      throw new IllegalArgumentException(
          "cluster is to be called "
              + InvalidRequestException.show(cluster.get())
              + ", must be 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'");
    }
    if (electionTimeout.compareTo(SHORTEST_ELECTION_TIMEOUT) < 0
        || electionTimeout.compareTo(LONGEST_ELECTION_TIMEOUT) > 0) {
      throw new IllegalArgumentException(
          "the election timeout must be 100 ms to 1 min: " + electionTimeout);
    }
    if (snapshotAfterBytes < 1) {
      throw new IllegalArgumentException(
          "bytes between snapshots must be positive: " + snapshotAfterBytes);
    }
    if (snapshotAfter.isNegative() || snapshotAfter.isZero()) {
      throw new IllegalArgumentException(
          "time between snapshots must be positive: " + snapshotAfter);
    }
    if (initialMembers.isEmpty() && tls.isPresent() && tls.get().allowedHosts().isEmpty()) {
      throw new IllegalArgumentException(
          "a server that waits to be added knows no member yet: allow the hosts of the cluster by"
              + " name");
    }
  }

  /** With the defaults, and without TLS: loopback addresses only. */
  public static JRaftSettings of(Path dataFolder, String self, Set<String> initialMembers) {
    return new JRaftSettings(
        dataFolder,
        self,
        initialMembers,
        Optional.empty(),
        DEFAULT_ELECTION_TIMEOUT,
        Optional.empty(),
        false,
        DEFAULT_SNAPSHOT_AFTER_BYTES,
        DEFAULT_SNAPSHOT_AFTER);
  }

  /** The same but for what is changed. */
  public JRaftSettings with(Consumer<Changes> change) {
    Changes changes = new Changes(this);
    change.accept(changes);
    return new JRaftSettings(
        dataFolder,
        self,
        initialMembers,
        changes.cluster,
        changes.electionTimeout,
        changes.tls,
        changes.plaintextAnywhere,
        changes.snapshotAfterBytes,
        changes.snapshotAfter);
  }

  /** What may be set otherwise than {@link #of} does. Not thread-safe. */
  public static final class Changes {
    private Optional<String> cluster;
    private Duration electionTimeout;
    private Optional<PeerTls> tls;
    private boolean plaintextAnywhere;
    private long snapshotAfterBytes;
    private Duration snapshotAfter;

    private Changes(JRaftSettings from) {
      cluster = from.cluster;
      electionTimeout = from.electionTimeout;
      tls = from.tls;
      plaintextAnywhere = from.plaintextAnywhere;
      snapshotAfterBytes = from.snapshotAfterBytes;
      snapshotAfter = from.snapshotAfter;
    }

    /** The cluster's name, if it is not to be made from those of its first members. */
    public Changes cluster(String name) {
      cluster = Optional.of(name);
      return this;
    }

    public Changes electionTimeout(Duration timeout) {
      electionTimeout = timeout;
      return this;
    }

    public Changes tls(PeerTls peerTls) {
      tls = Optional.of(peerTls);
      return this;
    }

    public Changes plaintextAnywhere(boolean allowed) {
      plaintextAnywhere = allowed;
      return this;
    }

    public Changes snapshots(long afterBytes, Duration after) {
      snapshotAfterBytes = afterBytes;
      snapshotAfter = after;
      return this;
    }
  }
}
