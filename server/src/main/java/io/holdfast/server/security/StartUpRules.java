package io.holdfast.server.security;

import java.net.InetSocketAddress;

/** What a server may not be started as, unless it is said in so many words that this is meant. */
public final class StartUpRules {
  private StartUpRules() {}

  /**
   * Checks where a server listens for clients.
   *
   * @param auth whether callers are asked for tokens
   * @param tls whether connections are encrypted
   * @param insecure whether it was said that this is meant
   * @throws ConfigurationException if others than this machine's users could lock without a credential, or overhear one
   */
  public static void check(InetSocketAddress listen, boolean auth, boolean tls, boolean insecure) {
    if (listen.getAddress() == null) {
      throw new ConfigurationException(
          "listen address " + Quoted.of(shown(listen)) + " is not known");
    }
    if (insecure || listen.getAddress().isLoopbackAddress()) {
      return;
    }
    if (!auth) {
      throw new ConfigurationException(
          "listening on "
              + shown(listen)
              + " without auth would let anybody in: configure auth, listen on 127.0.0.1, or say --insecure");
    }
    if (!tls) {
      throw new ConfigurationException(
          "listening on "
              + shown(listen)
              + " without TLS would let tokens be overheard: configure TLS, listen on 127.0.0.1, or say --insecure");
    }
  }

  private static String shown(InetSocketAddress listen) {
    String host = listen.getHostString();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + listen.getPort();
  }
}
