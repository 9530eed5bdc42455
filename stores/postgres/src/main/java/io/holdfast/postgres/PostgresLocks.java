package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import java.util.Objects;
import javax.sql.DataSource;

/**
 * Locks in a PostgreSQL database: advisory locks of sessions of our own. Immutable; each method that changes something returns
 * a new one.
 *
 * <pre>{@code
 * LockClient locks = PostgresLocks.in(dataSource).connect();
 * }</pre>
 */
public final class PostgresLocks {
  private final ConnectionSource source;
  private final String where;
  private final PostgresKeys keys;
  private final PostgresTokens tokens;
  private final int maxSessions;

  private PostgresLocks(
      ConnectionSource source,
      String where,
      PostgresKeys keys,
      PostgresTokens tokens,
      int maxSessions) {
    this.source = source;
    this.where = where;
    this.keys = keys;
    this.tokens = tokens;
    this.maxSessions = maxSessions;
  }

  /**
   * Locks on connections that this opens.
   *
   * @param source opens connections that nobody else uses; a pool's would be missing in the pool
   */
  public static PostgresLocks on(ConnectionSource source) {
    return on(source, "PostgreSQL");
  }

  /** The same, with what to call the server in messages. */
  static PostgresLocks on(ConnectionSource source, String where) {
    return new PostgresLocks(
        Objects.requireNonNull(source, "source"),
        where,
        PostgresKeys.python(),
        PostgresTokens.WAL,
        PostgresStore.DEFAULT_SESSIONS);
  }

  /** Locks on connections of a data source, such as {@code PGSimpleDataSource}; better not of a pool. */
  public static PostgresLocks in(DataSource dataSource) {
    return on(dataSource::getConnection);
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public PostgresLocks keys(PostgresKeys keys) {
    return new PostgresLocks(
        source, where, Objects.requireNonNull(keys, "keys"), tokens, maxSessions);
  }

  /** Where fencing tokens come from; {@link PostgresTokens#WAL} by default. */
  public PostgresLocks tokens(PostgresTokens tokens) {
    return new PostgresLocks(
        source, where, keys, Objects.requireNonNull(tokens, "tokens"), maxSessions);
  }

  /**
   * A client opens so many connections at most, 4 by default: one for all that is had without waiting, the others for one
   * wait each, if somebody waits. Who waits beyond that is asked for every tenth of a second.
   *
   * @throws InvalidRequestException unless it is 1 to 64
   */
  public PostgresLocks maxSessions(int maxSessions) {
    if (maxSessions < 1 || maxSessions > PostgresStore.MOST_SESSIONS) {
      throw new InvalidRequestException(
          "MAX_SESSIONS",
          "maxSessions " + maxSessions + " is not within 1 and " + PostgresStore.MOST_SESSIONS);
    }
    return new PostgresLocks(source, where, keys, tokens, maxSessions);
  }

  /** Opens a client with {@link ClientOptions#defaults}. */
  public LockClient connect() {
    return connect(ClientOptions.defaults());
  }

  /**
   * Opens a client.
   *
   * @throws io.holdfast.StoreUnavailableException if the server cannot be reached
   * @throws io.holdfast.LockRefusedException if locks would exclude nobody there: a standby, a pooler in between, a server
   *     before 12
   */
  public LockClient connect(ClientOptions options) {
    return LockClient.over(PostgresStore.open(this, options), options);
  }

  ConnectionSource source() {
    return source;
  }

  String where() {
    return where;
  }

  PostgresKeys keys() {
    return keys;
  }

  PostgresTokens tokens() {
    return tokens;
  }

  int maxSessions() {
    return maxSessions;
  }
}
