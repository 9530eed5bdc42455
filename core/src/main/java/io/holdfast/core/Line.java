package io.holdfast.core;

import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who in this process waits for a name, and who has it. The first in line alone asks the store; while the lock is held in
 * this very process nobody does, for its end will be known here. Guarded by the mutex of the {@link Place}.
 */
final class Line {
  private final Set<LeaseRequest> waiting = new LinkedHashSet<>();

  /** Of this process, until its release is answered; null if the lock is free or held elsewhere. */
  @Nullable KeptLease holder;

  /** The name's record, for as long as the line is needed; null if nothing is known of it. */
  @Nullable Seen seen;

  Line(@Nullable Seen seen) {
    this.seen = seen;
  }

  void join(LeaseRequest request) {
    waiting.add(request);
  }

  /** Returns whether it was the first: whoever is now may ask. */
  boolean leave(LeaseRequest request) {
    boolean wasFirst = first() == request;
    waiting.remove(request);
    return wasFirst;
  }

  @Nullable LeaseRequest first() {
    return waiting.isEmpty() ? null : waiting.iterator().next();
  }

  boolean isIdle() {
    return waiting.isEmpty() && holder == null;
  }
}
