package io.holdfast.cli.run;

import java.time.Duration;
import java.util.List;

/**
 * What to run, and how.
 *
 * @param name the lock's name, for the command to know
 * @param command the program and its arguments
 * @param maxWait for how long to wait for the lock
 * @param leaseDuration for how long the store keeps the lock for a holder it does not hear from
 * @param grace what the command has between TERM and KILL
 * @param notifies whether a command whose lock is lost is told, rather than stopped
 */
public record RunSettings(
    String name,
    List<String> command,
    Duration maxWait,
    Duration leaseDuration,
    Duration grace,
    boolean notifies) {
  /**
   * For what comes after KILL, and for a machine that is slow to do any of it: so long before the lease can end nothing of
   * the command runs any more.
   */
  static final Duration MARGIN = Duration.ofSeconds(1);

  /** Copies the list. */
  public RunSettings {
    command = List.copyOf(command);
  }

  /**
   * The shortest lease within which a command can be stopped in time. A healthy hold has at least half of its lease before
   * it: it is renewed when a third has gone, and counts itself a tenth short.
   */
  public static Duration shortestLease(Duration grace) {
    return grace.plus(MARGIN).multipliedBy(2);
  }

  /** How long before the end of the lease the command is told to stop. */
  Duration stopBefore() {
    return grace.plus(MARGIN);
  }
}
