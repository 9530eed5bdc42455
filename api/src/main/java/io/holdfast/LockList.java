package io.holdfast;

import java.util.List;

/**
 * The locks that are held or waited for.
 *
 * @param locks one description a lock, sorted by key
 * @param complete false if there are more than {@link LockClient#MAX_LISTED}: ask with a narrower prefix
 */
public record LockList(List<LockDescription> locks, boolean complete) {
  /** Copies the list. */
  public LockList {
    locks = List.copyOf(locks);
  }
}
