package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;

/** Requests are money: what each operation asks in each layout, which is what the table of docs/dynamodb.md says. */
class DynamoCostTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final FaultyHttp http = new FaultyHttp();
  private final DynamoDbAsyncClient dynamo = LocalServer.client(http);
  private DynamoLocks locks;
  private LockClient client;
  private Hold hold;

  @AfterEach
  void close() {
    client.close();
    dynamo.close();
    http.close();
  }

  private void open(DynamoLayout layout) {
    locks = DynamoLocks.in(LocalServer.table(dynamo, layout), dynamo).layout(layout);
    client = client();
  }

  /** Nothing is renewed while this test runs. */
  private LockClient client() {
    HoldOptions hour = HoldOptions.defaults().leaseDuration(Duration.ofHours(1));
    return locks.client(ClientOptions.defaults().holds(hour));
  }

  private interface Step {
    void run() throws Exception;
  }

  private Map<String, Integer> costOf(Step step) throws Exception {
    http.forgetCounts();
    step.run();
    return http.counts();
  }

  private Map<String, Integer> costOfAcquire() throws Exception {
    return costOf(() -> hold = client.lock("a").acquire(PATIENCE));
  }

  private Map<String, Integer> costOfRelease() throws Exception {
    return costOf(() -> hold.close());
  }

  private Map<String, Integer> costOfThree() throws Exception {
    return costOf(
        () ->
            hold =
                client.all(client.lock("x"), client.lock("y"), client.lock("z")).acquire(PATIENCE));
  }

  private Map<String, Integer> costOfRenewal() throws Exception {
    LeaseStore store = locks.store(ClientOptions.defaults(), () -> {});
    Take.Wanted wanted = new Take.Wanted("r", Optional.empty(), Optional.empty());
    Take take = new Take(List.of(wanted), "0".repeat(32), "ann", PATIENCE, HoldData.empty());
    LeaseRecord mine = ((TakeAnswer.Taken) store.take(take).join()).records().get(0);
    return costOf(() -> store.renew(mine).join());
  }

  @Test
  void ofTheNativeLayout() throws Exception {
    open(DynamoLayout.holdfast());
    for (int i = 0; i < 2; i++) {
      assertThat(costOfAcquire()).isEqualTo(Map.of("UpdateItem", 1));
      assertThat(costOf(() -> client.describe("a"))).isEqualTo(Map.of("GetItem", 1));
      assertThat(costOf(() -> client.list(""))).isEqualTo(Map.of("Scan", 1));
      assertThat(costOfRelease()).isEqualTo(Map.of("UpdateItem", 1));
    }
    assertThat(costOfRenewal()).isEqualTo(Map.of("UpdateItem", 1));
    assertThat(costOfThree()).isEqualTo(Map.of("BatchGetItem", 1, "TransactWriteItems", 1));
    assertThat(costOfRelease()).isEqualTo(Map.of("UpdateItem", 3));
    assertThat(costOfThree()).as("known by now").isEqualTo(Map.of("TransactWriteItems", 1));
    assertThat(costOf(() -> client.forceRelease("x", hold.token())))
        .as("all that was granted with it")
        .isEqualTo(Map.of("GetItem", 1, "UpdateItem", 3));
  }

  @Test
  void ofTheDialects() throws Exception {
    for (DynamoLayout layout : List.of(DynamoLayout.aws(), DynamoLayout.python())) {
      open(layout);
      for (int i = 0; i < 2; i++) {
        assertThat(costOfAcquire()).isEqualTo(Map.of("PutItem", 1));
        assertThat(costOfRelease()).isEqualTo(Map.of("DeleteItem", 1));
        assertThat(costOfThree()).isEqualTo(Map.of("TransactWriteItems", 1));
        assertThat(costOfRelease()).isEqualTo(Map.of("DeleteItem", 3));
      }
      assertThat(costOfRenewal()).isEqualTo(Map.of("UpdateItem", 1));
      client.close();
    }
  }

  @Test
  void ofItemsThatAreKeptAsReleased() throws Exception {
    open(DynamoLayout.aws().keepReleased().consistent());
    for (int i = 0; i < 2; i++) {
      assertThat(costOfAcquire()).isEqualTo(Map.of("PutItem", 1));
      assertThat(costOfRelease()).isEqualTo(Map.of("UpdateItem", 1));
    }
    client.close();
    client = client();
    assertThat(costOfAcquire()).as("not known here").isEqualTo(Map.of("PutItem", 2));
    hold.close();
  }

  @Test
  void ofTokensInADialect() throws Exception {
    for (DynamoLayout layout :
        List.of(DynamoLayout.aws().tokens(), DynamoLayout.python().tokens())) {
      open(layout);
      assertThat(costOfAcquire()).isEqualTo(Map.of("BatchGetItem", 1, "TransactWriteItems", 1));
      assertThat(costOfRelease()).isEqualTo(Map.of("DeleteItem", 1));
      assertThat(costOfAcquire()).as("known by now").isEqualTo(Map.of("TransactWriteItems", 1));
      assertThat(hold.token()).isEqualTo(2);
      assertThat(costOfRelease()).isEqualTo(Map.of("DeleteItem", 1));
      client.close();
    }
  }
}
