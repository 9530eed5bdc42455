package io.holdfast.table;

import io.holdfast.HoldData;
import io.holdfast.LockTarget;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request that waits or holds; one that has ended is no longer here. */
final class Request {
  final Session session;

  /** Its number in its session. */
  final long id;

  /** Rises with every request of the table; who comes first has the smaller. */
  final long arrival;

  final List<LockTarget> targets;
  final HoldData data;
  final long maxHoldNanos;

  /** 0 while it waits. */
  long token;

  /** When it came; once granted, when that was. */
  long since;

  long until = Command.FOREVER;

  /** Its claims of nodes, one a node. */
  @Nullable Claim claims;

  /** Whether it is counted among the waiting at its nodes. */
  private boolean waiting;

  /** How many of its claims wait for an earlier one; granted when there is none. */
  int blockedClaims;

  @Nullable Request earlierOfSession;
  @Nullable Request laterOfSession;

  /** The next request in the same bucket of the {@link RequestIndex}. */
  @Nullable Request nextInBucket;

  Request(
      Session session,
      long id,
      long arrival,
      List<LockTarget> targets,
      HoldData data,
      long maxHoldNanos,
      long since) {
    this.session = session;
    this.id = id;
    this.arrival = arrival;
    this.targets = targets;
    this.data = data;
    this.maxHoldNanos = maxHoldNanos;
    this.since = since;
  }

  boolean isGranted() {
    return token != 0;
  }

  boolean isWaiting() {
    return waiting;
  }

  void enterLine() {
    waiting = true;
    for (Claim claim = claims; claim != null; claim = claim.nextOfRequest) {
      claim.node.waiting++;
    }
  }

  /** Harmless for a request that is in no line. */
  void leaveLine() {
    if (waiting) {
      waiting = false;
      for (Claim claim = claims; claim != null; claim = claim.nextOfRequest) {
        claim.node.waiting--;
      }
    }
  }

  RequestView view() {
    return new RequestView(
        session.id, id, session.client, targets, isGranted(), token, since, until, data);
  }
}
