package io.holdfast;

/** The store understood and said no: a permission is missing or a quota is used up. Nothing is held. */
public final class LockRefusedException extends LockException {
  private static final long serialVersionUID = 1L;

  private final String reason;

  /**
   * For stores.
   *
   * @param reason a stable word in capitals, such as {@code TOO_MANY_WAITERS}
   * @param detail the rest of the line; a quota names its limit
   */
  public LockRefusedException(String reason, String detail) {
    super(reason + ": " + detail);
    this.reason = reason;
  }

  /** The stable word the message starts with. */
  public String reason() {
    return reason;
  }
}
