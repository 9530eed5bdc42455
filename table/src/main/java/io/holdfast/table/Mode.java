package io.holdfast.table;

/**
 * How a request claims one node: in earnest (S, X), as an intention announced on the nodes above (IS, IX), or both (SIX).
 * Gray, Lorie, Putzolu, Traiger, "Granularity of Locks and Degrees of Consistency in a Shared Data Base", 1976.
 */
enum Mode {
  /** Reads something below. */
  IS,
  /** Writes something below. */
  IX,
  /** Reads this node and all below. */
  S,
  /** Reads this node and all below, and writes something below. */
  SIX,
  /** Writes this node and all below. */
  X;

  private static final int[] CONFLICTS = {
    bits(X), // IS
    bits(S, SIX, X), // IX
    bits(IX, SIX, X), // S
    bits(IX, S, SIX, X), // SIX
    bits(IS, IX, S, SIX, X) // X
  };

  boolean conflictsWith(Mode other) {
    return (CONFLICTS[ordinal()] & bits(other)) != 0;
  }

  /** Whether the claim is on the node itself, not only on something below it. */
  boolean isEarnest() {
    return this == S || this == SIX || this == X;
  }

  /** The weakest mode that claims what both claim. */
  Mode and(Mode other) {
    if (this == other) {
      return this;
    }
    Mode stronger = ordinal() > other.ordinal() ? this : other;
    // The five modes are a chain but for IX and S, of which neither contains the other.
    return (this == IX && other == S) || (this == S && other == IX) ? SIX : stronger;
  }

  private static int bits(Mode... modes) {
    int bits = 0;
    for (Mode mode : modes) {
      bits |= 1 << mode.ordinal();
    }
    return bits;
  }
}
