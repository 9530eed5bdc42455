package io.holdfast.core.spi;

import io.holdfast.HoldData;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * An attempt to take locks. It may be sent again, with the same grant, as long as its outcome is not known.
 *
 * @param wanted the locks, each once; one, unless the store can take {@link io.holdfast.Capability#ALL}
 * @param grant the id that the grant will have, and that no other attempt has
 * @param client the holder's name
 * @param leaseDuration how long the lock is kept without a renewal
 * @param data to travel with the hold
 */
public record Take(
    List<Wanted> wanted, String grant, String client, Duration leaseDuration, HoldData data) {
  /** Copies the list. */
  public Take {
    wanted = List.copyOf(wanted);
  }

  /**
   * A lock to take if it is free or, with {@code expired}, still exactly in that state.
   *
   * @param name the lock's
   * @param expired the state of a holder whose lease has been seen to run out
   * @param last what this process knows of the record, if anything; spares the store a read, and need not be up to date
   */
  public record Wanted(String name, Optional<LeaseRecord> expired, Optional<LeaseRecord> last) {}
}
