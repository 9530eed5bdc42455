package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.StoreSetup;
import java.util.Optional;

/**
 * {@code postgresql://user:password@host:5432/database}, locks of a PostgreSQL database. For {@link
 * java.util.ServiceLoader}.
 *
 * <p>User and password may come from the environment, {@code PGUSER} and {@code PGPASSWORD}. Special characters are
 * percent-encoded. Parameters, after a {@code ?} and separated by {@code &}:
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><td>{@code keys=python|python-0.1.5|numbers|pairs:APPLICATION}<td>which lock a name stands for, {@link PostgresKeys}
 * <tr><td>{@code tokens=wal|table|none}<td>where fencing tokens come from, {@link PostgresTokens}
 * <tr><td>{@code tokensAbove=N}<td>all tokens are larger, {@link PostgresLocks#tokensAbove}
 * <tr><td>{@code maxSessions=4}<td>the most connections of a client, {@link PostgresLocks#maxSessions}
 * <tr><td>{@code mode=session|rows}<td>advisory locks of sessions, or rows of a table with leases, {@link PostgresRows}
 * <tr><td>{@code table=NAME}<td>with {@code mode=rows} or {@code tokens=table}, the table, perhaps behind its schema and a
 *     dot; {@code holdfast_lock} and {@code holdfast_fence} unless told otherwise
 * <tr><td>{@code listen=HOST:PORT}<td>with {@code mode=rows}, where the server is reached without a pooler, {@link
 *     PostgresRows#listening}
 * <tr><td>any other<td>goes to pgjdbc: {@code sslmode}, {@code connectTimeout}, …
 * </table>
 */
public final class PostgresProvider implements LockProvider {
  /** For {@link java.util.ServiceLoader}. */
  public PostgresProvider() {}

  @Override
  public String scheme() {
    return PostgresUrl.SCHEME;
  }

  @Override
  public LockStore open(String url, ClientOptions options) {
    PostgresUrl parsed = PostgresUrl.parse(url, System.getenv());
    return parsed.isOfRows()
        ? parsed.rows().open(options)
        : PostgresStore.open(parsed.locks(), options);
  }

  @Override
  public Optional<StoreSetup> setup(String url) {
    PostgresUrl parsed = PostgresUrl.parse(url, System.getenv());
    return parsed.isOfRows() ? Optional.of(parsed.rows().setup()) : parsed.locks().setup();
  }
}
