package io.holdfast.server.security;

/** What became of a credential. */
sealed interface Verdict {
  /** It holds. */
  record Admitted(Caller caller) implements Verdict {}

  /**
   * It does not.
   *
   * @param line one line for people
   */
  record TurnedAway(AuthReason reason, String line) implements Verdict {}
}
