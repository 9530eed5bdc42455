package io.holdfast;

import java.time.Instant;
import java.util.List;

/**
 * Who stands in line for a lock.
 *
 * @param client the name of its client, as {@link ClientOptions#name} set it
 * @param targets all that it waits to be granted as one, in the order asked for
 * @param since when it began to wait; for people to read
 * @param data what it will show when it holds the lock
 */
public record Waiter(String client, List<LockTarget> targets, Instant since, HoldData data) {
  /** Copies the list. */
  public Waiter {
    targets = List.copyOf(targets);
  }
}
