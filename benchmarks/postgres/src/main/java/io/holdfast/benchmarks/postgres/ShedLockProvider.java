package io.holdfast.benchmarks.postgres;

import com.zaxxer.hikari.HikariDataSource;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import net.javacrumbs.shedlock.core.LockConfiguration;
import net.javacrumbs.shedlock.core.SimpleLock;
import net.javacrumbs.shedlock.provider.jdbctemplate.JdbcTemplateLockProvider;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.JdbcTemplate;

/** ShedLock's: rows of a table, by the database's time. It has no waiting: who is refused asks again. */
final class ShedLockProvider implements Contender {
  static final String TABLE =
      "CREATE TABLE shedlock (name VARCHAR(64) NOT NULL PRIMARY KEY, lock_until TIMESTAMP NOT NULL,"
          + " locked_at TIMESTAMP NOT NULL, locked_by VARCHAR(255) NOT NULL)";

  private static final Duration AT_MOST = Duration.ofSeconds(30);

  private final HikariDataSource pool = new HikariDataSource();
  private final JdbcTemplateLockProvider provider;
  private @Nullable SimpleLock held;

  ShedLockProvider(Database database) {
    pool.setDataSource(database.dataSource());
    pool.setMaximumPoolSize(2);
    provider =
        new JdbcTemplateLockProvider(
            JdbcTemplateLockProvider.Configuration.builder()
                .withJdbcTemplate(new JdbcTemplate(pool))
                .usingDbTime()
                .build());
  }

  @Override
  public void acquire(String name) {
    Optional<SimpleLock> lock = Optional.empty();
    while (lock.isEmpty()) {
      lock = provider.lock(new LockConfiguration(Instant.now(), name, AT_MOST, Duration.ZERO));
    }
    held = lock.get();
  }

  @Override
  public void release() {
    if (held != null) {
      held.unlock();
    }
  }

  @Override
  public void close() {
    pool.close();
  }
}
