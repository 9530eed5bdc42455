package io.holdfast.core;

import io.holdfast.ClientOptions;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.LockStore;
import java.security.SecureRandom;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;

/**
 * Locks over a store of lock records: renewal, expiry, waiting and the settling of what is uncertain, the same for every
 * store. For authors of stores; their factories hand the result to {@link io.holdfast.LockClient#over}.
 */
public final class LeaseLocks {
  private LeaseLocks() {}

  /**
   * A client's session. Clients of one process whose stores have the same {@link LeaseStore#place} and whose tickers are the
   * same stand in one line for each name.
   *
   * @param store is closed with the session
   */
  public static LockStore over(LeaseStore store, ClientOptions options) {
    return over(store, options, new SecureRandom());
  }

  /**
   * The same with all chance from one source, for simulations that repeat a run.
   *
   * @param chance must never give the same 128 bits twice, not even in two processes: grants are told apart by them
   */
  public static LockStore over(LeaseStore store, ClientOptions options, RandomGenerator chance) {
    Place place = Place.enter(store.place(), options.ticker());
    LeaseClient client = new LeaseClient(store, options.name(), place, chance);
    store.onFreed(name -> place.within(() -> place.stir(name)));
    return client;
  }

  /**
   * Closes a session without waiting for it: for simulations, where all happens in one thread, which would wait for itself.
   *
   * @param session one of these
   * @return completes when it is closed, whoever closes it
   */
  public static CompletableFuture<Void> closeAsync(LockStore session) {
    return ((LeaseClient) session).closeAsync();
  }
}
