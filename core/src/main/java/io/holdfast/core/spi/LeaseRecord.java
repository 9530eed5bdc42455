package io.holdfast.core.spi;

import io.holdfast.HoldData;
import java.time.Duration;
import java.time.Instant;

/**
 * What a store keeps of one lock, as it was at one moment.
 *
 * @param name the lock's
 * @param version the store's own mark of this state, which every write changes; empty if there is no record. Only compared
 * @param grant the id of the grant that has the lock, which no other grant ever has; empty if it is free
 * @param client the holder's name, for people to read; empty if it is free
 * @param leaseDuration how long the holder keeps the lock without a renewal, {@link #LONGEST_LEASE} at most; zero if it is free
 * @param token the fencing token of the last grant; 0 if there was none, or the store keeps none
 * @param since when it was granted, for people to read and by whichever clock the store has
 * @param data what the holder wants others to see
 */
public record LeaseRecord(
    String name,
    String version,
    String grant,
    String client,
    Duration leaseDuration,
    long token,
    Instant since,
    HoldData data) {
  /** A longer one, which nobody but another's hand can have written, counts as this: it is added to clocks. */
  public static final Duration LONGEST_LEASE = Duration.ofDays(36_500);

  /** Bounds the lease. */
  public LeaseRecord {
    if (leaseDuration.compareTo(LONGEST_LEASE) > 0) {
      leaseDuration = LONGEST_LEASE;
    }
  }

  /** A lock that nobody has. */
  public static LeaseRecord free(String name, String version, long token) {
    return new LeaseRecord(
        name, version, "", "", Duration.ZERO, token, Instant.EPOCH, HoldData.empty());
  }

  /** Whether nobody has the lock. A holder whose lease has run out has it still, until somebody takes it. */
  public boolean isFree() {
    return grant.isEmpty();
  }
}
