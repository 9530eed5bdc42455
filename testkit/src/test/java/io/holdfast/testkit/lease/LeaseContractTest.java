package io.holdfast.testkit.lease;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.testkit.LockContract;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The engine over a map, with all clients in one process: they stand in one line. */
class LeaseContractTest extends LockContract {
  /** About to overflow, as a clock of arbitrary origin may be. */
  private final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 1_000_000_000);

  private final MapLeaseStore map = new MapLeaseStore("contract", ticker::instant);
  private final Map<LockClient, MortalLeaseStore> stores = new ConcurrentHashMap<>();

  @Override
  protected LockClient connect(ClientOptions options) {
    ClientOptions turned = options.ticker(ticker);
    MortalLeaseStore store = new MortalLeaseStore(map, place());
    LockClient client = LockClient.over(LeaseLocks.over(store, turned), turned);
    stores.put(client, store);
    return client;
  }

  /** Where clients stand in one line. */
  String place() {
    return map.place();
  }

  @Override
  protected Optional<ManualTicker> ticker() {
    return Optional.of(ticker);
  }

  @Override
  protected Duration arrivesWithin() {
    return Duration.ofMillis(20);
  }

  @Override
  protected int rounds() {
    return 50;
  }

  @Override
  protected boolean kill(LockClient client) {
    stores.get(client).die();
    return true;
  }

  @Override
  protected boolean restart() {
    stores.values().forEach(MortalLeaseStore::die);
    return true; // the map outlives them
  }
}
