package io.holdfast.gcs;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Real processes over real connections, in real time. */
@Timeout(120)
class GcsProcessTest {
  /** Beyond the lease: what a poll, a look and a busy machine take. */
  private static final Duration SLACK = Duration.ofSeconds(20);

  @Test
  void killedHolderIsReplacedAfterItsLeaseWithALargerToken() throws Exception {
    try (GcsEmulator emulator = new GcsEmulator()) {
      emulator.storage().createBucket("bucket");
      String url = "gs://bucket/locks?endpoint=" + emulator.endpoint() + "&anonymous=true";
      Process holder = start(url, "lock");
      try (LockClient client = LockClient.connect(url, ClientOptions.defaults().name("heir"))) {
        BufferedReader said =
            new BufferedReader(
                new InputStreamReader(holder.getInputStream(), StandardCharsets.UTF_8));
        assertThat(said.readLine()).isEqualTo("token 1");
        assertThat(client.lock("lock").tryAcquire()).isEmpty();
        holder.destroyForcibly();
        assertThat(holder.waitFor(10, TimeUnit.SECONDS)).isTrue();
        try (Hold hold = client.lock("lock").acquire(GcsLocks.MIN_LEASE.plus(SLACK))) {
          assertThat(hold.token()).isEqualTo(2);
        }
      } finally {
        holder.destroyForcibly();
      }
    }
  }

  private static Process start(String url, String name) throws Exception {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    return new ProcessBuilder(
            java.toString(),
            "-Xmx64m",
            "-cp",
            System.getProperty("java.class.path"),
            HoldingProcess.class.getName(),
            url,
            name)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }
}
