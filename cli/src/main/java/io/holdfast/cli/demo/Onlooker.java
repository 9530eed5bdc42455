package io.holdfast.cli.demo;

import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.Waiter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Looks at all locks by {@code list}, as any client can. Whoever it sees standing in line is noted in the history: those who
 * ask later must not overtake them.
 */
final class Onlooker {
  private final LockClient locks;
  private final Diary diary;
  private final Set<Long> seenInLine = new HashSet<>();

  /**
   * What is to be seen at one moment.
   *
   * @param holders by their tokens; one grant may hold several locks
   * @param waiters by what they bring along, the number of the request
   */
  record Sight(
      List<LockDescription> locks, Map<Long, Holder> holders, Map<String, Waiter> waiters) {
    static final Sight NOTHING = new Sight(List.of(), Map.of(), Map.of());
  }

  Onlooker(LockClient locks, Diary diary) {
    this.locks = locks;
    this.diary = diary;
  }

  /** Looks once. For one thread alone. */
  Sight look() {
    List<LockDescription> listed = new ArrayList<>(locks.list("").locks());
    listed.addAll(locks.tree(Folders.TREE).list().locks());
    Map<Long, Holder> holders = new LinkedHashMap<>();
    Map<String, Waiter> waiters = new LinkedHashMap<>();
    for (LockDescription lock : listed) {
      lock.holders().forEach(holder -> holders.putIfAbsent(holder.token().orElseThrow(), holder));
      lock.waiters().forEach(waiter -> waiters.putIfAbsent(waiter.data().text(), waiter));
    }
    for (String data : waiters.keySet()) {
      if (data.matches("\\d+") && seenInLine.add(Long.parseLong(data))) {
        diary.queued(Long.parseLong(data));
      }
    }
    return new Sight(listed, holders, waiters);
  }
}
