package io.holdfast;

import java.util.Objects;

/**
 * One part of a request: a key and the mode it is asked for in.
 *
 * @param key what is locked
 * @param mode how
 */
public record LockTarget(LockKey key, LockMode mode) {
  /** Refuses null. */
  public LockTarget {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(mode, "mode");
  }

  @Override
  public String toString() {
    return key + (mode == LockMode.SHARED ? " (shared)" : "");
  }
}
