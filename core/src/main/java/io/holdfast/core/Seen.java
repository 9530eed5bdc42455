package io.holdfast.core;

import io.holdfast.core.spi.LeaseRecord;

/**
 * A record as it was last seen.
 *
 * @param sinceNanos when it was first seen with this version, a reading taken after the store's answer had come: the holder
 *     cannot have renewed later without changing the version
 * @param lookedNanos when it was last seen
 */
record Seen(LeaseRecord record, long sinceNanos, long lookedNanos) {
  /** When its holder is dead, unless the version has changed by then. */
  long overAtNanos() {
    return sinceNanos + record.leaseDuration().toNanos();
  }

  boolean isOver(long nowNanos) {
    return !record.isFree() && nowNanos - overAtNanos() >= 0;
  }
}
