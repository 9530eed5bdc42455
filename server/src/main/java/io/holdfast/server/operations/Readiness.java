package io.holdfast.server.operations;

import io.holdfast.server.replication.ReplicaStatus;
import java.util.Optional;

/** Whether clients may be sent to a server. */
public final class Readiness {
  /** A server that is farther behind what it knows to be in the log is catching up. */
  private static final long MAX_BEHIND = 1_000;

  private Readiness() {}

  /** What is missing, in a line for people; empty if the server knows who leads, and has caught up. */
  public static Optional<String> missing(ReplicaStatus status) {
    if (status.leader().isEmpty()) {
      return Optional.of("it is not known who leads");
    }
    long behind = status.committedIndex() - status.appliedIndex();
    return behind > MAX_BEHIND
        ? Optional.of(behind + " entries of the log have not been applied yet")
        : Optional.empty();
  }
}
