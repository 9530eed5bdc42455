package io.holdfast.examples;

import io.holdfast.postgres.TransactionLocks;
import jakarta.persistence.EntityManager;
import jakarta.persistence.EntityManagerFactory;
import jakarta.persistence.PersistenceConfiguration;
import java.sql.Connection;
import java.time.Duration;
import javax.sql.DataSource;

/**
 * With JPA, here Hibernate: the lock is had on the connection of the session's transaction, and ends with it. Lock before the
 * entity is read, or what was read may be old.
 */
public final class JpaDeposit implements AutoCloseable {
  private final EntityManagerFactory sessions;

  /** Deposits in this database. */
  public JpaDeposit(DataSource dataSource) {
    sessions =
        new PersistenceConfiguration("examples")
            .managedClass(Account.class)
            .property("jakarta.persistence.nonJtaDataSource", dataSource)
            .createEntityManagerFactory();
  }

  /** Returns whether it came to it in time. */
  public boolean deposit(String account, long amount, Duration maxWait) {
    return sessions.callInTransaction(
        session -> {
          if (!lock(session, account, maxWait)) {
            return false;
          }
          session.find(Account.class, account).deposit(amount);
          return true;
        });
  }

  private static boolean lock(EntityManager session, String account, Duration maxWait) {
    return session.<Connection, Boolean>callWithConnection(
        connection ->
            TransactionLocks.on(connection).lock("account/" + account).tryAcquire(maxWait));
  }

  @Override
  public void close() {
    sessions.close();
  }
}
