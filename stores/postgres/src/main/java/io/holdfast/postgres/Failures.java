package io.holdfast.postgres;

import io.holdfast.LockException;
import io.holdfast.LockKey;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import java.sql.SQLException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What PostgreSQL's errors are to a user, by their SQLSTATE. */
final class Failures {
  /** Of the whole connection's end: {@code admin_shutdown}, {@code crash_shutdown}, {@code idle_session_timeout}, … */
  private static final Set<String> ENDS_OF_SESSION =
      Set.of("57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04");

  private static final String TOO_MANY_CONNECTIONS = "53300";
  private static final String OUT_OF_MEMORY = "53200";
  private static final String NO_PERMISSION = "42501";
  private static final String UNDEFINED_TABLE = "42P01";
  private static final String IN_RECOVERY = "55000";
  private static final String CANCELLED = "57014";
  private static final String TRANSACTION_HAS_FAILED = "25P02";

  private Failures() {}

  /** Whether the session is over, and with it all it held. */
  static boolean endsSession(SQLException e) {
    String state = state(e);
    return state.startsWith("08") || ENDS_OF_SESSION.contains(state);
  }

  /** Whether a statement was ended by {@code pg_cancel_backend}, a cancel of ours, or a time-out of a statement. */
  static boolean isCancel(SQLException e) {
    return state(e).equals(CANCELLED);
  }

  /** Whether the transaction had failed before, so that no statement runs in it until it is rolled back. */
  static boolean saysTransactionHasFailed(@Nullable String state) {
    return TRANSACTION_HAS_FAILED.equals(state);
  }

  /** @param processes that of the connection, and that of its statements */
  static LockRefusedException pooler(String processes) {
    return new LockRefusedException(
        "POOLER",
        "a connection pooler is in between ("
            + processes
            + "): locks of sessions need a direct connection; locks of transactions do not");
  }

  /** Whether the server has no room for another lock. */
  static boolean isOutOfMemory(SQLException e) {
    return state(e).equals(OUT_OF_MEMORY);
  }

  /** Of a statement about a lock, after which nothing is held. */
  static LockException of(SQLException e) {
    return of(e.getSQLState(), e.getMessage(), e);
  }

  /** The same by what any driver tells. */
  static LockException of(@Nullable String state, @Nullable String message, Throwable cause) {
    String line = line(state, message);
    if (OUT_OF_MEMORY.equals(state)) {
      return new LockRefusedException(
          "TOO_MANY_LOCKS",
          "the server has no room for another lock: raise max_locks_per_transaction, which bounds all"
              + " sessions together ("
              + line
              + ")");
    }
    if (NO_PERMISSION.equals(state)) {
      return new LockRefusedException("NO_PERMISSION", line);
    }
    if (UNDEFINED_TABLE.equals(state)) {
      return new LockRefusedException(
          "NO_TABLE", line + ": make it with `holdfast setup`, or by the script that it prints");
    }
    if (IN_RECOVERY.equals(state)) {
      return new LockRefusedException(
          "STANDBY", "server is a standby, where advisory locks exclude nobody (" + line + ")");
    }
    if (saysTransactionHasFailed(state)) {
      return new LockRefusedException("TRANSACTION_FAILED", "roll it back first (" + line + ")");
    }
    return new StoreUnavailableException(line, cause);
  }

  /** Of the attempt to open a session. */
  static LockException ofConnecting(String where, SQLException e) {
    String hint =
        state(e).equals(TOO_MANY_CONNECTIONS)
            ? "; each client needs a connection or a few: raise max_connections or lower maxSessions"
            : "";
    return new StoreUnavailableException("no session with " + where + ": " + line(e) + hint, e);
  }

  static void requireSameName(AdvisoryKey key, LockKey one, LockKey other) {
    if (!one.equals(other)) {
      throw new LockRefusedException(
          "KEY_COLLISION",
          "names " + one + " and " + other + " have the same advisory lock " + key);
    }
  }

  /** SQLSTATE and message, on one line. */
  static String line(SQLException e) {
    return line(e.getSQLState(), e.getMessage());
  }

  private static String line(@Nullable String state, @Nullable String message) {
    String line =
        String.valueOf(message)
            .replaceAll("\\s*\\n\\s*Position: [0-9]+", "") // in a statement that nobody sees
            .replaceAll("\\s*[\\r\\n]+\\s*", "; ");
    return state == null || state.isEmpty() ? line : state + " " + line;
  }

  private static String state(SQLException e) {
    return e.getSQLState() == null ? "" : e.getSQLState();
  }
}
