package io.holdfast.benchmarks.leasestores;

import java.util.Map;
import java.util.UUID;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;

/**
 * An item updated on condition, which counts a token, and once more: the least that a lock with tokens can cost over this
 * client, without being one.
 */
record BareUpdates(DynamoDbClient dynamo, String table) implements Contender {
  @Override
  public Held acquire(String name) {
    Map<String, AttributeValue> key = Map.of("key", AttributeValue.fromS(name));
    AttributeValue grant = AttributeValue.fromS(UUID.randomUUID().toString());
    AttributeValue zero = AttributeValue.fromN("0");
    AttributeValue one = AttributeValue.fromN("1");
    dynamo.updateItem(
        update ->
            update
                .tableName(table)
                .key(key)
                .updateExpression("SET #g = :g, #t = if_not_exists(#t, :zero) + :one")
                .conditionExpression("attribute_not_exists(#g)")
                .expressionAttributeNames(Map.of("#g", "grant", "#t", "token"))
                .expressionAttributeValues(Map.of(":g", grant, ":zero", zero, ":one", one))
                .returnValues(ReturnValue.ALL_NEW));
    return () ->
        dynamo.updateItem(
            update ->
                update
                    .tableName(table)
                    .key(key)
                    .updateExpression("REMOVE #g")
                    .conditionExpression("#g = :g")
                    .expressionAttributeNames(Map.of("#g", "grant"))
                    .expressionAttributeValues(Map.of(":g", grant)));
  }

  @Override
  public void close() {}
}
