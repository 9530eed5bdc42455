package io.holdfast.postgres;

import io.holdfast.LockRefusedException;

/**
 * Fencing tokens that are positions of a server's write-ahead log, {@link PostgresTokens#WAL}.
 *
 * @param version the server's, such as 180006
 * @param timeline the server's, which each promotion raises
 * @param above all tokens are larger than this
 */
record LogTokens(int version, long timeline, long above) {
  /** The timeline is the upper part of a token. */
  private static final int POSITION_BITS = 48;

  /** @throws LockRefusedException if tokens would not fit into 63 bits */
  LogTokens {
    if (timeline >= (Long.MAX_VALUE - above + 1) >>> POSITION_BITS) {
      throw new LockRefusedException(
          "TIMELINE_TOO_HIGH",
          "timeline "
              + timeline
              + (above == 0 ? "" : ", and all above " + above + ",")
              + " leaves no tokens of 63 bits: use tokens=table or tokens=none");
    }
  }

  /** The SQL of the position in a token, never null. */
  String sql() {
    // Both return the position behind the message, which is on disk before the answer is sent: by
    // the commit of the transaction that the first one needs, or at once.
    String message =
        version < 170000
            ? "pg_logical_emit_message(true, 'holdfast', '')"
            : "pg_logical_emit_message(false, 'holdfast', '', true)";
    return "(" + message + " - '0/0'::pg_lsn)::bigint";
  }

  /**
   * A token. Positions of the log grow within a timeline, and a promotion or a recovery to an earlier point begins a new one.
   * Added, not joined: where a log is longer than 2^48 bytes the sum still grows.
   */
  long token(long position) {
    return above + (timeline << POSITION_BITS) + position;
  }
}
