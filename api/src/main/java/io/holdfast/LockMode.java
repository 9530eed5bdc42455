package io.holdfast;

/** How a lock is held. */
public enum LockMode {
  /** Together with other shared holders of the same name, and with nobody else. */
  SHARED,
  /** Alone. */
  EXCLUSIVE
}
