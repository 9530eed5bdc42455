package io.holdfast.spi;

import io.holdfast.LossReason;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** A grant, as the store's engine keeps it: renewed by the engine, wrapped in a {@link io.holdfast.Hold} for the user. */
public interface Lease {
  /** The {@link #deadlineNanos} of a lease that time alone never ends. */
  long NO_DEADLINE = Long.MAX_VALUE;

  /**
   * The fencing token.
   *
   * @throws UnsupportedOperationException if the store keeps none
   */
  long token();

  /** When the right ends unless renewed, a reading of {@link Ticker#holderNanos}, or {@link #NO_DEADLINE}. Costs no I/O. */
  long deadlineNanos();

  /**
   * Why the lease has ended, if it was not released. Local, and no later than anybody else can have the lock, but where
   * an operator took it from a holder elsewhere, or the store ended a connection that held it. The listener of {@link
   * #whenLost} may hear of it a moment after.
   */
  Optional<LossReason> lost();

  /**
   * Gives the lock back. Called at most once, and not after the lease was known to be lost. A lease whose deadline has passed
   * is never given back: the engine ends it by itself.
   *
   * @return completes when the store has done it; may be done already. If the store says that the lease had ended before,
   *     {@link #lost} tells why from then on; if not, it stays empty, however long the release takes
   */
  CompletableFuture<Void> release();

  /**
   * The same, asked by a thread that then waits until it is done. The engine may have that thread ask the store, which spares
   * it being woken; within a bound of the engine's. As by default it need not.
   */
  default CompletableFuture<Void> releaseHere() {
    return release();
  }

  /**
   * Names the one listener to tell if the lease ends before {@link #release}: once, on the thread that noticed, without a
   * lock of the store's held; at once if that has happened already. The listener is quick, and hearing it twice does no harm.
   */
  void whenLost(Consumer<LossReason> listener);
}
