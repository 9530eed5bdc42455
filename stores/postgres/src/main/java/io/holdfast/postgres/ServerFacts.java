package io.holdfast.postgres;

import io.holdfast.LockRefusedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What a new session tells of its server, and whether locks can live there.
 *
 * @param keyPid the process that the connection was made with, by the key for cancelling; 0 if the driver does not tell
 * @param backendPid the process that runs its statements
 * @param inRecovery whether it is a standby
 * @param version such as 180006
 * @param timeline the timeline, which each promotion raises; 0 on a standby
 * @param deadlockTimeoutMillis how long a statement waits before the server looks for a deadlock
 */
record ServerFacts(
    int keyPid,
    int backendPid,
    boolean inRecovery,
    int version,
    long timeline,
    long deadlockTimeoutMillis) {
  /** Asks for all of these but the first, in this order. */
  static final String QUESTION =
      "SELECT pg_backend_pid(), pg_is_in_recovery(),"
          + " current_setting('server_version_num')::int,"
          + " CASE WHEN pg_is_in_recovery() THEN 0"
          + " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint"
          + " END,"
          + " (SELECT setting::bigint FROM pg_settings WHERE name = 'deadlock_timeout')";

  static final int OLDEST_VERSION = 120000;

  /** A wait is cut into slices no longer than this, and no longer than half of the server's {@code deadlock_timeout}. */
  static final Duration LONGEST_SLICE = Duration.ofMillis(500);

  /** The keepalive that makes the server give up on a silent client after five seconds, which is more than the client waits. */
  static final List<String> OPTIONAL_SETTINGS =
      List.of(
          "tcp_keepalives_idle=2",
          "tcp_keepalives_interval=1",
          "tcp_keepalives_count=3",
          "tcp_user_timeout=5s");

  /**
   * Refuses a server where locks of sessions would exclude nobody, or not be given back.
   *
   * @throws LockRefusedException naming what is wrong
   */
  void requireFitForSessions() {
    requireVersion(version);
    if (inRecovery) {
      throw new LockRefusedException(
          "STANDBY",
          "server is in recovery (read-only standby); advisory locks there exclude nobody");
    }
    if (keyPid != 0 && keyPid != backendPid) {
      throw Failures.pooler("connected to process " + keyPid + ", statements run in " + backendPid);
    }
  }

  /** Refuses a server that is too old, by its {@code server_version_num}. */
  static void requireVersion(int version) {
    if (version < OLDEST_VERSION) {
      String minor = version < 100000 ? "" : "." + version % 10000;
      throw new LockRefusedException(
          "SERVER_TOO_OLD",
          "server is PostgreSQL "
              + version / 10000
              + minor
              + ", at least "
              + OLDEST_VERSION / 10000
              + " is needed");
    }
  }

  /** A wait is cut into slices of this: see {@link AdvisorySql}. */
  long sliceMillis() {
    return Math.max(1, Math.min(LONGEST_SLICE.toMillis(), deadlockTimeoutMillis / 2));
  }

  /** What a session that holds locks must not be without, as {@code name=value}. */
  List<String> settings() {
    List<String> settings = new ArrayList<>();
    settings.add("statement_timeout=0");
    settings.add("lock_timeout=" + sliceMillis());
    settings.add("idle_in_transaction_session_timeout=0");
    // What a role may be told to do as a rule does not suit a counter that many raise.
    settings.add("default_transaction_isolation=read committed");
    settings.add("default_transaction_read_only=off");
    if (version >= 140000) {
      settings.add("idle_session_timeout=0");
    }
    if (version >= 170000) {
      settings.add("transaction_timeout=0");
    }
    return settings;
  }

  /** What the server's machine may not be able to. */
  List<String> optionalSettings() {
    List<String> settings = new ArrayList<>(OPTIONAL_SETTINGS);
    if (version >= 140000) {
      settings.add("client_connection_check_interval=1s");
    }
    return settings;
  }
}
