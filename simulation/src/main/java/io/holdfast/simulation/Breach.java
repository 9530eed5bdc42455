package io.holdfast.simulation;

/** A promise was broken. Ends the run. */
final class Breach extends RuntimeException {
  private static final long serialVersionUID = 1;

  /**
   * @param property which promise, {@code "P13"}; as in {@link io.holdfast.testkit.history.HistoryChecker}, and "table" where
   *     the lock table's rules are
   */
  Breach(String property, String message) {
    super(property + ": " + message);
  }
}
