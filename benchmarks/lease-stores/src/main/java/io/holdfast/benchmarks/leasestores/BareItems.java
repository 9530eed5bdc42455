package io.holdfast.benchmarks.leasestores;

import java.util.Map;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * An item put on condition and deleted: the least that a lock can cost over this client, without
 * being one.
 */
record BareItems(DynamoDbClient dynamo, String table) implements Contender {
  @Override
  public Held acquire(String name) {
    Map<String, AttributeValue> key = Map.of("key", AttributeValue.fromS(name));
    dynamo.putItem(
        put ->
            put.tableName(table)
                .item(key)
                .conditionExpression("attribute_not_exists(#k)")
                .expressionAttributeNames(Map.of("#k", "key")));
    return () -> dynamo.deleteItem(delete -> delete.tableName(table).key(key));
  }

  @Override
  public void close() {}
}
