package io.holdfast.gcs;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.testkit.LockContract;
import io.holdfast.testkit.ManualTicker;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The engine over objects of the emulator, in time that is turned by hand, with all clients in one process. */
class GcsContractTest extends LockContract {
  private static final String BUCKET = "contract";

  private final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 1_000_000_000);
  private final EmulatedStorage storage = new EmulatedStorage(ticker::instant);
  private final Map<LockClient, MortalHttp> connections = new ConcurrentHashMap<>();

  GcsContractTest() {
    storage.createBucket(BUCKET);
  }

  @Override
  protected LockClient connect(ClientOptions options) {
    ClientOptions turned = options.ticker(ticker);
    MortalHttp http = new MortalHttp(storage);
    StorageApi api =
        new StorageApi(
            http,
            RequestHeaders.ANONYMOUS,
            URI.create("http://127.0.0.1"),
            BUCKET,
            Duration.ofSeconds(5));
    GcsLeaseStore store = new GcsLeaseStore(api, RequestHeaders.ANONYMOUS, place(), "");
    LockClient client = LockClient.over(LeaseLocks.over(store, turned), turned);
    connections.put(client, http);
    return client;
  }

  /** Clients with the same stand in one line. */
  String place() {
    return "gs://" + BUCKET;
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
  protected Duration shortestLease() {
    return GcsLocks.MIN_LEASE;
  }

  @Override
  protected int rounds() {
    return 50;
  }

  @Override
  protected boolean kill(LockClient client) {
    connections.get(client).die();
    return true;
  }

  /** The bucket outlives all clients. */
  @Override
  protected boolean restart() {
    connections.values().forEach(MortalHttp::die);
    return true;
  }
}
