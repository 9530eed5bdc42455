package io.holdfast;

import java.util.List;

/**
 * Who holds a lock and who waits for it, at one moment.
 *
 * <p>Of a node of a tree this tells everybody whose grant or wish meets that node: on the node itself, on a node above it
 * (which locks this one too) or on one below it; {@code targets} of each tells which.
 *
 * @param key the lock
 * @param holders those who have it, the earliest grant first
 * @param waiters those who stand in line, the first to come first
 * @param complete false if there are more than {@link LockClient#MAX_DESCRIBED} of either
 */
public record LockDescription(
    LockKey key, List<Holder> holders, List<Waiter> waiters, boolean complete) {
  /** Copies the lists. */
  public LockDescription {
    holders = List.copyOf(holders);
    waiters = List.copyOf(waiters);
  }
}
