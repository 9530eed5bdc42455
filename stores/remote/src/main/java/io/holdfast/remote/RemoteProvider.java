package io.holdfast.remote;

import io.holdfast.ClientOptions;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;

/**
 * {@code holdfast://a:7420,b:7420,c:7420/namespace}, the locks of a Holdfast server. For {@link java.util.ServiceLoader}.
 *
 * <p>Any of the servers may be named; the leader is found. The port is 7420 and the namespace {@code default} unless said
 * otherwise. Parameters, after a {@code ?} and separated by {@code &}:
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><td>{@code tls=on|off}<td>on, unless all servers are loopback addresses
 * <tr><td>{@code ca=FILE}<td>certificates to trust, PEM; those of the JDK by default
 * <tr><td>{@code cert=FILE}, {@code key=FILE}<td>the client's certificate and its private key, for servers that want one: PEM, the key
 *     PKCS #8 without a password; read again for each connection
 * <tr><td>{@code token-file=FILE}<td>the credential, a JWT; read again for each connection. Not without TLS, but on loopback
 * <tr><td>{@code connect-timeout=10s}<td>how long to look for the leader at first
 * </table>
 */
public final class RemoteProvider implements LockProvider {
  /** For {@link java.util.ServiceLoader}. */
  public RemoteProvider() {}

  @Override
  public String scheme() {
    return ServerUrl.SCHEME;
  }

  @Override
  public LockStore open(String url, ClientOptions options) {
    ServerUrl parsed = ServerUrl.parse(url);
    return RemoteStore.connect(parsed, options, GrpcStreams.opener(parsed));
  }
}
