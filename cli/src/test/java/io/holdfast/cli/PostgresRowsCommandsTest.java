package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.postgres.PostgresServer;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** In rows of a real PostgreSQL. */
class PostgresRowsCommandsTest extends RecordStoreTest {
  private final PostgresServer server = PostgresServer.shared();
  private final String database = server.newDatabase();

  @BeforeEach
  void setUp() {
    CommandRun.of("setup", "--store", url());
  }

  @Override
  String url() {
    return server.url(database) + "?mode=rows";
  }

  @Override
  Map<String, String> environment() {
    return Map.of();
  }

  @Test
  void setupMakesTheTableOrOnlyTellsHow() {
    String other = url() + "&table=other";
    assertThat(CommandRun.of("list", "--store", other).err())
        .contains("NO_TABLE")
        .contains("holdfast setup");
    server.execute(database, CommandRun.of("setup", "--print", "--store", other).out());
    assertThat(CommandRun.of("list", "--store", other).exitCode()).isZero();
  }
}
