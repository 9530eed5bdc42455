package io.holdfast.postgres;

/** Where fencing tokens come from. All clients of a database must take them from the same place. */
public enum PostgresTokens {
  /**
   * From positions of the write-ahead log, the default: a message of a few bytes is written to the log with each grant.
   * It needs no table and no permission, and grows over crashes and promotions. A server whose log has begun anew, by
   * {@code pg_upgrade} or from a dump, must be told {@link PostgresLocks#tokensAbove}.
   */
  WAL,
  /**
   * From a table with the latest token of each name, 1, 2, 3 and so on: {@link PostgresLocks#tokenTable}. It costs a trip, a
   * flush of the disk and a dead row more for each grant, and outlives what the log does not: a dump that is restored elsewhere.
   */
  TABLE,
  /** There are none, and nothing is written: {@link io.holdfast.Hold#token} throws. */
  NONE
}
