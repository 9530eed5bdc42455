package io.holdfast.server.replication;

import java.util.List;
import java.util.Optional;

/**
 * How far a server has come.
 *
 * @param members the names of the servers that vote
 * @param leader the name of the one that leads, if that is known
 */
public record ReplicaStatus(
    String self,
    List<String> members,
    Optional<String> leader,
    long term,
    long committedIndex,
    long appliedIndex,
    long snapshotIndex) {
  /** Copies the list. */
  public ReplicaStatus {
    members = List.copyOf(members);
  }
}
