package io.holdfast.core.spi;

import io.holdfast.Capability;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Records of locks in a store that compares and sets: all that a new store has to bring. The engine does the rest: clocks,
 * renewal, expiry, waiting, retries. A store asks no clock, keeps no threads, retries nothing, and remembers nothing of a
 * lock between two calls.
 *
 * <p>No call blocks, but for those that say so. A future fails with
 *
 * <ul>
 *   <li>{@link io.holdfast.StoreUnavailableException} if the request certainly changed nothing: never sent, or turned away
 *       (throttled, for one);
 *   <li>{@link io.holdfast.UncertainOutcomeException} if it may have been carried out; the engine then reads to find out;
 *   <li>{@link io.holdfast.LockRefusedException} if asking again would not help: permission, a record of somebody else's making, a bucket that
 *       does not exist.
 * </ul>
 *
 * <p>Thread-safe.
 */
public interface LeaseStore {
  /**
   * For about so long may {@link #takeHere} and {@link #releaseHere} block, and no other call at all. Leases do not depend on it; a
   * caller's patience does.
   */
  Duration BLOCKS_WITHIN = Duration.ofSeconds(2);

  /** The store's name in messages: {@code dynamodb}. */
  String name();

  /** The same for two stores if their locks are the same ones. Clients of one process then stand in one line. */
  String place();

  /**
   * What these records can do: of {@link Capability#ALL}, {@code DATA}, {@code LIST}, {@code FENCING} and {@code
   * DURABLE_TOKENS}. The engine adds what it can do over any records.
   */
  Set<Capability> capabilities();

  /** Writes to one record must be so far apart; zero, as by default, if the store does not mind. */
  default Duration writesApart() {
    return Duration.ZERO;
  }

  /**
   * Takes all locks of the attempt as one, or none, with a token larger than any that these records ever had. Where all
   * goes well this is one request to the store.
   */
  CompletableFuture<TakeAnswer> take(Take take);

  /**
   * The same for one lock, asked by a thread that waits for the answer and for nothing else. The store may block it, for at
   * most {@link #BLOCKS_WITHIN}: then no other thread has to be woken, which is most of what a quick answer costs. An interrupt
   * may be heard as late. As by default it need not.
   */
  default CompletableFuture<TakeAnswer> takeHere(Take take) {
    return take(take);
  }

  /** The record as it is, of all writes that were answered before; {@link LeaseRecord#free} if there is none. */
  CompletableFuture<LeaseRecord> read(String name);

  /**
   * Marks that the holder is alive, which changes the version. Sent again it does no harm.
   *
   * @param mine as this holder last knew it
   */
  CompletableFuture<RenewAnswer> renew(LeaseRecord mine);

  /**
   * Frees the lock if the grant of this record still has it; the token stays on record.
   *
   * @param held as it was last known; its version may have changed since, its grant decides
   * @return the record as it was left, {@linkplain LeaseRecord#free free}: what the next {@link Take} knows of it. Empty if
   *     this grant had not had the lock
   */
  CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held);

  /** The same, asked by a thread that waits for the answer and for nothing else; see {@link #takeHere}. */
  default CompletableFuture<Optional<LeaseRecord>> releaseHere(LeaseRecord held) {
    return release(held);
  }

  /**
   * Frees the lock like {@link #release}, for an operator, who knows only this record of the grant. By default no more than
   * that: its holder frees the rest when it renews. A store that finds the rest at no great cost frees it, too.
   */
  default CompletableFuture<Optional<LeaseRecord>> revoke(LeaseRecord held) {
    return release(held);
  }

  /**
   * Held locks whose names start with the prefix, sorted by name.
   *
   * @param most no more than these
   */
  CompletableFuture<List<LeaseRecord>> list(String prefix, int most);

  /**
   * Has a listener hear of names that may have become free, if the store can push that; whoever is first in line for such a name
   * then looks at once. Only a hint: it may be late, wrong, or never come, and nobody rests longer for it. Called once, before
   * anything is asked. From any thread, which holds no mutex of the store's; the listener asks the store, and does not block.
   * By default nothing is told.
   */
  default void onFreed(Consumer<String> listener) {}

  /** Lets go of connections. Nothing is asked afterwards. */
  void close();
}
