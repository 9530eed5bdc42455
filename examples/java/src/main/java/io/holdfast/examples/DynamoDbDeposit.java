package io.holdfast.examples;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * With a lock in DynamoDB, for accounts that are items of another table. Each write carries the lock's token, and the
 * table refuses one with an older token: so not even a teller that was asleep when its lease ran out does any harm.
 */
public final class DynamoDbDeposit {
  private final LockClient locks;
  private final DynamoDbClient dynamo;
  private final String accounts;

  /** Deposits in the items of a table whose key is {@code name}. */
  public DynamoDbDeposit(LockClient locks, DynamoDbClient dynamo, String accounts) {
    this.locks = locks;
    this.dynamo = dynamo;
    this.accounts = accounts;
  }

  /** Returns whether it came to it in time. */
  public boolean deposit(String account, long amount, Duration maxWait)
      throws InterruptedException {
    Optional<Hold> held = locks.lock("account/" + account).tryAcquire(maxWait);
    if (held.isEmpty()) {
      return false;
    }
    try (Hold hold = held.get()) {
      write(account, balance(account) + amount, hold.token());
    }
    return true;
  }

  long balance(String account) {
    Map<String, AttributeValue> item =
        dynamo.getItem(it -> it.tableName(accounts).key(key(account)).consistentRead(true)).item();
    return item.containsKey("balance") ? Long.parseLong(item.get("balance").n()) : 0;
  }

  /** Fails with a {@code ConditionalCheckFailedException} if a later holder has written. */
  void write(String account, long balance, long token) {
    dynamo.updateItem(
        it ->
            it.tableName(accounts)
                .key(key(account))
                .updateExpression("SET balance = :balance, writtenBy = :token")
                .conditionExpression("attribute_not_exists(writtenBy) OR writtenBy <= :token")
                .expressionAttributeValues(
                    Map.of(":balance", number(balance), ":token", number(token))));
  }

  private static Map<String, AttributeValue> key(String account) {
    return Map.of("name", AttributeValue.fromS(account));
  }

  private static AttributeValue number(long value) {
    return AttributeValue.fromN(Long.toString(value));
  }
}
