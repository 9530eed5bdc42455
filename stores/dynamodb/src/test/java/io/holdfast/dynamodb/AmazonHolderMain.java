package io.holdfast.dynamodb;

import com.amazonaws.services.dynamodbv2.AcquireLockOptions;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBLockClient;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBLockClientOptions;
import com.amazonaws.services.dynamodbv2.LockItem;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Holds a lock by Amazon's own client, heartbeats and all, until it is killed. */
public final class AmazonHolderMain {
  static final Duration LEASE = Duration.ofSeconds(2);
  static final Duration HEARTBEAT = Duration.ofMillis(300);

  private AmazonHolderMain() {}

  static AmazonDynamoDBLockClient client(DynamoDbClient dynamo, String table) {
    return new AmazonDynamoDBLockClient(
        AmazonDynamoDBLockClientOptions.builder(dynamo, table)
            .withTimeUnit(TimeUnit.MILLISECONDS)
            .withLeaseDuration(LEASE.toMillis())
            .withHeartbeatPeriod(HEARTBEAT.toMillis())
            .withCreateHeartbeatBackgroundThread(true)
            .build());
  }

  public static void main(String[] arguments) throws Exception {
    DynamoDbClient dynamo =
        DynamoDbClient.builder()
            .endpointOverride(URI.create(arguments[0]))
            .region(Region.US_EAST_1)
            .credentialsProvider(LocalServer.credentials())
            .httpClient(UrlConnectionHttpClient.create())
            .build();
    AmazonDynamoDBLockClient client = client(dynamo, arguments[1]);
    LockItem item = client.acquireLock(AcquireLockOptions.builder(arguments[2]).build());
    System.out.println("held");
    while (System.in.read() >= 0) {
      if (item.isExpired()) {
        throw new IllegalStateException("lost");
      }
    }
  }
}
