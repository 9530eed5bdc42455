package io.holdfast.server.rpc;

import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.holdfast.server.core.Problem;
import io.holdfast.server.security.AuthInterceptor;

/** Problems as gRPC tells them: a status, and trailers for programs. */
public final class Statuses {
  /** The host:port of the leader, as far as it is known. */
  public static final Metadata.Key<String> LEADER =
      Metadata.Key.of("holdfast-leader", Metadata.ASCII_STRING_MARSHALLER);

  private Statuses() {}

  /** A problem, without a leader to go to. */
  public static StatusRuntimeException of(Problem problem) {
    Metadata trailers = new Metadata();
    trailers.put(AuthInterceptor.REASON, problem.reason());
    return Status.fromCodeValue(problem.code().number())
        .withDescription(problem.message())
        .asRuntimeException(trailers);
  }

  /** This server does not lead; the other one may. */
  public static StatusRuntimeException notLeader(String leader) {
    Metadata trailers = new Metadata();
    trailers.put(AuthInterceptor.REASON, "NOT_LEADER");
    if (!leader.isEmpty()) {
      trailers.put(LEADER, leader);
    }
    return Status.UNAVAILABLE
        .withDescription(
            leader.isEmpty() ? "this server does not lead" : "this server does not lead: " + leader)
        .asRuntimeException(trailers);
  }
}
