package io.holdfast.postgres;

import io.holdfast.LockException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.jdbc.PgConnection;

/**
 * A connection that locks live on. Its methods that run statements block, one after another; each ends within {@link
 * #SILENCE}, or the connection is broken. It decides nothing: who may use it for what is the store's to say, and so is what
 * follows from an {@link SQLException}.
 */
final class AdvisorySession {
  /** How often an idle session that holds something is asked whether it still lives. */
  static final Duration PING_EVERY = Duration.ofSeconds(2);

  /** How long an answer may take; after that the connection counts as broken. */
  static final Duration SILENCE = Duration.ofSeconds(2);

  /** A session that has not been heard of for so long holds nothing. The server gives up on it a second later. */
  static final Duration PROOF_LASTS = PING_EVERY.plus(SILENCE);

  /** How often an idle session that holds something is looked at. */
  static final Duration LOOK_EVERY = Duration.ofMillis(50);

  private static final int MAX_APPLICATION_NAME = 63;

  /** Prepared statements: two modes of trying, two of giving back, in each of two key spaces. */
  private static final int MAX_PREPARED = 8;

  private final Connection connection;
  private final PGConnection postgres;
  private final ServerFacts facts;
  private final Optional<LogTokens> log;
  private final Optional<FenceTable> fences;
  private final Ticker ticker;

  /** Held while a statement runs: a connection carries one at a time. */
  private final ReentrantLock wire = new ReentrantLock();

  private final Map<String, PreparedStatement> prepared = new HashMap<>();

  /** The statement that waits for a lock, for another thread to cancel. */
  private volatile @Nullable Statement waiting;

  /** The server was alive at this moment or later: when the latest statement that was answered was sent. */
  private volatile long provenAtNanos;

  // What follows is the store's, guarded by its mutex.

  /** How many times each key is held here or about to be; below 0 exclusively. */
  final Map<AdvisoryKey, Integer> uses = new HashMap<>();

  /** Whose wait runs here. */
  volatile @Nullable PostgresRequest serves;

  /** The thread that waits here, if it is the caller's own. */
  volatile @Nullable Thread waiter;

  /** Somebody looks what a failed statement has left, and nobody may take anything meanwhile: it would be given back, too. */
  boolean isBeingCleaned;

  Ticker.@Nullable Alarm silenceAlarm;
  long idleSinceNanos;

  /** Why it is over; null while it lives. */
  volatile @Nullable LossReason over;

  AdvisorySession(
      Connection connection,
      PGConnection postgres,
      ServerFacts facts,
      Optional<LogTokens> log,
      Optional<FenceTable> fences,
      Ticker ticker) {
    this.connection = connection;
    this.postgres = postgres;
    this.facts = facts;
    this.log = log;
    this.fences = fences;
    this.ticker = ticker;
    this.idleSinceNanos = ticker.nanos();
    this.provenAtNanos = idleSinceNanos;
  }

  /**
   * Opens a session and makes it fit for locks.
   *
   * @throws LockException if there is no connection, or the server is one where locks would exclude nobody
   */
  static AdvisorySession open(
      ConnectionSource source, PostgresLocks locks, String client, Ticker ticker) {
    long sentAt = ticker.nanos();
    try {
      Connection connection = source.open();
      try {
        connection.setNetworkTimeout(Runnable::run, Math.toIntExact(SILENCE.toMillis()));
        connection.setAutoCommit(true);
        PGConnection postgres = connection.unwrap(PGConnection.class);
        ServerFacts facts = ask(connection, postgres);
        facts.requireFitForSessions();
        Optional<LogTokens> log = locks.log(facts);
        configure(connection, facts, locks.tokens(), client);
        if (log.isPresent()) {
          log.get().begin(connection);
        }
        Optional<FenceTable> fences = locks.fences();
        fences.ifPresent(table -> table.requireThere(connection));
        AdvisorySession session =
            new AdvisorySession(connection, postgres, facts, log, fences, ticker);
        session.provenAtNanos = sentAt;
        return session;
      } catch (SQLException | RuntimeException e) {
        close(connection);
        throw e;
      }
    } catch (SQLException e) {
      throw Failures.ofConnecting(locks.where(), e);
    } catch (LockException e) {
      throw e;
    } catch (RuntimeException e) { // the caller's code opens connections
      throw new StoreUnavailableException("no session with " + locks.where() + ": " + e, e);
    }
  }

  private static ServerFacts ask(Connection connection, PGConnection postgres) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(ServerFacts.QUESTION)) {
      row.next();
      return new ServerFacts(
          postgres.getBackendPID(),
          row.getInt(1),
          row.getBoolean(2),
          row.getInt(3),
          row.getLong(4),
          row.getLong(5));
    }
  }

  private static void configure(
      Connection connection, ServerFacts facts, PostgresTokens tokens, String client)
      throws SQLException {
    String name = "holdfast " + client;
    set(connection, "application_name", cut(name));
    if (tokens != PostgresTokens.TABLE) {
      // Where a token is flushed it need not wait for a standby that is away: timelines order
      // tokens.
      set(connection, "synchronous_commit", "local");
    } else {
      try (Statement statement = connection.createStatement()) {
        statement.executeQuery(FenceTable.MAKE_DURABLE).close();
      }
    }
    for (String setting : facts.settings()) {
      set(connection, setting);
    }
    for (String setting : facts.optionalSettings()) {
      try {
        set(connection, setting);
      } catch (SQLException e) {
        if (Failures.endsSession(e)) {
          throw e;
        }
        // The server's machine cannot do it; then a dead client is noticed later there.
      }
    }
  }

  private static void set(Connection connection, String setting) throws SQLException {
    int equals = setting.indexOf('=');
    set(connection, setting.substring(0, equals), setting.substring(equals + 1));
  }

  private static void set(Connection connection, String name, String value) throws SQLException {
    try (PreparedStatement set = connection.prepareStatement("SELECT set_config(?, ?, false)")) {
      set.setString(1, name);
      set.setString(2, value);
      set.executeQuery().close();
    }
  }

  private static String cut(String name) {
    return name.length() <= MAX_APPLICATION_NAME ? name : name.substring(0, MAX_APPLICATION_NAME);
  }

  /** Until when whoever holds something here may believe it, unless the server is heard of again. */
  long deadlineNanos() {
    return provenAtNanos + PROOF_LASTS.toNanos();
  }

  long sliceMillis() {
    return facts.sliceMillis();
  }

  // ------------------------------------------------------------------------------------------------- statements

  /** What came of an attempt: the token if it was granted, or else which claim was in the way. */
  record Attempt(boolean isGranted, long token, int inTheWay) {
    static Attempt granted(long token) {
      return new Attempt(true, token, -1);
    }

    static Attempt busy(int inTheWay) {
      return new Attempt(false, 0, inTheWay);
    }
  }

  /** Takes all or none, without waiting. */
  Attempt attempt(List<Claim> claims) throws SQLException {
    return claims.size() == 1 ? tryOne(claims.get(0)) : runAttempt(claims, -1, 0);
  }

  /** Takes all or none, after waiting for one of them for at most so long. {@link #cancelWait} ends the wait. */
  Attempt await(List<Claim> claims, int waitFor, long waitMillis) throws SQLException {
    return runAttempt(claims, waitFor, waitMillis);
  }

  private Attempt tryOne(Claim claim) throws SQLException {
    AdvisoryKey key = claim.key();
    wire.lock();
    try {
      long sentAt = ticker.nanos();
      PreparedStatement statement =
          prepared(AdvisorySql.tryOne(key, claim.isShared(), tokenSql()), key);
      try (ResultSet row = statement.executeQuery()) {
        provenAtNanos = sentAt;
        row.next();
        String positions = row.getString(1);
        return positions == null ? Attempt.busy(0) : granted(List.of(claim), positions);
      }
    } finally {
      wire.unlock();
    }
  }

  private Attempt runAttempt(List<Claim> claims, int waitFor, long waitMillis) throws SQLException {
    String token = tokenSql();
    String sql =
        claims.size() == 1 && waitMillis == sliceMillis()
            ? AdvisorySql.awaitOne(claims.get(0), token)
            : AdvisorySql.attempt(claims, waitFor, waitMillis, token);
    wire.lock();
    // The driver keeps what it has prepared, by its text: who waits for a lock waits for it again.
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      long sentAt = ticker.nanos();
      waiting = waitFor >= 0 ? statement : null;
      boolean isRows = statement.execute();
      while (!isRows) {
        isRows = statement.getMoreResults();
      }
      provenAtNanos = sentAt;
      try (ResultSet row = statement.getResultSet()) {
        row.next();
        String positions = row.getString(1);
        String answer = row.getString(2);
        return answer.equals(AdvisorySql.GRANTED)
            ? granted(claims, positions)
            : Attempt.busy(Integer.parseInt(answer));
      }
    } finally {
      waiting = null;
      wire.unlock();
    }
  }

  private String tokenSql() {
    return log.map(LogTokens::sql).orElse("''");
  }

  /** With a token, which may cost a statement more. The positions are the answer of {@link #tokenSql}. */
  private Attempt granted(List<Claim> claims, String positions) throws SQLException {
    if (fences.isPresent()) {
      return Attempt.granted(fences.get().next(connection, claims));
    }
    return Attempt.granted(log.isPresent() ? log.get().token(connection, positions) : 0);
  }

  /** Ends the wait that runs here, if one does. Opens a connection for it. */
  void cancelWait() {
    Statement statement = waiting;
    if (statement != null) {
      try {
        statement.cancel();
      } catch (SQLException e) {
        // The slice ends by itself.
      }
    }
  }

  /**
   * Gives all of these back.
   *
   * @return whether all were held
   */
  boolean unlock(List<Claim> claims) throws SQLException {
    wire.lock();
    try {
      long sentAt = ticker.nanos();
      boolean wereHeld = claims.size() == 1 ? unlockOne(claims.get(0)) : unlockAll(claims);
      provenAtNanos = sentAt;
      return wereHeld;
    } finally {
      wire.unlock();
    }
  }

  private boolean unlockOne(Claim claim) throws SQLException {
    AdvisoryKey key = claim.key();
    try (ResultSet row =
        prepared(AdvisorySql.unlockOne(key, claim.isShared()), key).executeQuery()) {
      row.next();
      return row.getBoolean(1);
    }
  }

  private boolean unlockAll(List<Claim> claims) throws SQLException {
    boolean wereHeld = true;
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(AdvisorySql.unlock(claims))) {
      row.next();
      for (int i = 1; i <= claims.size(); i++) {
        wereHeld &= row.getBoolean(i);
      }
    }
    return wereHeld;
  }

  /** Who has a key, for people to read; empty if nobody has, or it cannot be told. */
  String holders(AdvisoryKey key) {
    wire.lock();
    try {
      return CallerSql.answer(connection, AdvisorySql.holders(key), 1);
    } catch (SQLException e) {
      return ""; // what is wrong shows when it matters
    } finally {
      wire.unlock();
    }
  }

  /** Sees that none of these is held after a statement that was to take them failed. */
  void cleanUp(List<Claim> claims) throws SQLException {
    wire.lock();
    try (Statement statement = connection.createStatement()) {
      for (Claim claim : claims) {
        try {
          statement.executeQuery(AdvisorySql.unlockIfHeld(claim)).close();
        } catch (SQLException e) {
          if (!Failures.isOutOfMemory(e)) {
            throw e;
          }
          // No room to look: a warning in the server's log, if there is nothing to give back.
          statement.executeQuery(AdvisorySql.unlockOne(claim)).close();
        }
      }
    } finally {
      wire.unlock();
    }
  }

  /**
   * Looks, unless there is traffic, which would tell, whether the server has said goodbye. Takes a millisecond.
   *
   * @return whether the server has not been heard of for so long that it is to be asked
   * @throws SQLException if the session is over
   */
  boolean look() throws SQLException {
    if (ticker.nanos() - provenAtNanos >= LOOK_EVERY.toNanos() && wire.tryLock()) {
      try {
        postgres.getNotifications(1);
        return ticker.nanos() - provenAtNanos >= PING_EVERY.toNanos();
      } finally {
        wire.unlock();
      }
    }
    return false;
  }

  /**
   * Asks the server whether it lives.
   *
   * @throws SQLException if the session is over
   */
  void ping() throws SQLException {
    wire.lock();
    try (Statement statement = connection.createStatement()) {
      long sentAt = ticker.nanos();
      statement.executeQuery(AdvisorySql.PING).close();
      provenAtNanos = sentAt;
    } finally {
      wire.unlock();
    }
  }

  /** Ends it in good order; all that it held is free when this returns, unless the server does not answer. */
  void close() {
    wire.lock();
    try (Statement statement = connection.createStatement()) {
      statement.executeQuery(AdvisorySql.UNLOCK_ALL).close();
    } catch (SQLException e) {
      // Its end gives back the same.
    } finally {
      wire.unlock();
    }
    close(connection);
  }

  /** Ends it at once, whatever runs on it. */
  void abort() {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      // It has no end but one.
    }
    close(connection); // or a pool that it came out of counts it as lent for ever
  }

  /** Not back into a pool, if it came out of one: what it was, with its settings and perhaps locks, nobody else must get. */
  private static void close(Connection connection) {
    try {
      connection.unwrap(PgConnection.class).close();
    } catch (SQLException e) {
      // Closing again below is all that is left.
    }
    try {
      connection.close();
    } catch (SQLException | RuntimeException e) {
      // It was closed above; a pool's may stumble over two threads that close it at a time.
    }
  }

  private PreparedStatement prepared(String sql, AdvisoryKey key) throws SQLException {
    PreparedStatement statement = prepared.get(sql);
    if (statement == null) {
      statement = connection.prepareStatement(sql);
      assert prepared.size() < MAX_PREPARED;
      prepared.put(sql, statement);
    }
    if (key.isPair()) {
      statement.setInt(1, key.high());
      statement.setInt(2, key.low());
    } else {
      statement.setLong(1, key.number());
    }
    return statement;
  }

  // ------------------------------------------------------------------------------------------------- uses, under the store's mutex

  /** Whether these can be taken here: a session is granted what it holds already, so it must hold none of them. */
  boolean hasNone(List<Claim> claims) {
    return !isBeingCleaned && claims.stream().noneMatch(claim -> uses.containsKey(claim.key()));
  }

  /** Whether these can be taken here because what it holds of them is shared and so are they. */
  boolean canShare(List<Claim> claims) {
    return !isBeingCleaned
        && claims.stream()
            .allMatch(
                claim -> {
                  int count = uses.getOrDefault(claim.key(), 0);
                  return count == 0 || (count > 0 && claim.isShared());
                });
  }

  /** Whether one of these is used here by more than one. */
  boolean sharesAny(List<Claim> claims) {
    return claims.stream().anyMatch(claim -> uses.getOrDefault(claim.key(), 0) > 1);
  }

  void stopServing() {
    serves = null;
    waiter = null;
  }

  void use(List<Claim> claims) {
    for (Claim claim : claims) {
      uses.merge(claim.key(), claim.isShared() ? 1 : -1, Integer::sum);
    }
  }

  void leave(List<Claim> claims) {
    for (Claim claim : claims) {
      uses.merge(claim.key(), claim.isShared() ? -1 : 1, (a, b) -> a + b == 0 ? null : a + b);
    }
    idleSinceNanos = ticker.nanos();
  }

  @Override
  public String toString() {
    return "session " + facts.backendPid();
  }

  static long earlier(long one, long other) {
    if (one == Lease.NO_DEADLINE || other == Lease.NO_DEADLINE) {
      return Math.min(one, other);
    }
    return one - other < 0 ? one : other;
  }
}
