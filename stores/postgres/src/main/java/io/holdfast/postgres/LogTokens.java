package io.holdfast.postgres;

import io.holdfast.LockRefusedException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.OptionalLong;
import org.postgresql.replication.LogSequenceNumber;

/**
 * Fencing tokens that are made of positions of a server's write-ahead log, {@link PostgresTokens#WAL}. Immutable.
 *
 * @param version the server's, such as 180006
 * @param timeline the server's, which each promotion raises
 * @param above all tokens are larger than this
 */
record LogTokens(int version, long timeline, long above) {
  /*
   * Each grant writes a message to the log, and does not wait until that is flushed. So a crash may take it back, and its
   * position comes again. Therefore how far the log was flushed is part of the token, too. Counted in units of 64 bytes,
   *
   *   token = 63 × flushed + written
   *
   * where `written` is the end of the grant's message, and `flushed` how far the log was safe just then, but no further than
   * that end. Both are read with the lock held.
   *
   * From grant to grant `flushed` does not fall, and `written` rises by one or more, for the message is longer than a unit. A
   * crash takes `written` back, but not below `flushed`. It also ends all sessions, and each begins with a message that is
   * flushed; so in whichever comes after it both are above the old `flushed`. That alone is worth 64, and makes up for what is
   * lost of `written`, if that had been less than 64 ahead. Where it is further ahead the log is flushed for the token. So it
   * is always where a server goes on, after a crash, from the beginning of a record that is flushed in part, and so below
   * `flushed`: before PostgreSQL 12.9, 13.5 and 14.1 (its "overwrite contrecord" is what makes it go on behind).
   *
   * A token is no larger than 64 × written, a position in bytes.
   */

  /** The timeline is the upper part of a token. */
  private static final int POSITION_BITS = 48;

  /** Of a unit of 64 bytes, and of how many units {@code written} may be ahead. */
  private static final int UNIT_BITS = 6;

  private static final int UNIT = 1 << UNIT_BITS;

  /** With this text a message is longer than a unit, on any machine. */
  private static final String MESSAGE = "'holdfast', 'a grant of a lock'";

  /** So many bytes that are not flushed leave room for a message. */
  private static final int FAR_AHEAD = UNIT * UNIT - 4 * UNIT;

  /** From this version on a message can be flushed by itself. */
  private static final int FLUSHES_MESSAGES = 170000;

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

  /** Before a session's first token. Blocks. */
  void begin(Connection connection) throws SQLException {
    flushed(connection);
  }

  /** The SQL of what a token is made of, a text that is never null. */
  String sql() {
    // Where it would be too far ahead anyway it is flushed at once, which saves a trip.
    String flush =
        version < FLUSHES_MESSAGES
            ? ""
            : ", pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn() > " + FAR_AHEAD;
    return "(pg_logical_emit_message(false, "
        + MESSAGE
        + flush
        + ")::text || ' ' || pg_current_wal_flush_lsn()::text)";
  }

  /** A token of what {@link #sql} answered. Seldom it takes another statement, and blocks for that. */
  long token(Connection connection, String positions) throws SQLException {
    int space = positions.indexOf(' ');
    OptionalLong token =
        token(position(positions.substring(0, space)), position(positions.substring(space + 1)));
    return token.isPresent() ? token.getAsLong() : flushed(connection);
  }

  private long flushed(Connection connection) throws SQLException {
    // On disk before the answer is sent: by the commit of the transaction that the first one needs,
    // or by itself.
    String message =
        version < FLUSHES_MESSAGES
            ? "pg_logical_emit_message(true, " + MESSAGE + ")"
            : "pg_logical_emit_message(false, " + MESSAGE + ", true)";
    try (PreparedStatement statement = connection.prepareStatement("SELECT " + message + "::text");
        ResultSet row = statement.executeQuery()) {
      row.next();
      long written = position(row.getString(1));
      return token(written, written).orElseThrow();
    }
  }

  private boolean goesOnBelowWhatIsFlushed() {
    return version < 120009
        || (version >= 130000 && version < 130005)
        || (version >= 140000 && version < 140001);
  }

  private static long position(String text) {
    return LogSequenceNumber.valueOf(text).asLong();
  }

  /**
   * A token, or none if so much is not flushed that it might come again after a crash.
   *
   * @param written the end of the grant's message
   * @param flushed how far the log was flushed when the lock was had, or later
   */
  OptionalLong token(long written, long flushed) {
    if (goesOnBelowWhatIsFlushed() && flushed < written) {
      return OptionalLong.empty();
    }
    long units = written >>> UNIT_BITS;
    long safe = Math.min(written, flushed) >>> UNIT_BITS;
    // Timelines are added, not joined: where a log is longer than 2^48 bytes the sum still grows.
    return units - safe < UNIT
        ? OptionalLong.of(above + (timeline << POSITION_BITS) + (UNIT - 1) * safe + units)
        : OptionalLong.empty();
  }
}
