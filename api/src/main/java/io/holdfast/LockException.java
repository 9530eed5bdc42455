package io.holdfast;

/**
 * What can go wrong with a lock that is nobody's mistake. The family is closed: who handles its five members has handled
 * all. {@link InterruptedException} stays itself, and a caller's mistake is an {@link InvalidRequestException}, an {@link
 * IllegalStateException} or an {@link UnsupportedOperationException}.
 */
public abstract sealed class LockException extends RuntimeException
    permits HoldLostException,
        LockTimeoutException,
        LockRefusedException,
        StoreUnavailableException,
        UncertainOutcomeException {
  private static final long serialVersionUID = 1L;

  LockException(String message) {
    super(message);
  }

  LockException(String message, Throwable cause) {
    super(message, cause);
  }
}
