package io.holdfast.postgres;

import io.holdfast.ClientOptions;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.LockStore;

/**
 * {@code postgresql://user:password@host:5432/database}, advisory locks of a PostgreSQL database. For {@link
 * java.util.ServiceLoader}.
 *
 * <p>User and password may come from the environment, {@code PGUSER} and {@code PGPASSWORD}. Special characters are
 * percent-encoded. Parameters, after a {@code ?} and separated by {@code &}:
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><td>{@code keys=python|python-0.1.5|numbers|pairs:APPLICATION}<td>which lock a name stands for, {@link PostgresKeys}
 * <tr><td>{@code tokens=wal|none}<td>where fencing tokens come from, {@link PostgresTokens}
 * <tr><td>{@code maxSessions=4}<td>the most connections of a client, {@link PostgresLocks#maxSessions}
 * <tr><td>{@code mode=session}<td>the only one by URL
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
    return PostgresStore.open(PostgresUrl.parse(url, System.getenv()).locks(), options);
  }
}
