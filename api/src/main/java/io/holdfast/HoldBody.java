package io.holdfast;

import org.jspecify.annotations.Nullable;

/**
 * What is done while a lock is held.
 *
 * @param <T> what it returns
 * @param <X> what it may throw; inferred, {@link RuntimeException} if nothing checked
 */
@FunctionalInterface
public interface HoldBody<T extends @Nullable Object, X extends Exception> {
  /**
   * Does it.
   *
   * @param hold the hold, to take the token from and to check
   * @throws X what the body throws
   */
  T run(Hold hold) throws X;
}
