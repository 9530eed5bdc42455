package io.holdfast.benchmarks.postgres;

import com.zaxxer.hikari.HikariDataSource;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;
import org.springframework.integration.jdbc.lock.DefaultLockRepository;
import org.springframework.integration.jdbc.lock.JdbcLockRegistry;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** Spring Integration's registry: rows of a table. Its connections come out of a pool, as they do in its applications. */
final class SpringRegistry implements Contender {
  static final String TABLE =
      "CREATE TABLE INT_LOCK (LOCK_KEY CHAR(36) NOT NULL, REGION VARCHAR(100) NOT NULL, CLIENT_ID CHAR(36),"
          + " CREATED_DATE TIMESTAMP NOT NULL, EXPIRED_AFTER TIMESTAMP NOT NULL,"
          + " constraint INT_LOCK_PK primary key (LOCK_KEY, REGION))";

  private final HikariDataSource pool = new HikariDataSource();
  private final JdbcLockRegistry registry;
  private @Nullable Lock held;

  SpringRegistry(Database database) {
    pool.setDataSource(database.dataSource());
    pool.setMaximumPoolSize(2);
    DefaultLockRepository repository = new DefaultLockRepository(pool);
    repository.setTransactionManager(new JdbcTransactionManager(pool));
    repository.afterPropertiesSet();
    repository.afterSingletonsInstantiated();
    repository.start();
    registry = new JdbcLockRegistry(repository);
  }

  @Override
  public void acquire(String name) {
    Lock lock = registry.obtain(name);
    lock.lock();
    held = lock;
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
