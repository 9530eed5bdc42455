package io.holdfast;

import java.util.List;

/**
 * The locks that are held or waited for.
 *
 * @param locks one description a lock, sorted by key; of a node of a tree, it tells those alone who asked for that very node
 * @param complete false if there are more than {@link LockClient#MAX_LISTED}: ask with a narrower prefix
 */
public record LockList(List<LockDescription> locks, boolean complete) {
  /** Copies the list. */
  public LockList {
    locks = List.copyOf(locks);
  }
}
