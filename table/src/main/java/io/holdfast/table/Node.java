package io.holdfast.table;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A key that somebody claims, or a key above one. It knows nothing of the nodes below it: whoever claims one of those has
 * announced that here.
 */
final class Node extends Line {
  /*
   * A node keeps one line of claims a mode, held and waiting alike, in the order of arrival. A claim is free here when no
   * earlier claim conflicts with it: when the oldest claim of each conflicting mode is younger than it. So the free claims
   * of a line are its front part, and `firstBlocked` of the line tells where that ends.
   *
   * Claims come at the end of a line, with the latest arrival of all, and so never block one that is there. They leave from
   * anywhere; only when the oldest of its line leaves can something become free, and then the `firstBlocked` of the
   * conflicting lines move on. They never move back, so every claim is passed once, and the cost of a claim is a constant:
   * neither the length of the line nor the number of holders comes into it.
   *
   * A node is its own first line, for most nodes are claimed in one mode only; the others hang on it when needed.
   *
   * Invariant: firstBlocked is the oldest claim of its line with barrier(mode) < arrival, or null.
   */
  final @Nullable Node parent;

  /** What this node is called below its parent. */
  final String segment;

  /** The index's: one of the children, found without its table; null if none is at hand, though there may be others. */
  @Nullable Node childAtHand;

  /** The index's: stands for this node in the hashes of its children; 0 as long as none has needed one. */
  int number;

  /** The index's: by parent and segment, if this node is in its table. */
  int hash;

  /** The next node in the same bucket of the {@link NodeIndex}. */
  @Nullable Node nextInBucket;

  /** The claim that a request being put together makes of this node; null between commands. */
  @Nullable Claim draft;

  /** Of the claims here, those whose requests wait. */
  int waiting;

  Node(@Nullable Node parent, String segment) {
    this.parent = parent;
    this.segment = segment;
  }

  boolean isUnclaimed() {
    for (Line line = this; line != null; line = line.next) {
      if (line.oldest != null) {
        return false;
      }
    }
    return true;
  }

  /** Puts a claim at the end of its line. Its request has the latest arrival of all. */
  void add(Claim claim) {
    Line line = line(claim.mode);
    claim.earlier = line.youngest;
    if (line.youngest == null) {
      line.oldest = claim;
    } else {
      line.youngest.later = claim;
    }
    line.youngest = claim;
    if (barrier(claim.mode) < claim.arrival()) {
      claim.request.blockedClaims++;
      if (line.firstBlocked == null) {
        line.firstBlocked = claim;
      }
    }
  }

  /** Takes a claim out, and adds to {@code unblocked} the requests that are blocked nowhere any more. */
  void remove(Claim claim, List<Request> unblocked) {
    Line line = line(claim.mode);
    if (line.firstBlocked == claim) {
      line.firstBlocked = claim.later;
    }
    if (claim.later == null) {
      line.youngest = claim.earlier;
    } else {
      claim.later.earlier = claim.earlier;
    }
    if (claim.earlier != null) {
      claim.earlier.later = claim.later;
      return;
    }
    line.oldest = claim.later;
    for (Line other = this; other != null; other = other.next) {
      if (other.firstBlocked != null && other.conflictsWith(claim.mode)) {
        advance(other, unblocked);
      }
    }
  }

  boolean isBlocked(Claim claim) {
    return barrier(claim.mode) < claim.arrival();
  }

  /** Whether somebody claims the node itself, not only something below it. */
  boolean isClaimedInEarnest() {
    for (Line line = this; line != null; line = line.next) {
      if (line.oldest != null && line.oldest.mode.isEarnest()) {
        return true;
      }
    }
    return false;
  }

  /** All claims, in no order that means anything. */
  List<Claim> claims() {
    List<Claim> all = new ArrayList<>();
    for (Line line = this; line != null; line = line.next) {
      for (Claim claim = line.oldest; claim != null; claim = claim.later) {
        all.add(claim);
      }
    }
    return all;
  }

  /** Adds the claims that a claim comes after and conflicts with, at most so many of each line, the oldest. */
  void addBefore(Claim claim, int limit, List<Claim> before) {
    for (Line line = this; line != null; line = line.next) {
      if (line.conflictsWith(claim.mode)) {
        Claim each = line.oldest;
        for (int i = 0; i < limit && each != null && each.arrival() < claim.arrival(); i++) {
          before.add(each);
          each = each.later;
        }
      }
    }
  }

  /** Claims of the node itself, not only of something below it, in no order that means anything. */
  List<Claim> earnestClaims() {
    List<Claim> earnest = claims();
    earnest.removeIf(claim -> !claim.mode.isEarnest());
    return earnest;
  }

  private void advance(Line line, List<Request> unblocked) {
    Claim claim = line.firstBlocked;
    long barrier = claim == null ? 0 : barrier(claim.mode);
    while (claim != null && claim.arrival() <= barrier) {
      if (--claim.request.blockedClaims == 0) {
        unblocked.add(claim.request);
      }
      claim = claim.later;
    }
    line.firstBlocked = claim;
  }

  /** The arrival of the oldest claim that conflicts with the mode: claims up to this one are free (it may be one of them). */
  private long barrier(Mode mode) {
    long barrier = Long.MAX_VALUE;
    for (Line line = this; line != null; line = line.next) {
      if (line.oldest != null && line.conflictsWith(mode)) {
        barrier = Math.min(barrier, line.oldest.arrival());
      }
    }
    return barrier;
  }

  private Line line(Mode mode) {
    for (Line line = this; ; line = line.next) {
      if (line.mode == null) {
        line.mode = mode;
      }
      if (line.mode == mode) {
        return line;
      }
      if (line.next == null) {
        line.next = new Line();
      }
    }
  }
}
