package io.holdfast.cli;

import io.holdfast.Holder;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.Waiter;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import io.holdfast.cli.output.Text;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is different between two looks at the locks of a store, or what a store says has happened to them. */
sealed interface Change {
  /** The lock. */
  LockKey key();

  /** Somebody holds it who did not. */
  record Held(LockKey key, Holder holder) implements Change {}

  /**
   * Somebody holds it no more.
   *
   * @param how released, expired and so on; empty if it is not known: two looks cannot tell
   */
  record Ended(LockKey key, Holder holder, Optional<String> how) implements Change {}

  /** Somebody waits for it who did not. */
  record Waits(LockKey key, Waiter waiter) implements Change {}

  /**
   * Somebody waits for it no more.
   *
   * @param how granted or cancelled; empty if it is not known
   */
  record Left(LockKey key, Waiter waiter, Optional<String> how) implements Change {}

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
      return "ended  " + lock + " by " + text.line(key(), ended.holder()) + shown(ended.how());
    } else if (this instanceof Waits waits) {
      return "waits  " + lock + " by " + text.line(key(), waits.waiter());
    }
    Left left = (Left) this;
    return "left   " + lock + " by " + text.line(key(), left.waiter()) + shown(left.how());
  }

  private static String shown(Optional<String> how) {
    return how.map(word -> " (" + word + ")").orElse("");
  }

  /** The change as members of an object that is open. */
  default Json write(Json json, Locks text) {
    if (this instanceof Held held) {
      return text.write(text.key(json.field("event", "held"), key()), key(), held.holder());
    } else if (this instanceof Ended ended) {
      text.key(json.field("event", "ended"), key());
      ended.how().ifPresent(how -> json.field("how", how));
      return text.write(json, key(), ended.holder());
    } else if (this instanceof Waits waits) {
      return text.write(text.key(json.field("event", "waits"), key()), key(), waits.waiter());
    }
    Left left = (Left) this;
    text.key(json.field("event", "left"), key());
    left.how().ifPresent(how -> json.field("how", how));
    return text.write(json, key(), left.waiter());
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
                changes.add(new Ended(old.key(), holder, Optional.empty()));
              }
            });
    List<Waiter> waiters = timeless(now.waiters());
    for (Waiter waiter : old.waiters()) {
      if (!waiters.remove(timeless(waiter))) {
        changes.add(new Left(old.key(), waiter, Optional.empty()));
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
    List<Waiter> waiters = timeless(old.waiters());
    for (Waiter waiter : now.waiters()) {
      if (!waiters.remove(timeless(waiter))) {
        changes.add(new Waits(now.key(), waiter));
      }
    }
  }

  /**
   * By what stays the same for as long as a grant lasts: its token; or, where there is none, all but its end, which renewal
   * moves.
   */
  static Object grant(Holder h) {
    return h.token().isPresent()
        ? h.token()
        : new Holder(h.client(), h.targets(), h.token(), h.since(), Optional.empty(), h.data());
  }

  private static Map<Object, Holder> holders(LockDescription lock) {
    Map<Object, Holder> holders = new LinkedHashMap<>();
    lock.holders().forEach(holder -> holders.put(grant(holder), holder));
    return holders;
  }

  /** By what stays the same for as long as somebody waits: another server may date it by its own clock. */
  static Waiter timeless(Waiter waiter) {
    return new Waiter(waiter.client(), waiter.targets(), Instant.EPOCH, waiter.data());
  }

  private static List<Waiter> timeless(List<Waiter> waiters) {
    List<Waiter> list = new ArrayList<>();
    waiters.forEach(waiter -> list.add(timeless(waiter)));
    return list;
  }
}
