package io.holdfast.cli.run;

import io.holdfast.LossReason;

/** What may happen while somebody waits for a lock or a command runs. */
sealed interface Event {
  /** Without a fact of its own. */
  enum Plain implements Event {
    /** The store has answered. */
    ANSWERED,
    /** The command has ended. */
    ENDED,
    /** The lock would be lost soon. */
    AT_RISK
  }

  /**
   * The lock is lost.
   *
   * @param reason why
   */
  record Lost(LossReason reason) implements Event {}

  /**
   * Somebody sent this process a signal.
   *
   * @param name without SIG
   * @param number as the exit code 128 + n tells it
   */
  record Signalled(String name, int number) implements Event {}
}
