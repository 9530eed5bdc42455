package io.holdfast.server.replication.jraft;

import java.nio.file.Path;
import java.util.Set;

/**
 * How servers prove to each other who they are: mutual TLS, 1.2 or newer. The files are read again when they change.
 *
 * @param certificateChain PEM; the certificate names this server's host, and serves for both sides
 * @param privateKey PEM, PKCS #8, without a password, and not for all users of the machine to read
 * @param authorities PEM; what the certificates of all servers must be signed with. Best one that signs nothing else
 * @param allowedHosts what a caller's certificate may be for, besides the hosts of the members
 */
public record PeerTls(
    Path certificateChain, Path privateKey, Path authorities, Set<String> allowedHosts) {
  /** Copies the set. */
  public PeerTls {
    allowedHosts = Set.copyOf(allowedHosts);
  }
}
