package io.holdfast;

/** The hold ended before it was closed: somebody else may have the lock by now. What was written under it may be stale. */
public final class HoldLostException extends LockException {
  private static final long serialVersionUID = 1L;

  private final LossReason reason;

  HoldLostException(String hold, LossReason reason) {
    super("lost " + hold + ": " + reason);
    this.reason = reason;
  }

  /** Why it ended. */
  public LossReason reason() {
    return reason;
  }
}
