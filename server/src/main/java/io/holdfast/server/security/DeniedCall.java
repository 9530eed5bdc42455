package io.holdfast.server.security;

import io.grpc.Attributes;
import io.grpc.Grpc;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/**
 * A call that was turned away at the door.
 *
 * @param method its full name
 * @param who the subject of the credential, where that was good; else empty
 * @param from the address that it came from
 */
public record DeniedCall(AuthReason reason, String method, String who, String from) {
  /** Where a call comes from, for people to read. */
  public static String from(Attributes transport) {
    SocketAddress address = transport.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return address instanceof InetSocketAddress inet && inet.getAddress() != null
        ? inet.getAddress().getHostAddress() + ":" + inet.getPort()
        : String.valueOf(address);
  }
}
