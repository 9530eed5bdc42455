package io.holdfast.postgres;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The SQL of advisory locks. Text and decisions only, no driver: whatever driver runs it, the same is asked.
 *
 * <p>Keys are numbers, so they may stand in the text; names never do.
 */
final class AdvisorySql {
  /*
   * Waiting. A statement that waits in pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every
   * snapshot older than itself: if whoever builds the index holds the lock, both wait, and after deadlock_timeout PostgreSQL
   * ends one of them. So a wait is cut into slices well below deadlock_timeout; between two of them there is no snapshot. A
   * slice ends by lock_timeout, which would be an error in the server's log each time; caught in a block it is none.
   *
   * lock_timeout and a cancel can strike when the lock was granted already, which the session then holds though the
   * statement failed. So after either, pg_locks is asked. In a caller's session that is done by the waiting statement itself,
   * for in a transaction that it has made fail nothing else would run.
   */

  /** The answer of {@link #attempt} when all is granted; otherwise it is the index of the claim in the way. */
  static final String GRANTED = "granted";

  /** How an answer begins that refuses a pooler; behind it stand the two processes. */
  static final String POOLER = "pooler: ";

  /** Stands for a process that is not known. */
  static final int NO_PID = 0;

  /** Stands for a wait as long as the session's own {@code lock_timeout} lets it. */
  static final long NO_BOUND = -1;

  static final String PING = "SELECT 1";

  /** Gives back all that a session holds. */
  static final String UNLOCK_ALL = "SELECT pg_advisory_unlock_all()";

  /** What {@code lock_timeout} can express. */
  static final Duration LONGEST_WAIT = Duration.ofMillis(Integer.MAX_VALUE - 1);

  /** What ends a wait of a session of ours without the lock. */
  private static final String ENDS_WAIT =
      "lock_not_available OR query_canceled OR deadlock_detected";

  /** As many as fit on a line. */
  private static final int MOST_HOLDERS = 5;

  private static final String SAVED = "DECLARE before text := current_setting('lock_timeout'); ";
  private static final String RESTORE = "PERFORM set_config('lock_timeout', before, true);";

  /** True at a primary; at a standby, which grants locks that exclude nobody, it is an error. */
  private static final String IS_PRIMARY = "pg_current_wal_lsn() IS NOT NULL";

  private static final String REQUIRE_PRIMARY = "PERFORM pg_current_wal_lsn();\n";
  private static final String ANSWER = "holdfast.answer";

  private AdvisorySql() {}

  /** One of PostgreSQL's functions, for a session or a transaction. */
  static String lockFunction(boolean isTry, boolean inTransaction, boolean isShared) {
    return "pg_"
        + (isTry ? "try_" : "")
        + "advisory_"
        + (inTransaction ? "xact_" : "")
        + "lock"
        + (isShared ? "_shared" : "");
  }

  /** Takes a lock for the rest of the transaction: a row that says, as text, if it only tries, whether it is had. */
  static String lockInTransaction(Claim claim, boolean isTry) {
    String lock = call(lockFunction(isTry, true, claim.isShared()), claim);
    String row = "SELECT CASE WHEN " + IS_PRIMARY + " THEN " + lock + " END";
    return isTry ? row + "::text" : row;
  }

  /**
   * Tries a lock in a caller's session: a row that says, as text, whether it is had, or {@link #POOLER}.
   *
   * @param keyPid the process that the connection was made with, or {@link #NO_PID}
   */
  static String tryInSession(Claim claim, int keyPid) {
    String pooler =
        keyPid == NO_PID ? "" : "WHEN " + isElsewhere(keyPid) + " THEN " + elsewhere(keyPid) + " ";
    String lock = call(lockFunction(true, false, claim.isShared()), claim);
    return "SELECT CASE " + pooler + "WHEN " + IS_PRIMARY + " THEN " + lock + "::text END";
  }

  /**
   * Waits for a lock in a caller's session, and answers with {@link #GRANTED}, {@link #POOLER} or something else. A wait that
   * runs out of this time leaves an open transaction as it was, and {@code lock_timeout} too: the block is a savepoint. Any
   * other end of the wait fails the statement, as it would fail any. Either way nothing is held then.
   *
   * <p>It tries first. A session that has the lock already is granted it, so what is held after a wait in vain was granted to
   * that wait, and is given back without touching what the session had before. What is granted at once is not
   * looked after: a cancel has but the moment between the grant and the answer to strike, and leaves a lock that ends with the
   * session.
   *
   * @param waitMillis more than 0, or {@link #NO_BOUND}
   */
  static String awaitInSession(Claim claim, int keyPid, long waitMillis) {
    boolean isBounded = waitMillis != NO_BOUND;
    StringBuilder sql =
        new StringBuilder("DO $holdfast$ ").append(isBounded ? SAVED : "").append("BEGIN\n");
    if (keyPid != NO_PID) {
      sql.append("IF ").append(isElsewhere(keyPid)).append(" THEN PERFORM set_config('");
      sql.append(ANSWER).append("', ").append(elsewhere(keyPid));
      sql.append(", true); RETURN; END IF;\n");
    }
    sql.append(REQUIRE_PRIMARY).append("IF NOT ");
    sql.append(call(lockFunction(true, false, claim.isShared()), claim)).append(" THEN BEGIN ");
    if (isBounded) {
      setLockTimeout(sql, waitMillis);
    }
    sql.append("PERFORM ").append(call(lockFunction(false, false, claim.isShared()), claim));
    sql.append("; ").append(isBounded ? RESTORE : "").append("\nEXCEPTION ");
    if (isBounded) {
      sql.append("WHEN lock_not_available THEN\nIF NOT EXISTS (SELECT FROM pg_locks WHERE ");
      sql.append(isHeldHere(claim)).append(") THEN ");
      answer(sql, "0");
      sql.append(" RETURN; END IF;\n");
    }
    sql.append(isBounded ? "WHEN query_canceled" : "WHEN lock_not_available OR query_canceled");
    sql.append(" THEN\nPERFORM ").append(call(unlockFunction(claim.isShared()), claim));
    sql.append(" FROM pg_locks WHERE ").append(isHeldHere(claim));
    sql.append("; RAISE; END; END IF;\n");
    answer(sql, GRANTED);
    return sql.append("\nEND $holdfast$; SELECT current_setting('" + ANSWER + "')").toString();
  }

  private static String isElsewhere(int keyPid) {
    return "pg_backend_pid() <> " + keyPid;
  }

  private static String elsewhere(int keyPid) {
    return "'"
        + POOLER
        + "connected to process "
        + keyPid
        + ", statements run in ' || pg_backend_pid()";
  }

  /** Gives one lock of the session back: a row that says, as text, whether it was held. */
  static String unlockOne(Claim claim) {
    return "SELECT " + call(unlockFunction(claim.isShared()), claim) + "::text";
  }

  /**
   * Waits for a lock for the rest of the transaction, and answers with {@link #GRANTED} or something else. A wait that ends
   * without it leaves the transaction as it was, and {@code lock_timeout} too: the block is a savepoint. Should the time run
   * out when the lock was granted already, it is given back with the block, and tried once more.
   */
  static String awaitInTransaction(Claim claim, long waitMillis) {
    StringBuilder sql =
        new StringBuilder("DO $holdfast$ ")
            .append(SAVED)
            .append("BEGIN\n")
            .append(REQUIRE_PRIMARY)
            .append("BEGIN ");
    setLockTimeout(sql, waitMillis);
    sql.append("PERFORM ")
        .append(call(lockFunction(false, true, claim.isShared()), claim))
        .append("; ");
    answer(sql, GRANTED);
    sql.append(RESTORE)
        .append("\nEXCEPTION WHEN lock_not_available THEN\nPERFORM set_config('")
        .append(ANSWER)
        .append("', CASE WHEN ")
        .append(call(lockFunction(true, true, claim.isShared()), claim))
        .append(" THEN '")
        .append(GRANTED)
        .append("' ELSE '0' END, true); END;\nEND $holdfast$; SELECT current_setting('")
        .append(ANSWER)
        .append("')");
    return sql.toString();
  }

  static String unlockFunction(boolean isShared) {
    return isShared ? "pg_advisory_unlock_shared" : "pg_advisory_unlock";
  }

  /**
   * Tries one lock: a row with what the token is made of, or with null if it is busy.
   *
   * @param key whose space decides about the parameters: one bigint, or two integers
   * @param token the SQL of what the token is made of, a text
   */
  static String tryOne(AdvisoryKey key, boolean isShared, String token) {
    String parameters = key.isPair() ? "?, ?" : "?";
    String function = lockFunction(true, false, isShared);
    return "SELECT CASE WHEN " + function + "(" + parameters + ") THEN " + token + " END";
  }

  /** Gives one lock back: a row that says whether it was held. */
  static String unlockOne(AdvisoryKey key, boolean isShared) {
    return "SELECT " + unlockFunction(isShared) + "(" + (key.isPair() ? "?, ?" : "?") + ")";
  }

  /** Gives several back: a row with a column for each that says whether it was held. */
  static String unlock(List<Claim> claims) {
    return claims.stream()
        .map(claim -> call(unlockFunction(claim.isShared()), claim))
        .collect(Collectors.joining(", ", "SELECT ", ""));
  }

  /** Gives back what a session holds by mistake; without a warning in the server's log if it does not. */
  static String unlockIfHeld(Claim claim) {
    return "SELECT "
        + call(unlockFunction(claim.isShared()), claim)
        + " FROM pg_locks WHERE "
        + isHeldHere(claim);
  }

  /**
   * Waits for one lock for as long as the session's own {@code lock_timeout} lets it, and answers as {@link #attempt} does. It
   * is what most waits are, so it does as little as can be, and next to nothing once the lock is granted: all that it sets is
   * the answer of a wait in vain.
   */
  static String awaitOne(Claim claim, String token) {
    StringBuilder sql =
        new StringBuilder("DO $holdfast$ BEGIN PERFORM ")
            .append(call(lockFunction(false, false, claim.isShared()), claim))
            .append(";\nEXCEPTION WHEN ")
            .append(ENDS_WAIT)
            .append(" THEN\nIF NOT EXISTS (SELECT FROM pg_locks WHERE ")
            .append(isHeldHere(claim))
            .append(") THEN ");
    answer(sql, "0");
    return sql.append(" END IF;\nEND $holdfast$; SELECT CASE coalesce(current_setting('")
        .append(ANSWER)
        .append("', true), '') WHEN '' THEN ")
        .append(token)
        .append(" END, coalesce(nullif(current_setting('")
        .append(ANSWER)
        .append("', true), ''), '")
        .append(GRANTED)
        .append("')")
        .toString();
  }

  /**
   * Takes all or none, and answers with two columns: what the token is made of, or null; {@link #GRANTED} or the index of the
   * claim in the way.
   *
   * @param waitFor the index of the claim to wait for first; -1 to wait for none
   * @param waitMillis how long to wait for it, more than 0
   */
  static String attempt(List<Claim> claims, int waitFor, long waitMillis, String token) {
    StringBuilder sql = new StringBuilder("DO $holdfast$ ").append(SAVED).append("BEGIN\n");
    if (waitFor >= 0) {
      Claim claim = claims.get(waitFor);
      sql.append("BEGIN ");
      setLockTimeout(sql, waitMillis);
      sql.append("PERFORM ")
          .append(call(lockFunction(false, false, claim.isShared()), claim))
          .append("; ")
          .append(RESTORE)
          .append("\nEXCEPTION WHEN ")
          .append(ENDS_WAIT)
          .append(" THEN\n")
          .append("IF NOT EXISTS (SELECT FROM pg_locks WHERE ")
          .append(isHeldHere(claim))
          .append(") THEN ");
      answer(sql, Integer.toString(waitFor));
      sql.append(" RETURN; END IF; END;\n");
    }
    for (int i = 0; i < claims.size(); i++) {
      if (i != waitFor) {
        Claim claim = claims.get(i);
        sql.append("IF NOT ")
            .append(call(lockFunction(true, false, claim.isShared()), claim))
            .append(" THEN ");
        giveBack(sql, claims, waitFor, i);
        answer(sql, Integer.toString(i));
        sql.append(" RETURN; END IF;\n");
      }
    }
    answer(sql, GRANTED);
    return sql.append("\nEND $holdfast$; SELECT CASE current_setting('")
        .append(ANSWER)
        .append("') WHEN '")
        .append(GRANTED)
        .append("' THEN ")
        .append(token)
        .append(" END, current_setting('")
        .append(ANSWER)
        .append("')")
        .toString();
  }

  private static void setLockTimeout(StringBuilder sql, long millis) {
    sql.append("PERFORM set_config('lock_timeout', '").append(millis).append("', true); ");
  }

  private static void giveBack(StringBuilder sql, List<Claim> claims, int waitedFor, int failed) {
    for (int i = failed - 1; i >= 0; i--) {
      if (i != waitedFor) {
        perform(sql, claims.get(i));
      }
    }
    if (waitedFor >= 0) {
      perform(sql, claims.get(waitedFor));
    }
  }

  private static void perform(StringBuilder sql, Claim claim) {
    sql.append("PERFORM ").append(call(unlockFunction(claim.isShared()), claim)).append("; ");
  }

  private static void answer(StringBuilder sql, String answer) {
    sql.append("PERFORM set_config('")
        .append(ANSWER)
        .append("', '")
        .append(answer)
        .append("', true);");
  }

  private static String call(String function, Claim claim) {
    return function + "(" + claim.key() + ")";
  }

  /** The condition of {@code pg_locks} for what this session holds. */
  private static String isHeldHere(Claim claim) {
    return isOn(claim.key())
        + " AND pid = pg_backend_pid() AND granted AND mode = '"
        + (claim.isShared() ? "ShareLock" : "ExclusiveLock")
        + "'";
  }

  /** Who has a key, for people to read: a row with some text, or null if nobody has. */
  static String holders(AdvisoryKey key) {
    return "SELECT string_agg(coalesce(nullif(application_name, ''), 'a session') || ' (process ' || pid"
        + " || coalesce(' from ' || host(client_addr), '') || ')', ', ')"
        + " FROM (SELECT pid FROM pg_locks WHERE "
        + isOn(key)
        + " AND granted ORDER BY pid LIMIT "
        + MOST_HOLDERS
        + ") AS holding LEFT JOIN pg_stat_activity USING (pid)";
  }

  /** The condition of {@code pg_locks} for a key of this database. */
  static String isOn(AdvisoryKey key) {
    return "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        + " AND classid = "
        + Integer.toUnsignedString(key.high())
        + " AND objid = "
        + Integer.toUnsignedString(key.low())
        + " AND objsubid = "
        + (key.isPair() ? 2 : 1);
  }
}
