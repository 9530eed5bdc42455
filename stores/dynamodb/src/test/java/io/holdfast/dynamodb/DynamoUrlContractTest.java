package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The same by URL, as users come, in real time: threads that wait ask by themselves. */
class DynamoUrlContractTest extends DynamoContractTest {
  @BeforeAll
  static void haveCredentials() {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
  }

  @AfterAll
  static void forgetCredentials() {
    System.clearProperty("aws.accessKeyId");
    System.clearProperty("aws.secretAccessKey");
  }

  @Override
  LeaseStore records(String table, ClientOptions options) {
    return DynamoProvider.records(LocalServer.url(table), options);
  }

  @Override
  protected Optional<ManualTicker> ticker() {
    return Optional.empty();
  }

  @Override
  protected Duration arrivesWithin() {
    return Duration.ofMillis(100);
  }

  /** Each has connections of its own. */
  @Override
  protected int mostClients() {
    return 20;
  }
}
