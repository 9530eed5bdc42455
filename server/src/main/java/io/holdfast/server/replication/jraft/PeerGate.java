package io.holdfast.server.replication.jraft;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.security.cert.Certificate;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends callers away that are of another cluster, whose certificate is for none of the members' hosts, or who have lost their
 * data; and those that mean to call this server as it was before it had lost its own. Thread-safe.
 */
final class PeerGate implements ServerInterceptor {
  private static final Logger LOG = LoggerFactory.getLogger(PeerGate.class);

  private final LogPace pace = new LogPace();
  private final PeerIdentity identity;
  private final Set<String> alwaysAllowed;
  private volatile Set<String> members = Set.of();

  PeerGate(PeerIdentity identity, Set<String> alwaysAllowed) {
    this.identity = identity;
    this.alwaysAllowed = Set.copyOf(alwaysAllowed);
  }

  void admit(Set<String> hosts) {
    members = Set.copyOf(hosts);
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    Optional<Status> refusal = refusal(call, headers);
    if (refusal.isEmpty()) {
      return next.startCall(
          new SimpleForwardingServerCall<>(call) {
            @Override
            public void sendHeaders(Metadata answer) {
              answer.put(PeerIdentity.IDENTITY, identity.folder().identity());
              super.sendHeaders(answer);
            }
          },
          headers);
    }
    if (pace.mayTell()) {
      LOG.warn(
          "Refused a caller from {}: {}",
          call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR),
          refusal.get().getDescription());
    }
    call.close(refusal.get(), new Metadata());
    return new ServerCall.Listener<>() {};
  }

  private Optional<Status> refusal(ServerCall<?, ?> call, Metadata headers) {
    if (identity.certificates().isPresent() && !isMember(call)) {
      return Optional.of(
          Status.PERMISSION_DENIED.withDescription("the certificate is for no member's host"));
    }
    String cluster = headers.get(PeerIdentity.CLUSTER);
    String server = headers.get(PeerIdentity.SERVER);
    String its = headers.get(PeerIdentity.IDENTITY);
    if (cluster == null || server == null || its == null) {
      return Optional.of(Status.UNAUTHENTICATED.withDescription("servers of a cluster only"));
    }
    if (!DataFolder.CLUSTER_NAME.matcher(cluster).matches()) {
      return Optional.of(Status.UNAUTHENTICATED.withDescription("no cluster is called so"));
    }
    if (!identity.folder().belongsTo(cluster)) {
      // Our own cluster's name is all that is asked for where there are no certificates.
      return Optional.of(
          Status.FAILED_PRECONDITION.withDescription(
              identity.self() + " is not of cluster " + cluster));
    }
    String expected = headers.get(PeerIdentity.EXPECTED);
    if (expected != null && !expected.equals(identity.folder().identity())) {
      return Optional.of(
          Status.FAILED_PRECONDITION.withDescription(
              PeerIdentity.isAnother(identity.self().toString())));
    }
    if (!identity.folder().mayBe(server, its)) {
      return Optional.of(
          Status.FAILED_PRECONDITION.withDescription(PeerIdentity.isAnother(server)));
    }
    return Optional.empty();
  }

  private boolean isMember(ServerCall<?, ?> call) {
    SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
    if (session == null) {
      return false;
    }
    try {
      Certificate[] chain = session.getPeerCertificates();
      Set<String> hosts = new HashSet<>(alwaysAllowed);
      hosts.addAll(members);
      return chain.length > 0 && PeerCertificates.isForOneOf(chain[0], hosts);
    } catch (SSLPeerUnverifiedException e) {
      return false;
    }
  }
}
