package io.holdfast;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How a lock shall be held: for how long at a stretch, for how long at most, with which data. Immutable; each method that
 * changes something returns a new one.
 *
 * <pre>{@code
 * locks.lock("reports/daily").with(HoldOptions.defaults().maxHold(Duration.ofMinutes(30))).acquire()
 * }</pre>
 */
public final class HoldOptions {
  /** The shortest lease that can be asked for. */
  public static final Duration MIN_LEASE = Duration.ofSeconds(2);

  /** The longest lease that can be asked for. */
  public static final Duration MAX_LEASE = Duration.ofHours(1);

  private static final HoldOptions DEFAULTS =
      new HoldOptions(Duration.ofSeconds(10), Optional.empty(), HoldData.empty());

  private final Duration leaseDuration;
  private final Optional<Duration> maxHold;
  private final HoldData data;

  private HoldOptions(Duration leaseDuration, Optional<Duration> maxHold, HoldData data) {
    this.leaseDuration = leaseDuration;
    this.maxHold = maxHold;
    this.data = data;
  }

  /** A lease of 10 seconds, renewed for as long as the hold is open; no data. */
  public static HoldOptions defaults() {
    return DEFAULTS;
  }

  /**
   * How long the store keeps the lock for a holder it does not hear from. Renewal goes on all the same; this sets only how
   * soon a dead holder is replaced, and how long a living one may be cut off without losing its lock. Stores without
   * {@link Capability#LEASES} (in-process, PostgreSQL sessions) have no other use for it than {@link Hold#heartbeatWhile}.
   *
   * @param leaseDuration {@link #MIN_LEASE} to {@link #MAX_LEASE}
   * @throws InvalidRequestException if it is outside these bounds
   */
  public HoldOptions leaseDuration(Duration leaseDuration) {
    Durations.requireBetween("LEASE", "leaseDuration", leaseDuration, MIN_LEASE, MAX_LEASE);
    return new HoldOptions(leaseDuration, maxHold, data);
  }

  /**
   * The longest a hold may last, renewed or not. When it is reached the hold is lost ({@link LossReason#EXPIRED}).
   *
   * @param maxHold at least a millisecond, at most 365 days
   * @throws InvalidRequestException if it is outside these bounds
   */
  public HoldOptions maxHold(Duration maxHold) {
    Durations.requireBetween(
        "MAX_HOLD", "maxHold", maxHold, Duration.ofMillis(1), Durations.LONGEST);
    return new HoldOptions(leaseDuration, Optional.of(maxHold), data);
  }

  /** Data to travel with the hold. */
  public HoldOptions data(HoldData data) {
    return new HoldOptions(leaseDuration, maxHold, Objects.requireNonNull(data, "data"));
  }

  /** Text to travel with the hold, as UTF-8. */
  public HoldOptions data(String text) {
    return data(HoldData.of(text));
  }

  /** How long the store keeps the lock for a holder it does not hear from. */
  public Duration leaseDuration() {
    return leaseDuration;
  }

  /** The longest a hold may last; empty for as long as it is open. */
  public Optional<Duration> maxHold() {
    return maxHold;
  }

  /** The data that travels with the hold. */
  public HoldData data() {
    return data;
  }
}
