package io.holdfast.testkit.history;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Tells of each grant how early it can have been made. Tokens give the order of grants: one came after all conflicting ones
 * with lower tokens had been freed, however long it was asked for before.
 */
final class EarliestGrants {
  private final Rules rules;
  private final KeyIndex<Freed> freed = new KeyIndex<>(Freed::new);

  EarliestGrants(Rules rules) {
    this.rules = rules;
  }

  /** Raises {@link Attempt#grantedFrom} of all that have a token. */
  void note(Collection<Attempt> attempts) {
    List<Attempt> byToken = new ArrayList<>(attempts);
    byToken.removeIf(attempt -> attempt.token <= 0);
    byToken.sort(Comparator.comparingLong(attempt -> attempt.token));
    for (Attempt attempt : byToken) {
      Freed before = new Freed();
      before.raise(attempt.askedAt);
      attempt.asked.targets().forEach(target -> freed.meet(target, f -> before.raise(f.at)));
      attempt.grantedFrom = Math.min(before.at, attempt.acquiredAt);
      long free = attempt.mayBeFreedFrom(rules);
      attempt.asked.targets().forEach(target -> freed.change(target, f -> f.raise(free)));
    }
  }

  /** When the last of several was freed. */
  private static final class Freed {
    private long at;

    void raise(long other) {
      at = Math.max(at, other);
    }
  }
}
