package io.holdfast.dynamodb;

import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.CreateTableRequest;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ProvisionedThroughput;
import software.amazon.awssdk.services.dynamodb.model.ResourceInUseException;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;

/** Makes tables for locks. Needs the permissions {@code CreateTable}, {@code DescribeTable} and {@code UpdateTimeToLive}. */
public final class DynamoTables {
  private DynamoTables() {}

  /** What a table may be asked. */
  public sealed interface Capacity {
    /** Paid by the request. */
    record OnDemand() implements Capacity {}

    /**
     * Paid by the hour; what is more is throttled, which delays locks and does not lose them at once.
     *
     * @param reads a second, of 4 KB each
     * @param writes a second, of 1 KB each
     */
    record Provisioned(long reads, long writes) implements Capacity {
      /** Checks the numbers. */
      public Provisioned {
        if (reads < 1 || writes < 1) {
          throw new InvalidRequestException(
              "CAPACITY_RANGE", "capacity is " + reads + " and " + writes + ", at least 1 and 1");
        }
      }
    }
  }

  /**
   * Makes a table for locks of a layout, and waits until it can be used. In the layout of the Python client DynamoDB is told to
   * delete what has expired.
   *
   * @return completes with whether it was made; false if there was one of that name already, which is left as it is
   */
  public static CompletableFuture<Boolean> create(
      DynamoDbAsyncClient client, String table, DynamoLayout layout, Capacity capacity) {
    Failures failures = new Failures(table, layout.schema());
    return client
        .createTable(request(table, layout, capacity))
        .thenApply(made -> true)
        .exceptionally(
            failure -> {
              if (Failures.unwrap(failure) instanceof ResourceInUseException) {
                return false;
              }
              throw failures.of(failure, "CreateTable", true);
            })
        .thenCompose(
            made ->
                made
                    ? ready(client, table, failures)
                        .thenCompose(it -> expire(client, table, layout, failures))
                    : CompletableFuture.completedFuture(false));
  }

  private static CompletableFuture<Void> ready(
      DynamoDbAsyncClient client, String table, Failures failures) {
    var waiter = client.waiter();
    return waiter
        .waitUntilTableExists(request -> request.tableName(table))
        .handle(
            (response, failure) -> {
              waiter.close();
              if (failure != null) {
                throw failures.of(failure, "DescribeTable", false);
              }
              if (response.matched().response().isEmpty()) {
                throw new LockRefusedException("TABLE_MISSING", "table " + table + " was not made");
              }
              return null;
            });
  }

  private static CompletableFuture<Boolean> expire(
      DynamoDbAsyncClient client, String table, DynamoLayout layout, Failures failures) {
    Optional<String> attribute = layout.expiryAttribute();
    if (attribute.isEmpty()) {
      return CompletableFuture.completedFuture(true);
    }
    return client
        .updateTimeToLive(
            request ->
                request
                    .tableName(table)
                    .timeToLiveSpecification(
                        ttl -> ttl.enabled(true).attributeName(attribute.get())))
        .handle(
            (response, failure) -> {
              if (failure != null) {
                throw failures.of(failure, "UpdateTimeToLive", true);
              }
              return true;
            });
  }

  static CreateTableRequest request(String table, DynamoLayout layout, Capacity capacity) {
    List<AttributeDefinition> attributes = new ArrayList<>();
    List<KeySchemaElement> key = new ArrayList<>();
    add(layout.keys().attribute(), KeyType.HASH, attributes, key);
    layout.keys().sort().ifPresent(sort -> add(sort.attribute(), KeyType.RANGE, attributes, key));
    CreateTableRequest.Builder request =
        CreateTableRequest.builder()
            .tableName(table)
            .attributeDefinitions(attributes)
            .keySchema(key);
    if (capacity instanceof Capacity.Provisioned provisioned) {
      request
          .billingMode(BillingMode.PROVISIONED)
          .provisionedThroughput(
              ProvisionedThroughput.builder()
                  .readCapacityUnits(provisioned.reads())
                  .writeCapacityUnits(provisioned.writes())
                  .build());
    } else {
      request.billingMode(BillingMode.PAY_PER_REQUEST);
    }
    return request.build();
  }

  private static void add(
      String attribute,
      KeyType type,
      List<AttributeDefinition> attributes,
      List<KeySchemaElement> key) {
    attributes.add(
        AttributeDefinition.builder()
            .attributeName(attribute)
            .attributeType(ScalarAttributeType.S)
            .build());
    key.add(KeySchemaElement.builder().attributeName(attribute).keyType(type).build());
  }
}
