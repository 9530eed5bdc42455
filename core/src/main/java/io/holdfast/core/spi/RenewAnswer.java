package io.holdfast.core.spi;

/** What came of a renewal. */
public sealed interface RenewAnswer {
  /**
   * The lease begins anew.
   *
   * @param record as it is now
   */
  record Renewed(LeaseRecord record) implements RenewAnswer {}

  /**
   * The record was not as the renewal expected it.
   *
   * @param found as the store found it; with the same grant it was this holder's own earlier renewal that was in the way
   */
  record Changed(LeaseRecord found) implements RenewAnswer {}
}
