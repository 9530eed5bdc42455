package io.holdfast.benchmarks.leasestores;

import com.amazonaws.services.dynamodbv2.AcquireLockOptions;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBLockClient;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBLockClientOptions;
import com.amazonaws.services.dynamodbv2.LockItem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Amazon's lock client as its documentation sets it up: it polls each second and deletes what it
 * releases.
 */
final class AmazonContender implements Contender {
  private static final long PATIENCE_MILLIS = TimeUnit.MINUTES.toMillis(10);

  private final AmazonDynamoDBLockClient client;

  AmazonContender(DynamoDbClient dynamo, String table, Duration lease) {
    this.client =
        new AmazonDynamoDBLockClient(
            AmazonDynamoDBLockClientOptions.builder(dynamo, table)
                .withTimeUnit(TimeUnit.MILLISECONDS)
                .withLeaseDuration(lease.toMillis())
                .withHeartbeatPeriod(lease.toMillis() / 4)
                .withCreateHeartbeatBackgroundThread(true)
                .build());
  }

  LockItem acquireItem(String name) throws InterruptedException {
    return client.acquireLock(
        AcquireLockOptions.builder(name)
            .withTimeUnit(TimeUnit.MILLISECONDS)
            .withAdditionalTimeToWaitForLock(PATIENCE_MILLIS)
            .withRefreshPeriod(1_000L)
            .build());
  }

  @Override
  public Held acquire(String name) throws InterruptedException {
    return acquireItem(name)::close;
  }

  @Override
  public void close() {
    try {
      client.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
