package io.holdfast;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.stream.Collectors;

/** The lock could not be had within {@code maxWait}. The line was left; nothing is held. */
public final class LockTimeoutException extends LockException {
  private static final long serialVersionUID = 1L;

  private final transient List<Holder> holders;

  LockTimeoutException(
      List<LockTarget> targets, Duration waited, List<Holder> holders, String hint) {
    super(
        "no "
            + targets
            + " within "
            + waited.toMillis()
            + " ms: "
            + describe(holders)
            + (hint.isEmpty() ? "" : "; " + hint));
    this.holders = List.copyOf(holders);
  }

  /**
   * Who stood in the way when patience ended: since when, with which token. Not more than a handful are told; empty if the
   * store cannot say.
   */
  public List<Holder> holders() {
    return holders == null ? List.of() : holders;
  }

  private static String describe(List<Holder> holders) {
    if (holders.isEmpty()) {
      return "busy";
    }
    return holders.stream()
        .map(
            h ->
                "held by "
                    + h.client()
                    + " since "
                    + h.since().truncatedTo(ChronoUnit.MILLIS)
                    + (h.token().isPresent() ? ", token " + h.token().getAsLong() : ""))
        .collect(Collectors.joining("; "));
  }
}
