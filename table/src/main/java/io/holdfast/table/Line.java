package io.holdfast.table;

import org.jspecify.annotations.Nullable;

/** The claims of a node in one mode, held and waiting alike, oldest first. */
class Line {
  /** Null until the first claim, and then the same for good. */
  @Nullable Mode mode;

  /** The node's line of another mode. */
  @Nullable Line next;

  @Nullable Claim oldest;
  @Nullable Claim youngest;
  @Nullable Claim firstBlocked;

  boolean conflictsWith(Mode other) {
    return mode != null && mode.conflictsWith(other);
  }
}
