package io.holdfast.server.replication.jraft;

import io.grpc.Metadata;
import java.util.Optional;
import java.util.function.BiPredicate;

/**
 * Who a server is to the others.
 *
 * @param certificates what it proves that with; absent without TLS
 * @param recognizes whether a server, by its name, that has answered with an identity is the one that it was
 */
record PeerIdentity(
    PeerAddress self,
    DataFolder folder,
    Optional<PeerCertificates> certificates,
    BiPredicate<String, String> recognizes) {
  /** The cluster that a caller belongs to. */
  static final Metadata.Key<String> CLUSTER =
      Metadata.Key.of("holdfast-cluster", Metadata.ASCII_STRING_MARSHALLER);

  /** The caller's name. */
  static final Metadata.Key<String> SERVER =
      Metadata.Key.of("holdfast-server", Metadata.ASCII_STRING_MARSHALLER);

  /** Goes both ways: who the caller is, and who answers, as long as they have their data. */
  static final Metadata.Key<String> IDENTITY =
      Metadata.Key.of("holdfast-identity", Metadata.ASCII_STRING_MARSHALLER);

  /** Whom the caller means to call, if it was answered before. */
  static final Metadata.Key<String> EXPECTED =
      Metadata.Key.of("holdfast-expected-identity", Metadata.ASCII_STRING_MARSHALLER);

  /** What is said, here and there, of a server that is not the one that another one knows. */
  static String isAnother(String server) {
    return server
        + " has come back without its data, and may not vote as if it had it: remove it from the"
        + " members, and add it again; or, if that was done while the other one was away, let one"
        + " lead that both know";
  }
}
