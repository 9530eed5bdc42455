package io.holdfast.table;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/** What tests ask tables for. */
final class Requests {
  static final String TREE = "tree";

  private Requests() {}

  static LockTarget read(String path) {
    return new LockTarget(new LockKey.Node(TREE, TreePath.parse(path)), LockMode.SHARED);
  }

  static LockTarget write(String path) {
    return new LockTarget(new LockKey.Node(TREE, TreePath.parse(path)), LockMode.EXCLUSIVE);
  }

  static LockTarget name(String name) {
    return new LockTarget(new LockKey.Name(name), LockMode.EXCLUSIVE);
  }

  static LockTarget readName(String name) {
    return new LockTarget(new LockKey.Name(name), LockMode.SHARED);
  }

  static List<LockTarget> targets(Collection<String> reads, Collection<String> writes) {
    return Stream.concat(reads.stream().map(Requests::read), writes.stream().map(Requests::write))
        .toList();
  }

  /** A table with an open session, number 1. */
  static LockTable table() {
    LockTable table = new LockTable(0);
    table.apply(new Command.OpenSession(0, 1, "one"));
    return table;
  }

  static Command.Acquire acquire(long request, LockTarget... targets) {
    return acquire(request, List.of(targets));
  }

  static Command.Acquire acquire(long request, List<LockTarget> targets) {
    return new Command.Acquire(0, 1, request, 0, true, targets, HoldData.empty(), Command.FOREVER);
  }

  static Command.Acquire tryAcquire(long request, LockTarget... targets) {
    return new Command.Acquire(
        0, 1, request, 0, false, List.of(targets), HoldData.empty(), Command.FOREVER);
  }

  /** Ends a request, whether it holds or waits. */
  static Command.Cancel end(long request) {
    return new Command.Cancel(0, 1, request);
  }

  /** Whether requests conflict by what they mean, without modes, intentions or nodes. */
  static boolean conflict(List<LockTarget> some, List<LockTarget> others) {
    for (LockTarget target : some) {
      for (LockTarget other : others) {
        if (conflict(target, other)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Two targets conflict when one's sub-tree is part of the other's, unless both only read. */
  static boolean conflict(LockTarget one, LockTarget other) {
    boolean bothRead = one.mode() == LockMode.SHARED && other.mode() == LockMode.SHARED;
    return !bothRead && meet(one.key(), other.key());
  }

  /** Whether two keys have anything in common: whether one is the other or below it. */
  static boolean meet(LockKey one, LockKey other) {
    return covers(one, other) || covers(other, one);
  }

  /** Whether the lower key is the upper one or below it. */
  static boolean covers(LockKey upper, LockKey lower) {
    if (upper instanceof LockKey.Node node && lower instanceof LockKey.Node below) {
      String path = node.path().toString();
      String lowerPath = below.path().toString();
      boolean within =
          lowerPath.startsWith(path)
              && (path.equals("/")
                  || lowerPath.length() == path.length()
                  || lowerPath.charAt(path.length()) == '/');
      return within && node.tree().equals(below.tree());
    }
    return upper.equals(lower);
  }
}
