package io.holdfast.cli;

import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.Waiter;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import io.holdfast.cli.output.Text;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is different between two looks at the locks of a store. */
sealed interface Change {
  /** The lock. */
  LockKey key();

  /** Somebody holds it who did not. */
  record Held(LockKey key, Holder holder) implements Change {}

  /** Somebody holds it no more: released, or lost; a look cannot tell. */
  record Ended(LockKey key, Holder holder) implements Change {}

  /** Somebody waits for it who did not. */
  record Waits(LockKey key, Waiter waiter) implements Change {}

  /** Somebody waits for it no more: granted, or given up. */
  record Left(LockKey key, Waiter waiter) implements Change {}

  /**
   * The changes from one look to the next: lock by lock, and of each what is over before what is new. Renewals are none.
   */
  static List<Change> between(LockList before, LockList after) {
    Map<LockKey, LockDescription> old = byKey(before);
    Map<LockKey, LockDescription> now = byKey(after);
    List<Change> changes = new ArrayList<>();
    for (LockDescription lock : before.locks()) {
      LockDescription next = now.getOrDefault(lock.key(), nobody(lock.key()));
      ended(lock, next, changes);
      begun(lock, next, changes);
    }
    for (LockDescription lock : after.locks()) {
      if (!old.containsKey(lock.key())) {
        begun(nobody(lock.key()), lock, changes);
      }
    }
    return changes;
  }

  /** The change as a line for people, without its time. */
  default String line(Locks text) {
    String lock = Text.shown(text.title(key()));
    if (this instanceof Held held) {
      return "held   " + lock + " by " + text.line(key(), held.holder());
    } else if (this instanceof Ended ended) {
      return "ended  " + lock + " by " + text.line(key(), ended.holder());
    } else if (this instanceof Waits waits) {
      return "waits  " + lock + " by " + text.line(key(), waits.waiter());
    }
    return "left   " + lock + " by " + text.line(key(), ((Left) this).waiter());
  }

  /** The change as members of an object that is open. */
  default Json write(Json json, Locks text) {
    if (this instanceof Held held) {
      return text.write(text.key(json.field("event", "held"), key()), key(), held.holder());
    } else if (this instanceof Ended ended) {
      return text.write(text.key(json.field("event", "ended"), key()), key(), ended.holder());
    } else if (this instanceof Waits waits) {
      return text.write(text.key(json.field("event", "waits"), key()), key(), waits.waiter());
    }
    return text.write(text.key(json.field("event", "left"), key()), key(), ((Left) this).waiter());
  }

  private static Map<LockKey, LockDescription> byKey(LockList list) {
    Map<LockKey, LockDescription> locks = new HashMap<>();
    list.locks().forEach(lock -> locks.put(lock.key(), lock));
    return locks;
  }

  private static LockDescription nobody(LockKey key) {
    return new LockDescription(key, List.of(), List.of(), true);
  }

  private static void ended(LockDescription old, LockDescription now, List<Change> changes) {
    Map<Object, Holder> holders = holders(now);
    holders(old)
        .forEach(
            (grant, holder) -> {
              if (!holders.containsKey(grant)) {
                changes.add(new Ended(old.key(), holder));
              }
            });
    List<Waiter> waiters = new ArrayList<>(now.waiters());
    for (Waiter waiter : old.waiters()) {
      if (!waiters.remove(waiter)) {
        changes.add(new Left(old.key(), waiter));
      }
    }
  }

  private static void begun(LockDescription old, LockDescription now, List<Change> changes) {
    Map<Object, Holder> holders = holders(old);
    holders(now)
        .forEach(
            (grant, holder) -> {
              if (!holders.containsKey(grant)) {
                changes.add(new Held(now.key(), holder));
              }
            });
    List<Waiter> waiters = new ArrayList<>(old.waiters());
    for (Waiter waiter : now.waiters()) {
      if (!waiters.remove(waiter)) {
        changes.add(new Waits(now.key(), waiter));
      }
    }
  }

  /** By what stays the same for as long as a grant lasts: all but its end, which renewal moves. */
  private static Map<Object, Holder> holders(LockDescription lock) {
    Map<Object, Holder> holders = new LinkedHashMap<>();
    for (Holder h : lock.holders()) {
      holders.put(
          new Holder(h.client(), h.targets(), h.token(), h.since(), Optional.empty(), h.data()), h);
    }
    return holders;
  }
}
