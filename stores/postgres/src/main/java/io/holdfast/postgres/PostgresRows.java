package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.StoreSetup;
import java.util.Objects;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * Locks as rows of a table of a PostgreSQL database, with leases: for whoever reaches it through a transaction pooler, or wants
 * data, lists and forced releases. Where a direct connection can be had, {@link PostgresLocks} cost less and hand over sooner.
 * Immutable; each method that changes something returns a new one.
 *
 * <pre>{@code
 * PostgresRows rows = PostgresRows.in(dataSource);
 * rows.setup().run(); // once, by whoever may create tables
 * LockClient locks = rows.connect();
 * }</pre>
 */
public final class PostgresRows {
  /** The table, unless told otherwise. */
  public static final String TABLE = "holdfast_lock";

  private final ConnectionSource source;
  private final boolean keepsConnections;
  private final String where;
  private final String table;
  private final Optional<ConnectionSource> direct;

  private PostgresRows(
      ConnectionSource source,
      boolean keepsConnections,
      String where,
      String table,
      Optional<ConnectionSource> direct) {
    this.source = source;
    this.keepsConnections = keepsConnections;
    this.where = where;
    this.table = table;
    this.direct = direct;
  }

  /** Locks on connections of a data source, best of a pool: each is borrowed for one statement or one short transaction. */
  public static PostgresRows in(DataSource dataSource) {
    Objects.requireNonNull(dataSource, "dataSource");
    return new PostgresRows(
        BoundedSource.of(dataSource), false, "PostgreSQL", TABLE, Optional.empty());
  }

  /** Locks on connections of our own, of which a client keeps as many as it uses at a time. */
  static PostgresRows on(ConnectionSource source, String where) {
    return new PostgresRows(new BoundedSource(source), true, where, TABLE, Optional.empty());
  }

  /**
   * Another table than {@value #TABLE}, perhaps behind its schema and a dot.
   *
   * @throws io.holdfast.InvalidRequestException unless the name is of lower-case letters, digits and underscores
   */
  public PostgresRows table(String table) {
    RowSql.requireName(table);
    return new PostgresRows(source, keepsConnections, where, table, direct);
  }

  /**
   * Has waiters told of releases in other processes ({@code LISTEN} and {@code NOTIFY}), instead of only looking again and again.
   * Releases of clients without this are not told, so give it to all clients of a table. Each costs the server a commit that
   * waits for others of its kind.
   *
   * @param direct opens connections to the same database, directly and not through a pooler; each client keeps one
   */
  public PostgresRows listening(ConnectionSource direct) {
    return new PostgresRows(
        source,
        keepsConnections,
        where,
        table,
        Optional.of(new BoundedSource(Objects.requireNonNull(direct, "direct"))));
  }

  /** What must be made once: the table. */
  public StoreSetup setup() {
    return new TableSetup(table, new RowSql(table).create, this::database);
  }

  /** Opens a client with {@link ClientOptions#defaults}. */
  public LockClient connect() {
    return connect(ClientOptions.defaults());
  }

  /**
   * Opens a client.
   *
   * @throws io.holdfast.StoreUnavailableException if the server cannot be reached
   * @throws io.holdfast.LockRefusedException if the table is not there or may not be used
   */
  public LockClient connect(ClientOptions options) {
    return LockClient.over(open(options), options);
  }

  LockStore open(ClientOptions options) {
    return LeaseLocks.over(store(), options);
  }

  /** Refuses what cannot be used. */
  RowStore store() {
    return RowStore.open(database(), new RowSql(table), direct);
  }

  private RowDatabase database() {
    return new RowDatabase(
        keepsConnections ? RowConnections.kept(source) : RowConnections.pooled(source), where);
  }
}
