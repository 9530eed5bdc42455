package io.holdfast.dynamodb;

import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
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

/** Looks at a table before locks are taken in it, and refuses one in which they would not be safe. */
final class TableCheck {
  /** A question is answered within so long. */
  static final Duration TAKES = Duration.ofSeconds(10);

  /** The question about time to live is asked so often at most, with rests of this to twice this between. */
  static final int MOST_TRIES = 5;

  private static final Duration REST = Duration.ofMillis(300);

  private final Dynamo dynamo;
  private final String table;
  private final DynamoLayout layout;
  private final Failures failures;

  TableCheck(Dynamo dynamo, String table, DynamoLayout layout, Failures failures) {
    this.dynamo = dynamo;
    this.table = table;
    this.layout = layout;
    this.failures = failures;
  }

  /**
   * Blocks, with a bound.
   *
   * @param oneRegion all clients of these locks ask one region, so others may have copies of the table
   * @return what no other table has
   */
  String look(boolean oneRegion) {
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

  /** Few may ask this at a time, so those who start together are turned away, and ask again. */
  private TimeToLiveDescription expiry() {
    for (int left = MOST_TRIES - 1; ; left--) {
      try {
        return await(
                "DescribeTimeToLive",
                dynamo.ask(
                    client -> client.describeTimeToLive(request -> request.tableName(table)),
                    client -> client.describeTimeToLive(request -> request.tableName(table))))
            .timeToLiveDescription();
      } catch (StoreUnavailableException e) {
        if (left == 0) {
          throw e;
        }
        rest();
      }
    }
  }

  private static void rest() {
    try {
      TimeUnit.MILLISECONDS.sleep(
          REST.toMillis() + ThreadLocalRandom.current().nextLong(REST.toMillis()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the next question says so
    }
  }

  private <T> T await(String action, CompletableFuture<T> answer) {
    try {
      return answer.get(TAKES.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw failures.of(e.getCause() == null ? e : e.getCause(), action, false);
    } catch (TimeoutException e) {
      throw new StoreUnavailableException(
          action + " on table " + table + " was not answered within " + TAKES.toSeconds() + " s",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoreUnavailableException(action + " on table " + table + " was interrupted", e);
    }
  }
}
