package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.spi.StoreSetup;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.TableDescription;

/** The table that a URL asks for, made by whoever may. */
class TableSetupTest {
  private static final DynamoDbAsyncClient DYNAMO = LocalServer.client();

  @BeforeAll
  static void credentials() {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
  }

  @AfterAll
  static void close() {
    System.clearProperty("aws.accessKeyId");
    System.clearProperty("aws.secretAccessKey");
    DYNAMO.close();
  }

  private static StoreSetup setup(String url) {
    return new DynamoProvider().setup(url).orElseThrow();
  }

  private static TableDescription described(String table) {
    return DYNAMO.describeTable(it -> it.tableName(table)).join().table();
  }

  @Test
  void tableIsMadeOnceAndCanBeUsed() throws Exception {
    String url = LocalServer.url("setup-once");
    assertThat(setup(url).run()).isEqualTo("table setup-once was made");
    assertThat(setup(url).run())
        .isEqualTo("table setup-once is there already, and was left as it is");
    assertThat(described("setup-once").billingModeSummary().billingMode())
        .isEqualTo(BillingMode.PAY_PER_REQUEST);
    try (LockClient locks = LockClient.connect(url);
        Hold hold = locks.lock("a").acquire(Duration.ofSeconds(5))) {
      assertThat(hold.token()).isEqualTo(1);
    }
  }

  @Test
  void clientThatIsClosedLeavesNoThreadBehind() throws Exception {
    setup(LocalServer.url("setup-threads")).run();
    Set<Thread> before = threads();
    LockClient locks = LockClient.connect(LocalServer.url("setup-threads"));
    locks.lock("a").acquire(Duration.ofSeconds(5)).close();
    Set<Thread> made = threads();
    made.removeAll(before);
    assertThat(made).isNotEmpty();
    locks.close();
    for (Thread thread : made) {
      thread.join(10_000);
      assertThat(thread.isAlive()).isFalse();
    }
  }

  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("holdfast-dynamodb-"))
        .collect(Collectors.toSet());
  }

  @Test
  void tableHasTheKeyTheCapacityAndTheExpiryThatTheUrlAsksFor() {
    setup(LocalServer.url("setup-python") + "&dialect=python&capacity=7/3").run();
    TableDescription table = described("setup-python");
    assertThat(table.provisionedThroughput().readCapacityUnits()).isEqualTo(7);
    assertThat(table.provisionedThroughput().writeCapacityUnits()).isEqualTo(3);
    assertThat(table.keySchema())
        .extracting("attributeName")
        .containsExactly("lock_key", "sort_key");
    assertThat(
            DYNAMO
                .describeTimeToLive(it -> it.tableName("setup-python"))
                .join()
                .timeToLiveDescription()
                .attributeName())
        .isEqualTo("expiry_time");
  }

  @Test
  void anotherTableOfThatNameIsInTheWay() {
    setup(LocalServer.url("setup-taken") + "&key=other").run();
    StoreSetup ours = setup(LocalServer.url("setup-taken"));
    assertThatThrownBy(ours::run)
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("KEY_SCHEMA")
        .hasMessageContaining("other (S)");
  }

  @Test
  void scriptIsForAmazonsCommandLine() {
    assertThat(setup("dynamodb://locks?region=eu-central-1").script())
        .isEqualTo(
            "aws dynamodb create-table --table-name locks --region eu-central-1"
                + " --attribute-definitions"
                + " '[{\"AttributeName\":\"lock\",\"AttributeType\":\"S\"}]' --key-schema"
                + " '[{\"AttributeName\":\"lock\",\"KeyType\":\"HASH\"}]' --billing-mode"
                + " PAY_PER_REQUEST");
    assertThat(
            setup(
                    "dynamodb://locks?dialect=python&key=it's&capacity=25/50&profile=two words"
                        + "&endpoint=http://127.0.0.1:8000")
                .script())
        .isEqualTo(
            """
            aws dynamodb create-table --table-name locks --profile 'two words' --endpoint-url http://127.0.0.1:8000 \
            --attribute-definitions '[{"AttributeName":"it'\\''s","AttributeType":"S"},{"AttributeName":"sort_key","AttributeType":"S"}]' \
            --key-schema '[{"AttributeName":"it'\\''s","KeyType":"HASH"},{"AttributeName":"sort_key","KeyType":"RANGE"}]' \
            --billing-mode PROVISIONED --provisioned-throughput ReadCapacityUnits=25,WriteCapacityUnits=50
            aws dynamodb wait table-exists --table-name locks --profile 'two words' --endpoint-url http://127.0.0.1:8000
            aws dynamodb update-time-to-live --table-name locks --profile 'two words' --endpoint-url http://127.0.0.1:8000 \
            --time-to-live-specification '{"Enabled":true,"AttributeName":"expiry_time"}'\
            """);
  }

  @Test
  void badCapacityIsRefusedAtTheDoor() {
    assertThatThrownBy(() -> setup("dynamodb://locks?capacity=lots"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("READS/WRITES");
    assertThatThrownBy(() -> setup("dynamodb://locks?capacity=0/5"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("CAPACITY_RANGE");
    assertThatThrownBy(() -> setup("dynamodb://x"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("TABLE_BAD");
  }
}
