package io.holdfast.dynamodb;

import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.MultiRegionConsistency;
import software.amazon.awssdk.services.dynamodb.model.ReplicaDescription;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.TableDescription;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveDescription;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveStatus;

/** Looks at a table once before locks are taken in it, and refuses one in which they would not be safe. */
final class TableCheck {
  /** All questions together are answered within so long. */
  static final Duration TAKES = Duration.ofSeconds(10);

  /** A question that was turned away is asked again after so long, or up to twice that: others may have begun together. */
  static final Duration REST = Duration.ofMillis(500);

  private final Dynamo dynamo;
  private final String table;
  private final DynamoLayout layout;
  private final Failures failures;
  private final Ticker ticker;
  private final SplittableRandom chance = new SplittableRandom();
  private long overAtNanos;

  TableCheck(Dynamo dynamo, String table, DynamoLayout layout, Failures failures, Ticker ticker) {
    this.dynamo = dynamo;
    this.table = table;
    this.layout = layout;
    this.failures = failures;
    this.ticker = ticker;
  }

  /**
   * Blocks, with a bound.
   *
   * @param oneRegion all clients of these locks ask one region, so others may have copies of the table
   * @return what no other table has
   */
  String look(boolean oneRegion) {
    overAtNanos = ticker.nanosIn(TAKES);
    TableDescription description = describe();
    checkKey(description);
    if (!oneRegion) {
      checkReplicas(description);
    }
    checkExpiry();
    return description.tableArn() + "/" + description.tableId();
  }

  private TableDescription describe() {
    return await(
            "DescribeTable",
            dynamo.ask(
                client -> client.describeTable(request -> request.tableName(table)),
                client -> client.describeTable(request -> request.tableName(table))))
        .table();
  }

  private void checkKey(TableDescription description) {
    Optional<String> sort = layout.keys().sort().map(Keys.SortKey::attribute);
    boolean isRight =
        key(description, KeyType.HASH).equals(Optional.of(layout.keys().attribute()))
            && key(description, KeyType.RANGE).equals(sort)
            && description.attributeDefinitions().stream()
                .filter(it -> isKey(description, it.attributeName()))
                .map(AttributeDefinition::attributeType)
                .allMatch(ScalarAttributeType.S::equals);
    if (!isRight) {
      throw new LockRefusedException(
          "KEY_SCHEMA",
          "table "
              + table
              + " should have "
              + layout.schema()
              + ", but its key is "
              + shown(description));
    }
  }

  private static Optional<String> key(TableDescription description, KeyType type) {
    return description.keySchema().stream()
        .filter(element -> element.keyType() == type)
        .map(KeySchemaElement::attributeName)
        .findFirst();
  }

  private static boolean isKey(TableDescription description, String attribute) {
    return description.keySchema().stream()
        .anyMatch(element -> element.attributeName().equals(attribute));
  }

  private static String shown(TableDescription description) {
    List<String> parts =
        description.attributeDefinitions().stream()
            .filter(it -> isKey(description, it.attributeName()))
            .map(it -> it.attributeName() + " (" + it.attributeTypeAsString() + ")")
            .toList();
    return String.join(", ", parts);
  }

  /** Where the last writer wins, two regions grant one lock. */
  private void checkReplicas(TableDescription description) {
    if (description.replicas().isEmpty()
        || description.multiRegionConsistency() == MultiRegionConsistency.STRONG) {
      return;
    }
    throw new LockRefusedException(
        "GLOBAL_TABLE",
        "table "
            + table
            + " has copies in "
            + String.join(
                ", ", description.replicas().stream().map(ReplicaDescription::regionName).toList())
            + " with eventual consistency: the last writer wins there, so two regions could have a"
            + " lock at once; use strong consistency, or say replicas=one-region if all clients use"
            + " this one");
  }

  private void checkExpiry() {
    TimeToLiveDescription expiry = expiry();
    boolean isOn =
        expiry != null
            && (expiry.timeToLiveStatus() == TimeToLiveStatus.ENABLED
                || expiry.timeToLiveStatus() == TimeToLiveStatus.ENABLING);
    if (isOn && layout.lasting().contains(expiry.attributeName())) {
      throw new LockRefusedException(
          "TIME_TO_LIVE",
          "table "
              + table
              + " deletes items by their attribute "
              + expiry.attributeName()
              + ", which is the locks' own: tokens would begin again; turn that time to live off");
    }
  }

  /** Few may ask this at a time in the whole account, so it is often turned away. */
  private TimeToLiveDescription expiry() {
    while (true) {
      try {
        return await(
                "DescribeTimeToLive",
                dynamo.ask(
                    client -> client.describeTimeToLive(request -> request.tableName(table)),
                    client -> client.describeTimeToLive(request -> request.tableName(table))))
            .timeToLiveDescription();
      } catch (StoreUnavailableException e) {
        long nextAtNanos = ticker.nanos() + chance.nextLong(REST.toNanos(), 2 * REST.toNanos());
        if (Thread.currentThread().isInterrupted() || nextAtNanos - overAtNanos >= 0) {
          throw new StoreUnavailableException(
              "whether table "
                  + table
                  + " deletes items by an attribute of the locks is not known, which check=off does"
                  + " without: "
                  + e.getMessage(),
              e);
        }
        restUntil(nextAtNanos);
      }
    }
  }

  private void restUntil(long nanos) {
    CompletableFuture<String> rested = new CompletableFuture<>();
    Ticker.Alarm unused = ticker.schedule(nanos, () -> rested.complete("rested"));
    await("DescribeTimeToLive", rested);
  }

  private <T> T await(String action, CompletableFuture<T> answer) {
    CompletableFuture<T> inTime = new CompletableFuture<>();
    Ticker.Alarm over =
        ticker.schedule(
            overAtNanos,
            () ->
                inTime.completeExceptionally(
                    new StoreUnavailableException(
                        action
                            + " on table "
                            + table
                            + " was not answered within "
                            + TAKES.toSeconds()
                            + " s",
                        new TimeoutException())));
    answer.whenComplete(
        (told, failure) -> {
          if (failure == null) {
            inTime.complete(told);
          } else {
            inTime.completeExceptionally(failure);
          }
        });
    try {
      return inTime.get();
    } catch (ExecutionException e) {
      throw failures.of(e.getCause() == null ? e : e.getCause(), action, false);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoreUnavailableException(action + " on table " + table + " was interrupted", e);
    } finally {
      over.cancel();
    }
  }
}
