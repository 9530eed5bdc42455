package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LockContract;
import io.holdfast.testkit.ManualTicker;
import io.holdfast.testkit.lease.MortalLeaseStore;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;

/** Against DynamoDB Local, over real connections, in time that is turned by hand; all clients in one process. */
class DynamoContractTest extends LockContract {
  private static DynamoDbAsyncClient dynamo;
  private static final Map<String, String> TABLES = new ConcurrentHashMap<>();

  private final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 1_000_000_000);
  private final Map<LockClient, MortalLeaseStore> stores = new ConcurrentHashMap<>();

  @BeforeAll
  static void start() {
    dynamo = LocalServer.client();
    TABLES.clear();
  }

  @AfterAll
  static void stop() {
    dynamo.close();
  }

  /** DynamoDB deletes items of some layouts that are out of date by its own clock. */
  @BeforeEach
  void clocksAgree() {
    ticker.setWallClock(Duration.between(ticker.instant(), Instant.now()));
  }

  DynamoLayout layout() {
    return DynamoLayout.holdfast();
  }

  /** Where a client stands in line. */
  String place(LeaseStore store) {
    return store.place();
  }

  LeaseStore records(String table, ClientOptions options) {
    return DynamoLocks.in(table, dynamo).layout(layout()).store(options, () -> {});
  }

  @Override
  protected LockClient connect(ClientOptions options) {
    ClientOptions timed = ticker().map(options::ticker).orElse(options);
    String table =
        TABLES.computeIfAbsent(layout().mark(), it -> LocalServer.table(dynamo, layout()));
    LeaseStore store = records(table, timed);
    MortalLeaseStore mortal = new MortalLeaseStore(store, place(store));
    LockClient client = LockClient.over(LeaseLocks.over(mortal, timed), timed);
    stores.put(client, mortal);
    return client;
  }

  @Override
  protected Optional<ManualTicker> ticker() {
    return Optional.of(ticker);
  }

  @Override
  protected boolean isBusy() {
    return stores.values().stream().anyMatch(MortalLeaseStore::isBusy);
  }

  /** A busy machine's server is slow, and each look waits for it. */
  @Override
  protected Duration promptly() {
    return Duration.ofSeconds(15);
  }

  @Override
  protected Duration arrivesWithin() {
    return Duration.ofMillis(50);
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
    stores.values().forEach(MortalLeaseStore::die);
    return true; // the table outlives them
  }
}
