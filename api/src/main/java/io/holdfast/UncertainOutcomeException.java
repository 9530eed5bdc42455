package io.holdfast;

/**
 * The store was asked and the answer never came: the request may have been carried out or not, and this client cannot
 * know. A lock that was perhaps granted is held by nobody here, and ends with its lease; asking again is safe and
 * is never answered with the grant of the earlier attempt.
 */
public final class UncertainOutcomeException extends LockException {
  private static final long serialVersionUID = 1L;

  /** For stores. */
  public UncertainOutcomeException(String message, Throwable cause) {
    super(message, cause);
  }
}
