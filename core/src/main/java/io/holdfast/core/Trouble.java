package io.holdfast.core;

import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;

/** What a failed request means. */
enum Trouble {
  /** Nothing was changed; asking again may work. */
  UNAVAILABLE,
  /** Nothing was changed, and asking again would not help. */
  REFUSED,
  /** It may have been carried out, or may yet be. */
  UNCERTAIN;

  /** Whatever a store does not explain may have been carried out. */
  static Trouble of(Throwable failure) {
    if (failure instanceof StoreUnavailableException) {
      return UNAVAILABLE;
    }
    boolean isRefusal =
        failure instanceof LockRefusedException
            || failure instanceof IllegalArgumentException
            || failure instanceof UnsupportedOperationException;
    return isRefusal ? REFUSED : UNCERTAIN;
  }

  /** What a user is told of it. */
  static Throwable told(Throwable failure) {
    return failure instanceof LockException || of(failure) == REFUSED
        ? failure
        : new UncertainOutcomeException("the store failed: " + failure, failure);
  }
}
