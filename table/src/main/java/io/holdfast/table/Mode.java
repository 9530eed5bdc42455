package io.holdfast.table;

/**
 * How a request claims one node: in earnest (S, X), as an intention announced on the nodes above (IS, IX), or both (SIX).
 * Gray, Lorie, Putzolu, Traiger, "Granularity of Locks and Degrees of Consistency in a Shared Data Base", 1976.
 */
enum Mode {
  /** Reads something below. */
  IS(Mode.READS_SOMETHING),
  /** Writes something below. */
  IX(Mode.READS_SOMETHING | Mode.WRITES_SOMETHING),
  /** Reads this node and all below. */
  S(Mode.READS_SOMETHING | Mode.READS_ALL),
  /** Reads this node and all below, and writes something below. */
  SIX(Mode.READS_SOMETHING | Mode.WRITES_SOMETHING | Mode.READS_ALL),
  /** Writes this node and all below. */
  X(Mode.READS_SOMETHING | Mode.WRITES_SOMETHING | Mode.READS_ALL | Mode.WRITES_ALL);

  private static final int READS_SOMETHING = 1;
  private static final int WRITES_SOMETHING = 2;
  private static final int READS_ALL = 4;
  private static final int WRITES_ALL = 8;

  private static final Mode[] MODES = values();

  private final int claims;

  Mode(int claims) {
    this.claims = claims;
  }

  boolean conflictsWith(Mode other) {
    return ((claims | other.claims) & WRITES_ALL) != 0
        || ((claims & READS_ALL) != 0 && (other.claims & WRITES_SOMETHING) != 0)
        || ((claims & WRITES_SOMETHING) != 0 && (other.claims & READS_ALL) != 0);
  }

  /** Whether the claim is on the node itself, not only on something below it. */
  boolean isEarnest() {
    return (claims & READS_ALL) != 0;
  }

  /** The mode that claims what both claim. */
  Mode and(Mode other) {
    for (Mode mode : MODES) {
      if (mode.claims == (claims | other.claims)) {
        return mode;
      }
    }
    throw new AssertionError(this + " and " + other);
  }
}
