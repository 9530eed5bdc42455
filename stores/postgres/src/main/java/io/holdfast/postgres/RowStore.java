package io.holdfast.postgres;

import io.holdfast.Capability;
import io.holdfast.HoldData;
import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/**
 * Locks as rows of a table: a row per lock, which stays when the lock is free, for its token's sake. Nothing is kept in a
 * session, so that a transaction pooler may stand in between.
 *
 * <p>Thread-safe. Statements run on a few threads of its own, each on a connection for the time of the statement.
 */
final class RowStore implements LeaseStore {
  /** Statements that run at a time, and so connections. */
  static final int MOST_STATEMENTS = 4;

  /** Statements that wait for a thread. What comes then is turned away, and the engine asks again. */
  private static final int MOST_QUEUED = 10_000;

  private static final Set<Capability> CAPABILITIES =
      Collections.unmodifiableSet(
          EnumSet.of(
              Capability.ALL,
              Capability.DATA,
              Capability.LIST,
              Capability.FENCING,
              Capability.DURABLE_TOKENS));

  /** Shorter than a statement is waited for, so that the server ends it and its connection stays. */
  private static final int SECONDS_FOR_THE_REST = 1;

  /** No row has this version. */
  private static final long NO_VERSION = -1;

  private final RowDatabase database;
  private final RowSql sql;
  private final String place;
  private final @Nullable RowListener listener;
  private final ThreadPoolExecutor threads =
      Threads.pool("holdfast-postgres-rows", MOST_STATEMENTS);

  private RowStore(RowDatabase database, RowSql sql, String place, @Nullable RowListener listener) {
    this.database = database;
    this.sql = sql;
    this.place = place;
    this.listener = listener;
  }

  /**
   * Looks for the table.
   *
   * @param direct where sessions come from that listen for releases
   * @throws LockException if it cannot be used
   */
  static RowStore open(RowDatabase database, RowSql sql, Optional<ConnectionSource> direct) {
    try {
      Table table = database.use(connection -> table(connection, sql));
      direct.ifPresent(source -> requireFitToListen(source, sql, table));
      return new RowStore(
          database,
          sql,
          table.place,
          direct.map(source -> new RowListener(source, table.channel)).orElse(null));
    } catch (RuntimeException | Error e) {
      database.close();
      throw e;
    }
  }

  /** What the server says of the table, and which process says so. */
  private record Table(String place, String channel, int backendPid) {}

  private static Table table(Connection connection, RowSql sql) throws SQLException {
    find(connection, sql, ""); // no lock's name
    try (PreparedStatement query = connection.prepareStatement(sql.place);
        ResultSet row = query.executeQuery()) {
      row.next();
      ServerFacts.requireVersion(row.getInt(5));
      if (row.getBoolean(1)) {
        throw new LockRefusedException(
            "STANDBY", "server is in recovery (read-only standby); no lock can be taken there");
      }
      return new Table("postgresql:" + row.getString(2), row.getString(3), row.getInt(4));
    }
  }

  /** Who listened elsewhere, or on a session that is not its own, would never hear of anything, and never know. */
  private static void requireFitToListen(ConnectionSource source, RowSql sql, Table table) {
    RowDatabase once = new RowDatabase(RowConnections.kept(source), "listening session");
    try {
      once.use(
          connection -> {
            Table heard = table(connection, sql);
            if (!heard.place.equals(table.place)) {
              throw new LockRefusedException(
                  "LISTENS_ELSEWHERE", "the direct connection does not lead to the same table");
            }
            if (connection.unwrap(PGConnection.class).getBackendPID() != heard.backendPid) {
              throw new LockRefusedException(
                  "POOLER", "a connection pooler is in between, where nothing can be listened to");
            }
            return heard;
          });
    } finally {
      once.close();
    }
  }

  @Override
  public String name() {
    return "postgresql";
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public Set<Capability> capabilities() {
    return CAPABILITIES;
  }

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    return run(
        connection ->
            take.wanted().size() == 1 ? takeOne(connection, take) : takeAll(connection, take));
  }

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    return run(connection -> find(connection, name));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return run(
        connection -> {
          Optional<LeaseRecord> renewed;
          try (PreparedStatement update = connection.prepareStatement(sql.renew)) {
            update.setString(1, mine.name());
            update.setLong(2, Long.parseLong(mine.version()));
            update.setString(3, mine.grant());
            renewed = row(update);
          }
          return renewed.isPresent()
              ? new RenewAnswer.Renewed(renewed.get())
              : new RenewAnswer.Changed(find(connection, mine.name()));
        });
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return run(connection -> free(connection, held));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> revoke(LeaseRecord held) {
    return run(
        connection -> {
          Optional<LeaseRecord> freed = free(connection, held);
          if (freed.isPresent()) {
            freeRest(connection, held.grant());
          }
          return freed;
        });
  }

  private Optional<LeaseRecord> free(Connection connection, LeaseRecord held) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(listener == null ? sql.release : sql.releaseAloud)) {
      update.setString(1, held.name());
      update.setString(2, held.grant());
      return row(update);
    }
  }

  /** Which fails where the table is too large to be looked through in time: its holder frees it when it renews, then. */
  private void freeRest(Connection connection, String grant) {
    try (PreparedStatement update =
        connection.prepareStatement(listener == null ? sql.releaseRest : sql.releaseRestAloud)) {
      update.setQueryTimeout(SECONDS_FOR_THE_REST);
      update.setString(1, grant);
      update.execute();
    } catch (SQLException e) {
      // what was asked for is free all the same
    }
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return run(
        connection -> {
          try (PreparedStatement query = connection.prepareStatement(sql.list)) {
            query.setString(1, RowSql.beginningWith(prefix));
            query.setInt(2, most);
            List<LeaseRecord> found = new ArrayList<>();
            try (ResultSet rows = query.executeQuery()) {
              while (rows.next()) {
                found.add(record(rows));
              }
            }
            return found;
          }
        });
  }

  @Override
  public void onFreed(Consumer<String> heard) {
    if (listener != null) {
      listener.start(heard);
    }
  }

  @Override
  public void close() {
    if (listener != null) {
      listener.close();
    }
    threads.shutdown();
    database.close();
  }

  private TakeAnswer takeOne(Connection connection, Take take) throws SQLException {
    Take.Wanted wanted = take.wanted().get(0);
    Optional<LeaseRecord> taken = tryToTake(connection, take, wanted);
    return taken.isPresent()
        ? new TakeAnswer.Taken(List.of(taken.get()))
        : new TakeAnswer.InTheWay(List.of(find(connection, wanted.name())));
  }

  /**
   * In one transaction, which keeps what it has taken from others until it is clear whether it gets all. What is not
   * committed is rolled back by whoever lent the connection.
   */
  private TakeAnswer takeAll(Connection connection, Take take) throws SQLException {
    // Two that want the same rows meet at the first of them, and not crosswise.
    List<Take.Wanted> inOrder =
        take.wanted().stream().sorted(Comparator.comparing(Take.Wanted::name)).toList();
    connection.setAutoCommit(false);
    long token = 0;
    for (Take.Wanted wanted : inOrder) {
      Optional<LeaseRecord> taken = tryToTake(connection, take, wanted);
      if (taken.isEmpty()) {
        return new TakeAnswer.InTheWay(List.of(find(connection, wanted.name())));
      }
      token = Math.max(token, taken.get().token());
    }
    try (PreparedStatement update = connection.prepareStatement(sql.level)) {
      update.setLong(1, token);
      update.setArray(
          2,
          connection.createArrayOf(
              "text", inOrder.stream().map(Take.Wanted::name).toArray(String[]::new)));
      update.executeUpdate();
    }
    List<LeaseRecord> records = new ArrayList<>();
    for (Take.Wanted wanted : take.wanted()) {
      records.add(find(connection, wanted.name()));
    }
    connection.commit();
    return new TakeAnswer.Taken(records);
  }

  private Optional<LeaseRecord> tryToTake(Connection connection, Take take, Take.Wanted wanted)
      throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement(sql.take)) {
      insert.setString(1, wanted.name());
      insert.setString(2, take.grant());
      insert.setString(3, take.client());
      insert.setLong(4, take.leaseDuration().toMillis());
      insert.setBytes(5, take.data().bytes());
      insert.setLong(
          6, wanted.expired().map(seen -> Long.parseLong(seen.version())).orElse(NO_VERSION));
      return row(insert);
    }
  }

  private LeaseRecord find(Connection connection, String name) throws SQLException {
    return find(connection, sql, name);
  }

  private static LeaseRecord find(Connection connection, RowSql sql, String name)
      throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(sql.read)) {
      query.setString(1, name);
      return row(query).orElseGet(() -> LeaseRecord.free(name, "", 0));
    }
  }

  private static Optional<LeaseRecord> row(PreparedStatement statement) throws SQLException {
    try (ResultSet rows = statement.executeQuery()) {
      return rows.next() ? Optional.of(record(rows)) : Optional.empty();
    }
  }

  private static LeaseRecord record(ResultSet row) throws SQLException {
    String name = row.getString(1);
    String version = Long.toString(row.getLong(2));
    String grant = row.getString(3);
    long token = row.getLong(6);
    if (grant.isEmpty()) {
      return LeaseRecord.free(name, version, token);
    }
    Timestamp since = row.getTimestamp(7);
    return new LeaseRecord(
        name,
        version,
        grant,
        row.getString(4),
        Duration.ofMillis(row.getLong(5)),
        token,
        since == null ? Instant.EPOCH : since.toInstant(),
        HoldData.of(row.getBytes(8)));
  }

  private <T> CompletableFuture<T> run(RowDatabase.Use<T> use) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    try {
      if (threads.getQueue().size() >= MOST_QUEUED) {
        throw new RejectedExecutionException(MOST_QUEUED + " statements wait already");
      }
      threads.execute(
          () -> {
            try {
              answer.complete(database.use(use));
            } catch (RuntimeException | Error e) {
              answer.completeExceptionally(e);
            }
          });
    } catch (RejectedExecutionException e) {
      answer.completeExceptionally(
          new StoreUnavailableException(String.valueOf(e.getMessage()), e));
    }
    return answer;
  }
}
