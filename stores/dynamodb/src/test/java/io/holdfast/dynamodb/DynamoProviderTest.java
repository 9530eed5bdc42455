package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.LockClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What somebody sees who has set up nothing: in a process of its own, for the environment counts. */
class DynamoProviderTest {
  /** Opens a client, and says what came of it. */
  public static final class Opening {
    private Opening() {}

    public static void main(String[] arguments) {
      try {
        LockClient.connect(arguments[0]).close();
        System.out.println("opened");
      } catch (RuntimeException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  private static String open(String url) throws Exception {
    ProcessBuilder command =
        LocalServer.command(Opening.class, url).redirectError(ProcessBuilder.Redirect.INHERIT);
    command.environment().keySet().removeIf(name -> name.startsWith("AWS_"));
    command.environment().put("AWS_CONFIG_FILE", "/nonexistent");
    command.environment().put("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    command.environment().put("AWS_EC2_METADATA_DISABLED", "true");
    Process process = command.start();
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      return said.lines().collect(Collectors.joining("\n"));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void missingRegionIsToldAtOnce() throws Exception {
    assertThat(open("dynamodb://locks")).startsWith("REGION_MISSING").doesNotContain("\n");
  }

  @Test
  void missingCredentialsAreToldInTime() throws Exception {
    long began = System.nanoTime();
    assertThat(open("dynamodb://locks?region=eu-central-1"))
        .startsWith("CREDENTIALS_MISSING")
        .doesNotContain("\n");
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(20));
  }
}
