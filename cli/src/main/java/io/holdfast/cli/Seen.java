package io.holdfast.cli;

import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.Waiter;
import io.holdfast.remote.LockWatch.Sight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** The locks that are watched, as far as their servers have told of them; and what is new to somebody who has seen so much. */
final class Seen {
  private final Predicate<LockKey> watched;
  private final Map<LockKey, LockDescription> locks = new LinkedHashMap<>();

  /** Nothing yet. */
  Seen(Predicate<LockKey> watched) {
    this.watched = watched;
  }

  /** What a sight changes. */
  List<Change> see(Sight sight) {
    List<Change> changes = new ArrayList<>();
    if (sight instanceof Sight.Present present) {
      changes.addAll(
          Change.between(new LockList(List.copyOf(locks.values()), true), present.locks()));
      locks.clear();
      present.locks().locks().forEach(lock -> locks.put(lock.key(), lock));
    } else if (sight instanceof Sight.Granted granted) {
      for (LockKey key : keys(granted.holder().targets())) {
        granted(key, granted.holder(), granted.waited(), changes);
      }
    } else if (sight instanceof Sight.Ended ended) {
      for (LockKey key : keys(ended.holder().targets())) {
        changes.add(new Change.Ended(key, ended.holder(), Optional.of(how(ended.lost()))));
        drop(key, ended.holder());
      }
    } else if (sight instanceof Sight.Queued queued) {
      for (LockKey key : keys(queued.waiter().targets())) {
        changes.add(new Change.Waits(key, queued.waiter()));
        LockDescription lock = lock(key);
        List<Waiter> waiters = new ArrayList<>(lock.waiters());
        waiters.add(queued.waiter());
        keep(key, lock.holders(), waiters);
      }
    } else if (sight instanceof Sight.Cancelled cancelled) {
      for (LockKey key : keys(cancelled.waiter().targets())) {
        changes.add(new Change.Left(key, cancelled.waiter(), Optional.of("cancelled")));
        keep(key, lock(key).holders(), without(lock(key).waiters(), cancelled.waiter()));
      }
    }
    return changes;
  }

  private void granted(LockKey key, Holder holder, boolean waited, List<Change> changes) {
    LockDescription lock = lock(key);
    List<Waiter> waiters = lock.waiters();
    if (waited) {
      Waiter waiter = new Waiter(holder.client(), holder.targets(), holder.since(), holder.data());
      changes.add(new Change.Left(key, waiter, Optional.of("granted")));
      waiters = without(waiters, waiter);
    }
    changes.add(new Change.Held(key, holder));
    List<Holder> holders = new ArrayList<>(lock.holders());
    holders.add(holder);
    keep(key, holders, waiters);
  }

  private void drop(LockKey key, Holder holder) {
    LockDescription lock = lock(key);
    List<Holder> holders = new ArrayList<>(lock.holders());
    holders.removeIf(each -> Change.grant(each).equals(Change.grant(holder)));
    keep(key, holders, lock.waiters());
  }

  private static List<Waiter> without(List<Waiter> waiters, Waiter one) {
    List<Waiter> left = new ArrayList<>(waiters);
    for (int i = 0; i < left.size(); i++) {
      if (Change.timeless(left.get(i)).equals(Change.timeless(one))) {
        left.remove(i);
        return left;
      }
    }
    return left;
  }

  private LockDescription lock(LockKey key) {
    LockDescription known = locks.get(key);
    return known == null ? new LockDescription(key, List.of(), List.of(), true) : known;
  }

  private void keep(LockKey key, List<Holder> holders, List<Waiter> waiters) {
    if (holders.isEmpty() && waiters.isEmpty()) {
      locks.remove(key);
    } else {
      locks.put(key, new LockDescription(key, holders, waiters, true));
    }
  }

  private List<LockKey> keys(List<LockTarget> targets) {
    return targets.stream().map(LockTarget::key).filter(watched).distinct().toList();
  }

  private static String how(Optional<LossReason> lost) {
    return lost.map(reason -> reason.name().toLowerCase(Locale.ROOT).replace('_', ' '))
        .orElse("released");
  }
}
