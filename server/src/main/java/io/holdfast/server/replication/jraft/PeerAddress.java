package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.entity.PeerId;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a server listens for the other servers; also its name among them, letter by letter.
 *
 * <p>A host name or an IPv4 address. An IPv6 address has no place here, since the engine splits at colons: such a host needs a
 * name.
 */
record PeerAddress(String host, int port) {
  private static final Pattern FORM = Pattern.compile("([A-Za-z0-9._-]{1,253}):([0-9]{1,5})");
  private static final int HIGHEST_PORT = 65_535;

  /**
   * Reads {@code host:port}.
   *
   * @throws IllegalArgumentException if it is something else
   */
  static PeerAddress parse(String name) {
    Matcher parts = FORM.matcher(name);
    if (parts.matches()) {
      int port = Integer.parseInt(parts.group(2));
      if (port >= 1 && port <= HIGHEST_PORT) {
        return new PeerAddress(parts.group(1), port);
      }
    }
    throw new IllegalArgumentException(
        "a server is named host:port, with a host name or an IPv4 address: " + name);
  }

  /** Whether nobody on another machine can reach it. A host that cannot be found counts as another machine. */
  boolean isLoopback() {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  PeerId peerId() {
    return new PeerId(host, port);
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }
}
