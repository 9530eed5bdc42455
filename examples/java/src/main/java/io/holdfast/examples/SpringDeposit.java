package io.holdfast.examples;

import io.holdfast.postgres.TransactionLocks;
import java.sql.Connection;
import java.time.Duration;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DataSourceUtils;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * With Spring: the lock is had on the connection that Spring has bound to the transaction, and ends with it. In a method with
 * {@code @Transactional} it is the same.
 */
public final class SpringDeposit {
  private final DataSource dataSource;
  private final TransactionTemplate transactions;
  private final JdbcClient jdbc;

  /** Deposits in this database. */
  public SpringDeposit(DataSource dataSource) {
    this.dataSource = dataSource;
    this.transactions = new TransactionTemplate(new JdbcTransactionManager(dataSource));
    this.jdbc = JdbcClient.create(dataSource);
  }

  /** Returns whether it came to it in time. */
  public boolean deposit(String account, long amount, Duration maxWait) {
    return transactions.execute(
        transaction -> {
          if (!lock(account, maxWait)) {
            return false;
          }
          long balance =
              jdbc.sql("SELECT balance FROM account WHERE name = ?")
                  .param(account)
                  .query(Long.class)
                  .single();
          jdbc.sql("UPDATE account SET balance = ? WHERE name = ?")
              .params(balance + amount, account)
              .update();
          return true;
        });
  }

  private boolean lock(String account, Duration maxWait) {
    Connection connection = DataSourceUtils.getConnection(dataSource);
    try {
      return TransactionLocks.on(connection).lock("account/" + account).tryAcquire(maxWait);
    } finally {
      DataSourceUtils.releaseConnection(connection, dataSource); // stays with the transaction
    }
  }
}
