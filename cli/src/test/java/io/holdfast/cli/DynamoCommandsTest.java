package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.dynamodb.LocalServerProcess;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** In DynamoDB, here DynamoDB Local. */
class DynamoCommandsTest extends RecordStoreTest {
  private static LocalServerProcess server;

  @BeforeAll
  static void start() {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
    server = LocalServerProcess.start(Path.of(System.getProperty("holdfast.dynamodb-local")));
  }

  @AfterAll
  static void stop() {
    server.close();
    System.clearProperty("aws.accessKeyId");
    System.clearProperty("aws.secretAccessKey");
  }

  @BeforeEach
  void setUp() {
    CommandRun.of("setup", "--store", url());
  }

  @Override
  String url() {
    return url("locks");
  }

  private static String url(String table) {
    return "dynamodb://" + table + "?region=us-east-1&endpoint=" + server.endpoint();
  }

  @Override
  Map<String, String> environment() {
    return Map.of("AWS_ACCESS_KEY_ID", "local", "AWS_SECRET_ACCESS_KEY", "local");
  }

  @Test
  void setupMakesTheTableOrOnlyTellsHow() {
    String url = url("others");
    assertThat(CommandRun.of("setup", "--print", "--store", url).out())
        .startsWith("aws dynamodb create-table --table-name others ");
    CommandRun missing = CommandRun.of("list", "--store", url);
    assertThat(missing.exitCode()).isEqualTo(77);
    assertThat(missing.err()).contains("TABLE_MISSING");
    assertThat(CommandRun.of("setup", "--store", url).out()).contains("table others was made");
    assertThat(CommandRun.of("setup", "--store", url).out()).contains("is there already");
    assertThat(CommandRun.of("list", "--store", url).exitCode()).isZero();
  }

  @Test
  void storeThatIsNotThereIsToldByItsCode() {
    String url = "dynamodb://locks?region=us-east-1&endpoint=http://127.0.0.1:1";
    assertThat(CommandRun.of("list", "--store", url).exitCode()).isEqualTo(69);
    assertThat(CommandRun.of("list", "--store", "dynamodb://locks?colour=red").exitCode())
        .isEqualTo(78);
  }
}
