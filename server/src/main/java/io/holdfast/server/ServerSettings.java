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
 * @param advertised where clients reach it, host:port, if that is not where it listens; needed where it listens on all addresses
 * @param limits how much it takes of anything
 * @param closePatience how long calls have to end when it is closed
 * @param restored if present, its folder is an old copy that was put back at that time: see {@link ServerCore#restored}
 */
public record ServerSettings(
    String self,
    InetSocketAddress listen,
    Optional<String> advertised,
    Limits limits,
    Duration closePatience,
    Optional<Instant> restored) {
  /** For calls to end when the server is closed. */
  public static final Duration DEFAULT_CLOSE_PATIENCE = Duration.ofSeconds(5);

  /** With the defaults of everything that has one. */
  public static ServerSettings of(String self, InetSocketAddress listen) {
    return new ServerSettings(
        self, listen, Optional.empty(), Limits.DEFAULTS, DEFAULT_CLOSE_PATIENCE, Optional.empty());
  }

  /** The same with other limits. */
  public ServerSettings withLimits(Limits other) {
    return new ServerSettings(self, listen, advertised, other, closePatience, restored);
  }

  /** The same, where clients are told to come to that address. */
  public ServerSettings withAdvertised(Optional<String> address) {
    return new ServerSettings(self, listen, address, limits, closePatience, restored);
  }

  /** The same, restored at that time. */
  public ServerSettings withRestored(Optional<Instant> time) {
    return new ServerSettings(self, listen, advertised, limits, closePatience, time);
  }
}
