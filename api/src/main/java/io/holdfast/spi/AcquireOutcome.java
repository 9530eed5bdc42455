package io.holdfast.spi;

import io.holdfast.Holder;
import java.util.List;

/** A store's answer to an {@link AcquireRequest}. */
public sealed interface AcquireOutcome {
  /**
   * All targets were granted.
   *
   * @param lease the right to them
   */
  record Granted(Lease lease) implements AcquireOutcome {}

  /**
   * The request's patience is over, and it stands in line no longer.
   *
   * @param holders some of those in the way; empty if the store cannot tell
   * @param hint what else the user should know, a clause such as {@code "this thread holds it"}, or empty
   */
  record Busy(List<Holder> holders, String hint) implements AcquireOutcome {}
}
