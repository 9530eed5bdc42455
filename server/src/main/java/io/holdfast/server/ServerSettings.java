package io.holdfast.server;

import io.holdfast.server.core.Limits;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How a server is set up.
 *
 * @param self its name: where it listens for the other servers, host:port
 * @param peers the names of all servers that the cluster begins with, this one included
 * @param dataFolder where it keeps log and snapshots
 * @param listen where it listens for clients; port 0 for any that is free
 * @param clientHost the host under which clients reach it
 * @param limits how much it takes of anything
 * @param snapshotBytes after so many bytes of log a snapshot is written
 * @param closePatience how long calls have to end when it is closed
 */
public record ServerSettings(
    String self,
    List<String> peers,
    Path dataFolder,
    InetSocketAddress listen,
    String clientHost,
    Limits limits,
    long snapshotBytes,
    Duration closePatience) {
  /** Of log, until a snapshot is written. */
  public static final long DEFAULT_SNAPSHOT_BYTES = 64L << 20;

  /** For calls to end when the server is closed. */
  public static final Duration DEFAULT_CLOSE_PATIENCE = Duration.ofSeconds(5);

  /** Copies the list, and checks that this server is one of the peers. */
  public ServerSettings {
    peers = List.copyOf(peers);
    if (!peers.contains(self)) {
      throw new IllegalArgumentException("peers " + peers + " are without this server, " + self);
    }
    if (snapshotBytes < 1) {
      throw new IllegalArgumentException("snapshotBytes " + snapshotBytes + " < 1");
    }
  }

  /** With the defaults of everything that has one. */
  public static ServerSettings of(
      String self, List<String> peers, Path dataFolder, InetSocketAddress listen) {
    return new ServerSettings(
        self,
        peers,
        dataFolder,
        listen,
        listen.getHostString(),
        Limits.DEFAULTS,
        DEFAULT_SNAPSHOT_BYTES,
        DEFAULT_CLOSE_PATIENCE);
  }

  /** The same with other limits. */
  public ServerSettings withLimits(Limits other) {
    return new ServerSettings(
        self, peers, dataFolder, listen, clientHost, other, snapshotBytes, closePatience);
  }
}
