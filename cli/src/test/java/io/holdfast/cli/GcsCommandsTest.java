package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.gcs.GcsEmulator;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** In Google Cloud Storage, here the emulator of its tests. */
class GcsCommandsTest extends RecordStoreTest {
  private static GcsEmulator server;

  @BeforeAll
  static void start() throws IOException {
    server = GcsEmulator.withBucket("locks");
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Override
  String url() {
    return url("locks/" + folder.getFileName());
  }

  private static String url(String place) {
    return "gs://" + place + "?anonymous=true&endpoint=" + server.endpoint();
  }

  @Override
  Map<String, String> environment() {
    return Map.of();
  }

  @Test
  void setupLooksForTheBucketOrTellsHowToMakeIt() {
    assertThat(CommandRun.of("setup", "--print", "--store", url("others")).out())
        .contains("gs://others");
    assertThat(CommandRun.of("setup", "--store", url()).exitCode()).isZero();
    CommandRun missing = CommandRun.of("list", "--store", url("others"));
    assertThat(missing.exitCode()).isEqualTo(77);
    assertThat(missing.err()).contains("BUCKET_MISSING");
  }

  @Test
  void storeThatIsNotThereIsToldByItsCode() {
    String url = "gs://locks?anonymous=true&endpoint=http://127.0.0.1:1";
    assertThat(CommandRun.of("list", "--store", url).exitCode()).isEqualTo(69);
    assertThat(CommandRun.of("list", "--store", "gs://locks?colour=red").exitCode()).isEqualTo(78);
  }
}
