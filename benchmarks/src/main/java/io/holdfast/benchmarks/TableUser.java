package io.holdfast.benchmarks;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import java.util.List;

/**
 * The only client of a table: tells it what the in-process store would, without that store's mutex, futures and holds. So
 * it shows what deciding costs.
 */
final class TableUser {
  private static final long SESSION = 1;

  private final LockTable table = new LockTable(0);
  private long now;
  private long lastRequest;

  TableUser() {
    table.apply(new Command.OpenSession(now, SESSION, "benchmark"));
  }

  static List<LockTarget> name(String name) {
    return List.of(new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE));
  }

  static List<LockTarget> write(String path) {
    return subtree(path, LockMode.EXCLUSIVE);
  }

  static List<LockTarget> read(String path) {
    return subtree(path, LockMode.SHARED);
  }

  /** Asks for something that is free. */
  Event.Granted acquire(List<LockTarget> targets) {
    return (Event.Granted) ask(targets, true);
  }

  /** Stands in line for something that is not. Returns the number of the request. */
  long queue(List<LockTarget> targets) {
    return ((Event.Queued) ask(targets, true)).request();
  }

  /** Asks for something that is not free, without waiting. */
  Event.Busy ask(List<LockTarget> targets) {
    return (Event.Busy) ask(targets, false);
  }

  void release(Event.Granted grant) {
    apply(new Command.Release(++now, SESSION, grant.request(), grant.token()));
  }

  /** Releases what somebody waits for; returns the grant that follows. */
  Event.Granted handOver(Event.Granted grant) {
    return (Event.Granted)
        apply(new Command.Release(++now, SESSION, grant.request(), grant.token())).get(1);
  }

  /** Takes a waiter out of its line. */
  Event.Cancelled cancel(long request) {
    return (Event.Cancelled) apply(new Command.Cancel(++now, SESSION, request)).get(0);
  }

  LockTable table() {
    return table;
  }

  private static List<LockTarget> subtree(String path, LockMode mode) {
    return List.of(new LockTarget(new LockKey.Node("tree", TreePath.parse(path)), mode));
  }

  private Event ask(List<LockTarget> targets, boolean mayWait) {
    long request = ++lastRequest;
    Command acquire =
        new Command.Acquire(
            ++now,
            SESSION,
            request,
            request, // acknowledged with the asking, as within a process nothing is sent twice
            mayWait,
            targets,
            HoldData.empty(),
            Command.FOREVER);
    return apply(acquire).get(0);
  }

  private List<Event> apply(Command command) {
    return table.apply(command);
  }
}
