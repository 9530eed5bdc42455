package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.NullSource;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.DescribeTableResponse;
import software.amazon.awssdk.services.dynamodb.model.MultiRegionConsistency;
import software.amazon.awssdk.services.dynamodb.model.ReplicaDescription;

/** Tables and items that are not as they should be. */
class TableCheckTest {
  private final DynamoDbAsyncClient dynamo = LocalServer.client();

  @AfterEach
  void close() throws Exception {
    dynamo.close();
  }

  private LockClient client(String table, DynamoLayout layout) {
    return DynamoLocks.in(table, dynamo).layout(layout).client(ClientOptions.defaults());
  }

  @Test
  void wrongKeyNamesTheRightOne() throws Exception {
    String table = LocalServer.table(dynamo, DynamoLayout.holdfast());
    assertThatThrownBy(() -> client(table, DynamoLayout.python()))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageContaining("lock_key (S) and the sort key sort_key (S)")
        .hasMessageContaining("its key is lock (S)");
    try (LockClient unseen = uncheckedClient(table, DynamoLayout.python())) {
      assertThatThrownBy(() -> unseen.lock("a").acquire(Duration.ofSeconds(5)))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("lock_key (S) and the sort key sort_key (S)");
    }
  }

  @Test
  void missingTableIsNamed() throws Exception {
    assertThatThrownBy(() -> client("no-such-table", DynamoLayout.holdfast()))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("TABLE_MISSING")
        .hasMessageContaining("no-such-table");
  }

  @Test
  void timeToLiveOnAnAttributeOfTheLocksIsRefused() throws Exception {
    String table = LocalServer.table(dynamo, DynamoLayout.holdfast());
    dynamo
        .updateTimeToLive(
            it ->
                it.tableName(table)
                    .timeToLiveSpecification(ttl -> ttl.enabled(true).attributeName("token")))
        .join();
    assertThatThrownBy(() -> client(table, DynamoLayout.holdfast()))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("TIME_TO_LIVE")
        .hasMessageContaining("token");
  }

  /** DynamoDB Local has no other regions, so its answer is changed on the way. */
  private static DynamoDbAsyncClient withReplicas(MultiRegionConsistency consistency) {
    return LocalServer.client(
        new JdkHttp(Ticker.system()),
        new ExecutionInterceptor() {
          @Override
          public SdkResponse modifyResponse(
              Context.ModifyResponse context, ExecutionAttributes attributes) {
            if (!(context.response() instanceof DescribeTableResponse answer)) {
              return context.response();
            }
            return answer.toBuilder()
                .table(
                    answer.table().toBuilder()
                        .multiRegionConsistency(consistency)
                        .replicas(
                            ReplicaDescription.builder().regionName("eu-west-1").build(),
                            ReplicaDescription.builder().regionName("us-east-2").build())
                        .build())
                .build();
          }
        });
  }

  private static void openGlobal(DynamoDbAsyncClient client, UnaryOperator<DynamoLocks> how) {
    String table = LocalServer.table(client, DynamoLayout.holdfast());
    how.apply(DynamoLocks.in(table, client)).client(ClientOptions.defaults()).close();
  }

  /** A table of before there was a choice does not say, and is of the eventual kind. */
  @ParameterizedTest
  @NullSource
  @EnumSource(names = "EVENTUAL")
  void globalTableWhereTheLastWriterWinsIsRefused(MultiRegionConsistency consistency)
      throws Exception {
    try (DynamoDbAsyncClient global = withReplicas(consistency)) {
      assertThatThrownBy(() -> openGlobal(global, it -> it))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("GLOBAL_TABLE")
          .hasMessageContaining("eu-west-1, us-east-2")
          .hasMessageContaining("the last writer wins")
          .hasMessageContaining("replicas=one-region");
      openGlobal(global, DynamoLocks::oneRegion);
    }
  }

  @Test
  void globalTableWithStrongConsistencyIsGood() throws Exception {
    try (DynamoDbAsyncClient global = withReplicas(MultiRegionConsistency.STRONG)) {
      openGlobal(global, it -> it);
    }
  }

  @Test
  void timeToLiveIsLookedAtThoughTheQuestionIsTurnedAwayAtFirst() throws Exception {
    String table = LocalServer.table(dynamo, DynamoLayout.holdfast());
    dynamo
        .updateTimeToLive(
            it ->
                it.tableName(table)
                    .timeToLiveSpecification(ttl -> ttl.enabled(true).attributeName("token")))
        .join();
    FaultyHttp http = new FaultyHttp();
    try (DynamoDbAsyncClient busy = LocalServer.client(http)) {
      http.next(2, "DescribeTimeToLive", FaultyHttp.Fault.THROTTLED);
      assertThatThrownBy(() -> DynamoLocks.in(table, busy).client(ClientOptions.defaults()))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageStartingWith("TIME_TO_LIVE");
      assertThat(http.count("DescribeTimeToLive")).isEqualTo(3);
    } finally {
      http.close();
    }
  }

  @Test
  void tableWhoseTimeToLiveCannotBeLookedAtIsNotTaken() throws Exception {
    ManualTicker ticker = new ManualTicker();
    String table = LocalServer.table(dynamo, DynamoLayout.holdfast());
    FaultyHttp http = new FaultyHttp();
    try (DynamoDbAsyncClient busy = LocalServer.client(http)) {
      http.next(Integer.MAX_VALUE, "DescribeTimeToLive", FaultyHttp.Fault.THROTTLED);
      DynamoLayout layout = DynamoLayout.holdfast();
      TableCheck check =
          new TableCheck(
              Dynamo.of(busy, Ticker.system()),
              table,
              layout,
              new Failures(table, layout.schema()),
              ticker);
      CompletableFuture<String> looking = CompletableFuture.supplyAsync(() -> check.look(false));
      long giveUp = Ticker.system().nanosIn(Duration.ofSeconds(20));
      while (!looking.isDone() && Ticker.system().nanos() - giveUp < 0) {
        LockSupport.parkNanos(1_000_000);
        if (http.count("DescribeTimeToLive") > 0) {
          ticker.advance(Duration.ofMillis(100));
        }
      }
      assertThat(looking)
          .failsWithin(Duration.ZERO)
          .withThrowableThat()
          .withCauseInstanceOf(StoreUnavailableException.class)
          .withMessageContaining("check=off");
      assertThat(http.count("DescribeTimeToLive")).isLessThanOrEqualTo(20);
    } finally {
      http.close();
    }
  }

  @Test
  void tableForTheDialectOfPythonDeletesWhatHasExpired() throws Exception {
    String table = LocalServer.table(dynamo, DynamoLayout.python());
    assertThat(
            dynamo
                .describeTimeToLive(it -> it.tableName(table))
                .join()
                .timeToLiveDescription()
                .attributeName())
        .isEqualTo("expiry_time");
    client(table, DynamoLayout.python()).close();
  }

  @Test
  void tableThatIsThereIsLeftAsItIs() throws Exception {
    String table = LocalServer.table(dynamo, DynamoLayout.holdfast());
    assertThat(
            DynamoTables.create(
                    dynamo, table, DynamoLayout.aws(), new DynamoTables.Capacity.Provisioned(5, 5))
                .join())
        .isFalse();
    client(table, DynamoLayout.holdfast()).close();
  }

  /** D3: each attribute of each layout, missing or broken. */
  @ParameterizedTest
  @CsvSource({
    "native, token",
    "native, renewals",
    "native, client",
    "native, leaseMillis",
    "native, since",
    "aws, ownerName",
    "aws, recordVersionNumber",
    "aws, leaseDuration",
    "python, owner_name",
    "python, record_version_number",
    "python, lease_duration"
  })
  void brokenItemIsRefusedByTheNameOfTheAttribute(String dialect, String attribute)
      throws Exception {
    DynamoLayout layout = layout(dialect);
    String table = LocalServer.table(dynamo, layout);
    try (LockClient holder = client(table, layout);
        LockClient locks = uncheckedClient(table, layout)) {
      holder.lock("a").acquire(Duration.ofSeconds(5));
      Map<String, AttributeValue> item = item(table, layout);
      assertThat(item).containsKey(attribute);
      item.put(attribute, AttributeValue.fromBool(true));
      dynamo.putItem(it -> it.tableName(table).item(item)).join();
      assertThatThrownBy(() -> locks.lock("a").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining(attribute)
          .hasMessageContaining(table);
      item.remove(attribute);
      dynamo.putItem(it -> it.tableName(table).item(item)).join();
      assertThatThrownBy(() -> locks.lock("a").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining(attribute);
      assertThat(locks.list("").locks()).as("is left out").isEmpty();
    }
  }

  /** The same of those that need not be there. */
  @ParameterizedTest
  @CsvSource({
    "native, grant",
    "native, data",
    "aws, data",
    "aws, isReleased",
    "aws, grantedAt",
    "python, grantedAt"
  })
  void brokenAttributeThatMayBeMissingIsRefusedByItsName(String dialect, String attribute)
      throws Exception {
    DynamoLayout layout = layout(dialect);
    String table = LocalServer.table(dynamo, layout);
    try (LockClient holder = client(table, layout);
        LockClient locks = uncheckedClient(table, layout)) {
      holder.lock("a").acquire(Duration.ofSeconds(5));
      Map<String, AttributeValue> item = item(table, layout);
      item.put(attribute, AttributeValue.fromBool(true));
      dynamo.putItem(it -> it.tableName(table).item(item)).join();
      assertThatThrownBy(() -> locks.lock("a").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("attribute " + attribute + " that is no")
          .hasMessageContaining(table);
    }
  }

  private LockClient uncheckedClient(String table, DynamoLayout layout) {
    return DynamoLocks.in(table, dynamo)
        .layout(layout)
        .unchecked()
        .client(ClientOptions.defaults());
  }

  /** That of lock a, to be changed and put back. */
  private Map<String, AttributeValue> item(String table, DynamoLayout layout) {
    return new HashMap<>(
        dynamo.getItem(it -> it.tableName(table).key(layout.keys().of("a"))).join().item());
  }

  private static DynamoLayout layout(String dialect) {
    return switch (dialect) {
      case "native" -> DynamoLayout.holdfast();
      case "aws" -> DynamoLayout.aws();
      default -> DynamoLayout.python();
    };
  }

  @Test
  void itemOfAnotherLayoutIsLeftAloneAndItsLayoutNamed() throws Exception {
    DynamoLayout aws = DynamoLayout.aws().keyAttribute("lock");
    String table = LocalServer.table(dynamo, aws);
    try (LockClient theirs = client(table, aws);
        LockClient ours = client(table, DynamoLayout.holdfast())) {
      theirs.lock("a").acquire(Duration.ofSeconds(5));
      assertThatThrownBy(() -> ours.lock("a").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("token")
          .hasMessageContaining("dialect=aws");
      ours.lock("b").acquire(Duration.ofSeconds(5));
      assertThatThrownBy(() -> theirs.lock("b").tryAcquire())
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("ownerName")
          .hasMessageContaining("dialect=native");
    }
  }

  @Test
  void whatDynamoDbCouldNotKeepIsRefusedAtTheDoor() throws Exception {
    assertThatThrownBy(() -> DynamoLayout.aws().sortKey("range", "x".repeat(1025)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("1025 bytes");
    assertThatThrownBy(
            () ->
                DynamoLayout.aws()
                    .attributes(Map.of("more", AttributeValue.fromS("x".repeat(400_000)))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("ATTRIBUTES_TOO_LARGE");
    assertThatThrownBy(
            () -> DynamoLayout.aws().attributes(Map.of("isReleased", AttributeValue.fromS("1"))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("isReleased");
  }

  @Test
  void whatTheUrlLacksIsToldAtOnce() throws Exception {
    assertThatThrownBy(() -> LockClient.connect("dynamodb://?region=eu-central-1"))
        .hasMessageStartingWith("URL_TABLE_MISSING");
    assertThatThrownBy(() -> LockClient.connect("dynamodb://locks?regoin=eu-central-1"))
        .hasMessageStartingWith("URL_PARAMETER_UNKNOWN")
        .hasMessageContaining("region");
    assertThatThrownBy(
            () -> LockClient.connect("dynamodb://locks?region=eu-central-1&dialect=ruby"))
        .hasMessageContaining("native, aws or python");
    assertThatThrownBy(
            () -> LockClient.connect("dynamodb://locks?region=eu-central-1&endpoint=nowhere"))
        .hasMessageStartingWith("URL_ENDPOINT_BAD");
  }
}
