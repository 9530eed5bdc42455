package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.spi.StoreSetup;
import java.util.Objects;
import java.util.Optional;
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
  private final long tokensAbove;
  private final String tokenTable;
  private final int maxSessions;

  private PostgresLocks(
      ConnectionSource source,
      String where,
      PostgresKeys keys,
      PostgresTokens tokens,
      long tokensAbove,
      String tokenTable,
      int maxSessions) {
    this.source = source;
    this.where = where;
    this.keys = keys;
    this.tokens = tokens;
    this.tokensAbove = tokensAbove;
    this.tokenTable = tokenTable;
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
        0,
        FenceTable.NAME,
        PostgresStore.DEFAULT_SESSIONS);
  }

  /** Locks on connections of a data source, such as {@code PGSimpleDataSource}; better not of a pool. */
  public static PostgresLocks in(DataSource dataSource) {
    return on(dataSource::getConnection);
  }

  /** Which advisory lock a name stands for; {@link PostgresKeys#python} by default. */
  public PostgresLocks keys(PostgresKeys keys) {
    Objects.requireNonNull(keys, "keys");
    return new PostgresLocks(source, where, keys, tokens, tokensAbove, tokenTable, maxSessions);
  }

  /** Where fencing tokens come from; {@link PostgresTokens#WAL} by default. */
  public PostgresLocks tokens(PostgresTokens tokens) {
    Objects.requireNonNull(tokens, "tokens");
    return new PostgresLocks(source, where, keys, tokens, tokensAbove, tokenTable, maxSessions);
  }

  /**
   * All fencing tokens from the write-ahead log, {@link PostgresTokens#WAL}, are larger than this; 0 by default. For a database
   * whose log has begun anew, by {@code pg_upgrade} or from a dump: the highest token of the old one. All clients must say the
   * same. With tokens from elsewhere, {@link #connect} refuses it.
   *
   * @throws InvalidRequestException if it is negative
   */
  public PostgresLocks tokensAbove(long token) {
    if (token < 0) {
      throw new InvalidRequestException("TOKEN_NEGATIVE", "tokensAbove " + token + " < 0");
    }
    return new PostgresLocks(source, where, keys, tokens, token, tokenTable, maxSessions);
  }

  /**
   * Counts fencing tokens in a table, {@link PostgresTokens#TABLE}: {@code holdfast_fence} unless it is told another here. {@link
   * #setup} makes it; the role needs {@code SELECT}, {@code INSERT} and {@code UPDATE} on it.
   *
   * @throws InvalidRequestException unless the name is of lower-case letters, digits and underscores, perhaps behind a schema's
   *     and a dot
   */
  public PostgresLocks tokenTable(String table) {
    RowSql.requireName(table);
    return new PostgresLocks(
        source, where, keys, PostgresTokens.TABLE, tokensAbove, table, maxSessions);
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
    return new PostgresLocks(source, where, keys, tokens, tokensAbove, tokenTable, maxSessions);
  }

  /** What must be made once: the table of tokens, if there is to be one. */
  public Optional<StoreSetup> setup() {
    return fences()
        .map(
            fences ->
                new TableSetup(
                    tokenTable,
                    fences.create,
                    () -> new RowDatabase(RowConnections.kept(new BoundedSource(source)), where)));
  }

  /** Opens a client with {@link ClientOptions#defaults}. */
  public LockClient connect() {
    return connect(ClientOptions.defaults());
  }

  /**
   * Opens a client.
   *
   * @throws InvalidRequestException if {@link #tokensAbove} was said, and tokens are not from the log
   * @throws io.holdfast.StoreUnavailableException if the server cannot be reached
   * @throws io.holdfast.LockRefusedException if locks would exclude nobody there: a standby, a pooler in between, a server
   *     before 12; or if the table of tokens is not there or may not be used
   */
  public LockClient connect(ClientOptions options) {
    if (tokensAbove > 0 && tokens != PostgresTokens.WAL) {
      throw new InvalidRequestException(
          "TOKENS_ABOVE", "tokensAbove " + tokensAbove + " means nothing for tokens of " + tokens);
    }
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

  long tokensAbove() {
    return tokensAbove;
  }

  /**
   * The server's log, if tokens come from it.
   *
   * @throws io.holdfast.LockRefusedException if it is beyond what a token can say
   */
  Optional<LogTokens> log(ServerFacts facts) {
    return tokens == PostgresTokens.WAL
        ? Optional.of(new LogTokens(facts.version(), facts.timeline(), tokensAbove))
        : Optional.empty();
  }

  /** The table that tokens come from, if they come from one. */
  Optional<FenceTable> fences() {
    return tokens == PostgresTokens.TABLE
        ? Optional.of(new FenceTable(tokenTable))
        : Optional.empty();
  }

  int maxSessions() {
    return maxSessions;
  }
}
