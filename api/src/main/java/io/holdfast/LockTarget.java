package io.holdfast;

/**
 * One part of a request: a key and the mode it is asked for in.
 *
 * @param key what is locked
 * @param mode how
 */
public record LockTarget(LockKey key, LockMode mode) {
  @Override
  public String toString() {
    return key + (mode == LockMode.SHARED ? " (shared)" : "");
  }
}
