package io.holdfast.server.replication.jraft;

import io.grpc.Metadata;
import java.util.Optional;

/**
 * Who a server is to the others.
 *
 * @param certificates what it proves that with; absent without TLS
 */
record PeerIdentity(PeerAddress self, DataFolder folder, Optional<PeerCertificates> certificates) {
  /** The cluster that a caller belongs to. */
  static final Metadata.Key<String> CLUSTER =
      Metadata.Key.of("holdfast-cluster", Metadata.ASCII_STRING_MARSHALLER);

  /** The caller's name; for people to read. */
  static final Metadata.Key<String> SERVER =
      Metadata.Key.of("holdfast-server", Metadata.ASCII_STRING_MARSHALLER);
}
