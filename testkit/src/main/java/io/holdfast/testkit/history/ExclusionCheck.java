package io.holdfast.testkit.history;

import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Never two at once: what was granted to one was not granted to another before it could have been freed (P2; P7 between
 * readers and writers, P8 between nodes of a tree), and no two holders believed at the same time that they held it (P3).
 */
final class ExclusionCheck {
  private final Timeline timeline;
  private final Rules rules;
  private final Report report;

  ExclusionCheck(Timeline timeline, Rules rules, Report report) {
    this.timeline = timeline;
    this.rules = rules;
    this.report = report;
  }

  void run() {
    List<Attempt> granted = timeline.attempts().stream().filter(Attempt::wasAcquired).toList();
    sweep(granted, a -> a.mayBeFreedFrom(rules), this::reportGrants);
    sweep(granted, a -> a.believedUntil(rules), this::reportBeliefs);
    checkAgainstTokens(granted);
    timeline.sessions().forEach(this::checkExpiry);
  }

  /**
   * Finds conflicting attempts whose stretches, each from its {@code acquiredAt}, overlap. One clash an attempt. A stretch
   * that is a mere moment clashes only with one that began before; moments are looked at first.
   */
  private static void sweep(List<Attempt> granted, ToLongFunction<Attempt> until, Clash clash) {
    List<Attempt> begins = new ArrayList<>(granted);
    begins.removeIf(a -> until.applyAsLong(a) < a.acquiredAt);
    List<Attempt> ends = new ArrayList<>(begins);
    ends.removeIf(a -> until.applyAsLong(a) == a.acquiredAt);
    begins.sort(
        Comparator.<Attempt>comparingLong(a -> a.acquiredAt)
            .thenComparing(a -> until.applyAsLong(a) > a.acquiredAt));
    ends.sort(Comparator.comparingLong(until));
    KeyIndex<Set<Attempt>> live = new KeyIndex<>(HashSet::new);
    int ended = 0;
    for (Attempt begin : begins) {
      long now = begin.acquiredAt;
      for (; ended < ends.size() && until.applyAsLong(ends.get(ended)) <= now; ended++) {
        Attempt end = ends.get(ended);
        end.asked.targets().forEach(target -> live.change(target, set -> set.remove(end)));
      }
      Attempt other = anyConflicting(live, begin);
      if (other != null) {
        clash.between(other, begin);
      }
      if (until.applyAsLong(begin) > now) {
        begin.asked.targets().forEach(target -> live.change(target, set -> set.add(begin)));
      }
    }
  }

  private static @Nullable Attempt anyConflicting(KeyIndex<Set<Attempt>> live, Attempt attempt) {
    List<Attempt> found = new ArrayList<>(1);
    for (LockTarget target : attempt.asked.targets()) {
      live.meet(
          target,
          set -> {
            if (found.isEmpty() && !set.isEmpty()) {
              found.add(set.iterator().next());
            }
          });
    }
    return found.isEmpty() ? null : found.get(0);
  }

  /**
   * Tokens tell who was first even where the answers came in another order: who has the lower token must have been freed
   * before the higher was handed out. Answers seldom cross, so who finds a higher token before it looks at all.
   */
  private void checkAgainstTokens(List<Attempt> granted) {
    List<Attempt> byAnswer = new ArrayList<>(granted);
    byAnswer.removeIf(attempt -> attempt.token <= 0);
    byAnswer.sort(Comparator.comparingLong(a -> a.acquiredAt));
    KeyIndex<Grants> grants = new KeyIndex<>(Grants::new);
    for (Attempt late : byAnswer) {
      Set<Attempt> higher = new HashSet<>();
      for (LockTarget target : late.asked.targets()) {
        grants.meet(target, g -> g.addHigherThan(late.token, higher));
      }
      for (Attempt early : higher) {
        if (late.mayBeFreedFrom(rules) > early.acquiredAt) {
          Pair pair = Pair.of(late, early);
          report.add(
              pair.property("P2"),
              early
                  + " had "
                  + pair.later
                  + " while "
                  + late
                  + ", which came first by its token, had not been freed",
              late,
              early);
          break;
        }
      }
      late.asked.targets().forEach(target -> grants.change(target, g -> g.add(late)));
    }
  }

  private void checkExpiry(Session session) {
    if (!rules.hasLease() || !session.wasExpired()) {
      return;
    }
    long renewedAt = session.lastRenewalBy(session.expiredAt());
    long lasted = session.expiredAt() - renewedAt;
    if (renewedAt >= 0 && lasted < rules.atLeast(rules.leaseNanos)) {
      report.add(
          "P2",
          "client "
              + session.client
              + " was given up "
              + Report.ms(lasted)
              + " after it renewed, before its lease of "
              + Report.ms(rules.leaseNanos)
              + " was over");
    }
  }

  private void reportGrants(Attempt first, Attempt second) {
    Pair pair = Pair.of(first, second);
    report.add(
        pair.property("P2"),
        second
            + " acquired "
            + pair.later
            + " at "
            + Report.ms(second.acquiredAt)
            + ", while "
            + first
            + " had "
            + pair.earlier
            + " since "
            + Report.ms(first.acquiredAt)
            + " and nothing had freed it",
        first,
        second);
  }

  private void reportBeliefs(Attempt first, Attempt second) {
    Pair pair = Pair.of(first, second);
    report.add(
        "P3",
        second
            + " held "
            + pair.later
            + " from "
            + Report.ms(second.acquiredAt)
            + " on, while "
            + first
            + " believed that it held "
            + pair.earlier
            + " until "
            + Report.ms(first.believedUntil(rules)),
        first,
        second);
  }

  private interface Clash {
    void between(Attempt first, Attempt second);
  }

  /** The first targets of two attempts that conflict. */
  private record Pair(LockTarget earlier, LockTarget later) {
    static Pair of(Attempt first, Attempt second) {
      for (LockTarget a : first.asked.targets()) {
        for (LockTarget b : second.asked.targets()) {
          if (KeyIndex.conflict(a, b)) {
            return new Pair(a, b);
          }
        }
      }
      throw new IllegalStateException("no conflict between " + first + " and " + second);
    }

    String property(String otherwise) {
      if (!earlier.key().equals(later.key())) {
        return "P8";
      }
      return earlier.mode() == LockMode.SHARED || later.mode() == LockMode.SHARED
          ? "P7"
          : otherwise;
    }
  }

  private static final class Grants {
    private long highest;
    private final List<Attempt> all = new ArrayList<>(1);

    void add(Attempt attempt) {
      highest = Math.max(highest, attempt.token);
      all.add(attempt);
    }

    void addHigherThan(long token, Set<Attempt> found) {
      if (highest > token) {
        all.stream().filter(a -> a.token > token).forEach(found::add);
      }
    }
  }
}
