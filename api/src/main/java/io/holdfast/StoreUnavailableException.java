package io.holdfast;

/** The store could not be asked. Nothing was changed there; asking again later may work. */
public final class StoreUnavailableException extends LockException {
  private static final long serialVersionUID = 1L;

  /** For stores. */
  public StoreUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
