package io.holdfast.postgres;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What the contract says of tokens, and to operators, where each statement may run in another session. */
class RowContractThroughAPoolerTest extends RowContractTest {
  @RegisterExtension static final OnlyFacts ONLY = new OnlyFacts("Tokens", "Operating");

  private static Pgbouncer pooler;

  @BeforeAll
  static void pool(@TempDir Path folder) throws Exception {
    Pgbouncer.assumeThereIsOne();
    pooler = new Pgbouncer(folder, PostgresServer.shared(), database());
  }

  @Override
  Connection reach(String database) throws SQLException {
    return pooler.connect(database);
  }

  @AfterAll
  static void stop() throws Exception {
    if (pooler != null) {
      pooler.close();
    }
  }
}
