package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LockContract;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;

/** Against DynamoDB Local, over real connections, in real time; all clients in one process. */
class DynamoContractTest extends LockContract {
  private static DynamoDbAsyncClient dynamo;
  private static final Map<String, String> TABLES = new ConcurrentHashMap<>();

  private final Map<LockClient, MortalStore> stores = new ConcurrentHashMap<>();

  @BeforeAll
  static void start() {
    dynamo = LocalServer.client();
    TABLES.clear();
  }

  @AfterAll
  static void stop() {
    dynamo.close();
  }

  DynamoLayout layout() {
    return DynamoLayout.holdfast();
  }

  /** Where a client stands in line. */
  String place(LeaseStore store) {
    return store.place();
  }

  @Override
  protected LockClient connect(ClientOptions options) {
    String table =
        TABLES.computeIfAbsent(layout().mark(), it -> LocalServer.table(dynamo, layout()));
    LeaseStore store = DynamoLocks.in(table, dynamo).layout(layout()).store(options, () -> {});
    MortalStore mortal = new MortalStore(store, place(store));
    LockClient client = LockClient.over(LeaseLocks.over(mortal, options), options);
    stores.put(client, mortal);
    return client;
  }

  @Override
  protected Duration arrivesWithin() {
    return Duration.ofMillis(200);
  }

  @Override
  protected int rounds() {
    return 20;
  }

  @Override
  protected boolean kill(LockClient client) {
    stores.get(client).die();
    return true;
  }

  @Override
  protected boolean restart() {
    stores.values().forEach(MortalStore::die);
    return true; // the table outlives them
  }
}
