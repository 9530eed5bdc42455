package io.holdfast.spi;

import io.holdfast.Capability;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * One client's session with a store: what a store has to bring, and all that {@link io.holdfast.LockClient} asks of it. The
 * client checks capabilities and arguments first, so that a method is called only for what {@link #capabilities} promises.
 * Thread-safe.
 */
public interface LockStore {
  /** The store's name in messages: {@code in-process}. */
  String name();

  /** What this store can do. Never changes. */
  Set<Capability> capabilities();

  /** What a user is told who asks for something that this store cannot do. */
  default UnsupportedOperationException missing(Capability capability) {
    return capability.missingIn(name());
  }

  /**
   * Asks for all targets as one. Never blocks; the future completes with a grant, or with {@link AcquireOutcome.Busy} when
   * the request's patience is over, or fails with a {@link io.holdfast.LockException}. It must not be completed with a lock
   * of the store's held, for what depends on it may run there and then.
   *
   * <p>Cancelling the future leaves the line at once; a grant that could no longer be handed over is given back by the store.
   */
  CompletableFuture<AcquireOutcome> acquire(AcquireRequest request);

  /** Who holds a lock and who waits for it. May block for an answer of the store's. */
  LockDescription describe(LockKey key);

  /** Plain names that are held or waited for and start with the prefix, sorted. May block. */
  LockList list(String prefix);

  /** Nodes of a tree that are held or waited for themselves (not only below), sorted. May block. */
  LockList listTree(String tree);

  /**
   * Ends the grant with this token, and tells its holder ({@link io.holdfast.LossReason#REVOKED}). May block.
   *
   * @return whether there was such a grant on this key
   */
  boolean forceRelease(LockKey key, long token);

  /**
   * The same with a reason, for a store that writes down what operators do; others have no use for it.
   *
   * @param reason 1 to {@link io.holdfast.LockClient#MAX_REASON_BYTES} UTF-8 bytes, without control characters
   */
  default boolean forceRelease(LockKey key, long token, String reason) {
    return forceRelease(key, token);
  }

  /**
   * Ends the session: holds are lost ({@link io.holdfast.LossReason#SESSION_ENDED}), requests that wait fail with
   * {@link IllegalStateException}, and so does everything asked afterwards. Twice is harmless.
   */
  void close();
}
