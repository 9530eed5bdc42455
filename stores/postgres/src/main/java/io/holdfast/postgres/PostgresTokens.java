package io.holdfast.postgres;

/** Where fencing tokens come from. */
public enum PostgresTokens {
  /**
   * From the position of the write-ahead log, the default: a message of a few bytes is written to the log and flushed with
   * each grant. It needs no table and no permission, and grows over crashes and promotions.
   */
  WAL,
  /** There are none, and no flush: {@link io.holdfast.Hold#token} throws. */
  NONE
}
