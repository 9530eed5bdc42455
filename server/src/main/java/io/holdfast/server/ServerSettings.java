package io.holdfast.server;

import io.holdfast.server.core.Limits;
import java.net.InetSocketAddress;
import java.time.Duration;

/**
 * How a server talks to clients. What concerns its log is the replicator's.
 *
 * @param self its name: where it listens for the other servers, host:port
 * @param listen where it listens for clients; port 0 for any that is free
 * @param clientHost the host under which clients reach it
 * @param limits how much it takes of anything
 * @param closePatience how long calls have to end when it is closed
 */
public record ServerSettings(
    String self,
    InetSocketAddress listen,
    String clientHost,
    Limits limits,
    Duration closePatience) {
  /** For calls to end when the server is closed. */
  public static final Duration DEFAULT_CLOSE_PATIENCE = Duration.ofSeconds(5);

  /** With the defaults of everything that has one. */
  public static ServerSettings of(String self, InetSocketAddress listen) {
    return new ServerSettings(
        self, listen, listen.getHostString(), Limits.DEFAULTS, DEFAULT_CLOSE_PATIENCE);
  }

  /** The same with other limits. */
  public ServerSettings withLimits(Limits other) {
    return new ServerSettings(self, listen, clientHost, other, closePatience);
  }
}
