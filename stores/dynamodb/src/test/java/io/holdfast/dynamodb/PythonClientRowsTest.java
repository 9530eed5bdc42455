package io.holdfast.dynamodb;

import static io.holdfast.dynamodb.Expression.n;
import static io.holdfast.dynamodb.Expression.s;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;

/** Items as {@code python_dynamodb_lock} writes them, put by its own requests, and clients of ours, in one table. */
class PythonClientRowsTest {
  private static final int LEASE_SECONDS = 2;
  private static final String OWNER = "host_12ab-34cd";

  private final DynamoDbAsyncClient dynamo = LocalServer.client();
  private String table;
  private LockClient ours;

  @BeforeEach
  void open() {
    table = LocalServer.table(dynamo, DynamoLayout.python());
    ours = client(DynamoLayout.python());
  }

  @AfterEach
  void close() {
    ours.close();
    dynamo.close();
  }

  private LockClient client(DynamoLayout layout) {
    return DynamoLocks.in(table, dynamo)
        .layout(layout)
        .client(
            ClientOptions.defaults()
                .name("ours")
                .holds(HoldOptions.defaults().leaseDuration(Duration.ofSeconds(LEASE_SECONDS))));
  }

  private static Map<String, AttributeValue> theirs(String name, String version) {
    long now = Instant.now().getEpochSecond();
    return Map.of(
        "lock_key", s(name),
        "sort_key", s("-"),
        "owner_name", s(OWNER),
        "lease_duration", n(LEASE_SECONDS),
        "record_version_number", s(version),
        "expiry_time", n(now + 3_600));
  }

  private void put(String name, String version) {
    dynamo
        .putItem(
            it ->
                it.tableName(table)
                    .item(theirs(name, version))
                    .conditionExpression("NOT(attribute_exists(#pk) AND attribute_exists(#sk))")
                    .expressionAttributeNames(Map.of("#pk", "lock_key", "#sk", "sort_key")))
        .join();
  }

  private CompletableFuture<?> heartbeat(String name, String version, String next) {
    return dynamo.updateItem(
        it ->
            it.tableName(table)
                .key(Map.of("lock_key", s(name), "sort_key", s("-")))
                .updateExpression("SET #rvn = :new_rvn, #et = :new_et")
                .conditionExpression(
                    "attribute_exists(#pk) AND attribute_exists(#sk) AND #rvn = :old_rvn")
                .expressionAttributeNames(
                    Map.of(
                        "#pk",
                        "lock_key",
                        "#sk",
                        "sort_key",
                        "#rvn",
                        "record_version_number",
                        "#et",
                        "expiry_time"))
                .expressionAttributeValues(
                    Map.of(
                        ":old_rvn",
                        s(version),
                        ":new_rvn",
                        s(next),
                        ":new_et",
                        n(Instant.now().getEpochSecond() + 3_600))));
  }

  private Map<String, AttributeValue> item(String name) {
    return dynamo
        .getItem(
            it ->
                it.tableName(table)
                    .key(Map.of("lock_key", s(name), "sort_key", s("-")))
                    .consistentRead(true))
        .join()
        .item();
  }

  @Test
  void theirHolderKeepsOursOutForAsLongAsItSendsHeartbeats() throws Exception {
    put("a", "rvn-0");
    CompletableFuture<Hold> waiting = ours.lock("a").acquireAsync(Duration.ofSeconds(30));
    for (int i = 0; i < 2 * LEASE_SECONDS; i++) {
      assertThatThrownBy(() -> ours.lock("a").acquire(Duration.ofSeconds(1)))
          .isInstanceOf(LockTimeoutException.class)
          .hasMessageContaining(OWNER);
      heartbeat("a", "rvn-" + i, "rvn-" + (i + 1)).join();
    }
    assertThat(waiting).isNotDone();
    assertThat(item("a")).containsEntry("owner_name", s(OWNER));
    waiting.cancel(false);
  }

  @Test
  void theirDeadHolderIsReplacedByAnItemThatIsAsTheirs() throws Exception {
    put("a", "rvn-0");
    try (Hold hold = ours.lock("a").acquire(Duration.ofSeconds(20))) {
      hold.checkHeld();
      Map<String, AttributeValue> literal = theirs("a", "rvn-0");
      Map<String, AttributeValue> item = item("a");
      assertThat(item.keySet())
          .as("and what is ours")
          .containsAll(literal.keySet())
          .hasSize(literal.size() + 1)
          .contains("grantedAt");
      literal.forEach(
          (attribute, value) ->
              assertThat(item.get(attribute).type()).as(attribute).isEqualTo(value.type()));
      for (String same : new String[] {"lock_key", "sort_key", "lease_duration"}) {
        assertThat(item).containsEntry(same, literal.get(same));
      }
      assertThat(item.get("owner_name").s()).startsWith("ours#");
      assertThat(item.get("record_version_number").s()).isNotEmpty().isNotEqualTo("rvn-0");
      long expiry = Long.parseLong(item.get("expiry_time").n());
      assertThat(expiry - Instant.now().getEpochSecond()).isBetween(3_590L, 3_600L);
      assertThatThrownBy(() -> heartbeat("a", "rvn-0", "rvn-1").join())
          .as("the dead one's, too late")
          .hasCauseInstanceOf(ConditionalCheckFailedException.class);
    }
    assertThat(item("a")).as("deleted, as they do").isEmpty();
  }

  @Test
  void anItemOfTheirsIsRefusedByTheDialectOfAmazonAndTheOtherWayRound() throws Exception {
    put("a", "rvn-0");
    Map<String, AttributeValue> before = item("a");
    DynamoLayout aws = DynamoLayout.aws().keyAttribute("lock_key").sortKey("sort_key", "-");
    try (LockClient amazons = client(aws)) {
      assertThatThrownBy(() -> amazons.lock("a").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("ownerName")
          .hasMessageContaining("dialect=python");
      assertThat(item("a")).as("left alone").isEqualTo(before);

      amazons.lock("b").acquire(Duration.ofSeconds(5));
      assertThatThrownBy(() -> ours.lock("b").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("owner_name")
          .hasMessageContaining("dialect=aws");
    }
  }
}
