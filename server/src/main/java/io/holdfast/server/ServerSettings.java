package io.holdfast.server;

import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * How a server talks to clients. What concerns its log is the replicator's.
 *
 * @param self its name: where it listens for the other servers, host:port
 * @param listen where it listens for clients; port 0 for any that is free
 * @param clientHost the host under which clients reach it
 * @param limits how much it takes of anything
 * @param closePatience how long calls have to end when it is closed
 * @param restored if present, its folder is an old copy that was put back at that time: see {@link ServerCore#restored}
 */
public record ServerSettings(
    String self,
    InetSocketAddress listen,
    String clientHost,
    Limits limits,
    Duration closePatience,
    Optional<Instant> restored) {
  /** For calls to end when the server is closed. */
  public static final Duration DEFAULT_CLOSE_PATIENCE = Duration.ofSeconds(5);

  /** With the defaults of everything that has one. */
  public static ServerSettings of(String self, InetSocketAddress listen) {
    return new ServerSettings(
        self,
        listen,
        listen.getHostString(),
        Limits.DEFAULTS,
        DEFAULT_CLOSE_PATIENCE,
        Optional.empty());
  }

  /** The same with other limits. */
  public ServerSettings withLimits(Limits other) {
    return new ServerSettings(self, listen, clientHost, other, closePatience, restored);
  }

  /** The same, restored at that time. */
  public ServerSettings withRestored(Optional<Instant> time) {
    return new ServerSettings(self, listen, clientHost, limits, closePatience, time);
  }
}
