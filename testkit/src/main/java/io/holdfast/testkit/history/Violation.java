package io.holdfast.testkit.history;

import java.util.List;

/**
 * A promise that a history shows to be broken.
 *
 * @param property which one, {@code "P2"}; see {@link HistoryChecker}
 * @param message what happened, in one line
 * @param evidence the events that show it, the earliest first
 * @param aboutOrder whether it is that somebody was overtaken: P5, and P7 where it was by a reader
 */
public record Violation(
    String property, String message, List<HistoryEvent> evidence, boolean aboutOrder) {
  /** Copies the list. */
  public Violation {
    evidence = List.copyOf(evidence);
  }

  @Override
  public String toString() {
    return property + ": " + message;
  }
}
