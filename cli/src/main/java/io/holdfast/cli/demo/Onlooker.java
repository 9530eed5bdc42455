package io.holdfast.cli.demo;

import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.Waiter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Looks at all locks by {@code list}, as any client can. Whoever it sees standing in line is noted in the history: those who
 * ask later must not overtake them.
 */
final class Onlooker {
  private final LockClient locks;
  private final Log log;

  /**
   * What is to be seen at one moment.
   *
   * @param holders by their tokens; one grant may hold several locks
   * @param waiters by the names of their clients; none of them waits twice
   */
  record Sight(
      List<LockDescription> locks, Map<Long, Holder> holders, Map<String, Waiter> waiters) {}

  Onlooker(LockClient locks, Log log) {
    this.locks = locks;
    this.log = log;
  }

  Sight look() {
    Map<String, Long> asking = log.asking();
    List<LockDescription> listed = new ArrayList<>(locks.list("").locks());
    listed.addAll(locks.tree(Folders.TREE).list().locks());
    Map<Long, Holder> holders = new LinkedHashMap<>();
    Map<String, Waiter> waiters = new LinkedHashMap<>();
    for (LockDescription lock : listed) {
      lock.holders().forEach(holder -> holders.putIfAbsent(holder.token(), holder));
      lock.waiters().forEach(waiter -> waiters.putIfAbsent(waiter.client(), waiter));
    }
    // A waiter has a name and no number. Who asks for the same before and after this look was seen
    // with it.
    asking.forEach(
        (worker, request) -> {
          if (waiters.containsKey(worker)) {
            log.queued(worker, request);
          }
        });
    return new Sight(listed, holders, waiters);
  }
}
