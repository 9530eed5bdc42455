package io.holdfast.server.operations;

import io.holdfast.TreePath;
import io.holdfast.server.replication.ReplicaStatus;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What an operator did, or is about to do; or somebody was kept from doing.
 *
 * @param who the subject of the credential; empty where none is asked for
 * @param from the address that it came from
 * @param namespace empty where the act is not about one
 * @param target the lock, or the server, that the act is about, or the method that was called; empty if it is about neither
 * @param path the node, if the lock is one of a tree; empty if it is a plain name
 * @param token that of the grant to end
 * @param reason why, in the operator's words
 * @param server how this server stood to the others then; empty where that does not matter
 */
public record AuditEntry(
    Act act,
    String who,
    String from,
    String namespace,
    String target,
    String path,
    OptionalLong token,
    String reason,
    Result result,
    Optional<ReplicaStatus> server) {
  /** More of a text is not recorded: what is longer is no name, path or reason that could be meant, and is refused. */
  static final int MOST_CHARACTERS = TreePath.MAX_BYTES;

  /** Cuts off what is too long of the texts, for whoever asks says them before anybody has looked at them. */
  public AuditEntry {
    namespace = cut(namespace);
    target = cut(target);
    path = cut(path);
    reason = cut(reason);
  }

  private static String cut(String text) {
    return text.length() <= MOST_CHARACTERS ? text : text.substring(0, MOST_CHARACTERS) + "…";
  }

  /** What is recorded. */
  public enum Act {
    FORCE_RELEASE,
    ADD_MEMBER,
    REMOVE_MEMBER,
    TRANSFER_LEADERSHIP,
    TAKE_SNAPSHOT,
    /** A call was turned away at the door: no act, but an attempt at one. */
    TURNED_AWAY
  }

  /** How it went. */
  public enum Result {
    /** It is about to be done. Written before, so that nothing is done that is not recorded. */
    ASKED,
    /** It was done. */
    DONE,
    /** There was nothing to do. */
    NOTHING,
    /** It was not done. */
    REFUSED,
    /** Whether it was done is not known. */
    UNCERTAIN
  }

  /** The same with what has become of it. */
  AuditEntry ended(Result how) {
    return new AuditEntry(act, who, from, namespace, target, path, token, reason, how, server);
  }

  /** The same on a server that stands so. */
  AuditEntry on(Optional<ReplicaStatus> other) {
    return new AuditEntry(act, who, from, namespace, target, path, token, reason, result, other);
  }
}
