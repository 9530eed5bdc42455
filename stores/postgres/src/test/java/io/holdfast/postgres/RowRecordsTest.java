package io.holdfast.postgres;

import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LeaseStoreContract;
import org.junit.jupiter.api.BeforeAll;

/** The rules of records, at rows of a table. */
class RowRecordsTest extends LeaseStoreContract {
  private static PostgresServer server;
  private static String database;

  @BeforeAll
  static void start() {
    server = PostgresServer.shared();
    database = server.newDatabase();
    PostgresRows.on(() -> server.connect(database), "test").setup().run();
  }

  @Override
  protected LeaseStore open() {
    return PostgresRows.on(() -> server.connect(database), "test").store();
  }
}
