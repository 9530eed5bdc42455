package io.holdfast.faults;

import io.holdfast.DistributedLock;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LockTree;
import io.holdfast.TreePath;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * What a worker may want: few keys, so that workers meet, and all kinds of requests on them.
 *
 * @param lock how to ask for it
 */
record Wish(Function<LockClient, DistributedLock> lock) {
  /** The tree that all meet in. */
  static final String TREE = "t";

  /** Plain names that more than one client asks for. */
  static final List<String> NAMES = List.of("a", "b", "c", "d", "e");

  private static final List<String> NODES = List.of("/x", "/x/1", "/x/2", "/y", "/y/1");

  private static final List<Wish> WISHES =
      List.of(
          of(locks -> locks.lock("a")),
          of(locks -> locks.lock("a")),
          of(locks -> locks.lock("d")),
          of(locks -> locks.lock("e")),
          of(locks -> locks.lock("e")),
          of(locks -> locks.readWriteLock("b").read()),
          of(locks -> locks.readWriteLock("b").read()),
          of(locks -> locks.readWriteLock("b").write()),
          of(locks -> locks.readWriteLock("c").read()),
          of(locks -> locks.readWriteLock("c").write()),
          of(locks -> locks.all(locks.lock("a"), locks.readWriteLock("b").read())),
          of(locks -> locks.all(locks.lock("d"), locks.lock("e"))),
          of(locks -> tree(locks).read("/")),
          of(locks -> tree(locks).write("/x")),
          of(locks -> tree(locks).read("/x")),
          of(locks -> tree(locks).write("/x/1")),
          of(locks -> tree(locks).write("/x/2")),
          of(locks -> tree(locks).read("/x/1")),
          of(locks -> tree(locks).write("/y/1")),
          of(locks -> locks.all(tree(locks).read("/x"), tree(locks).write("/x/1"))),
          of(locks -> locks.all(tree(locks).write("/x/2"), tree(locks).read("/y"))));

  static Wish any(SplittableRandom dice) {
    return WISHES.get(dice.nextInt(WISHES.size()));
  }

  /**
   * A counter that an exclusive target guards: that of its key, or of one below it. Empty if none of the targets is
   * exclusive.
   */
  static Optional<String> guarded(List<LockTarget> targets, SplittableRandom dice) {
    List<String> guarded =
        targets.stream()
            .filter(target -> target.mode() == LockMode.EXCLUSIVE)
            .flatMap(target -> counters(target.key()).stream())
            .toList();
    return guarded.isEmpty()
        ? Optional.empty()
        : Optional.of(guarded.get(dice.nextInt(guarded.size())));
  }

  private static List<String> counters(LockKey key) {
    if (key instanceof LockKey.Node node) {
      return NODES.stream()
          .filter(path -> node.path().covers(TreePath.parse(path)))
          .map(path -> TREE + ":" + path)
          .toList();
    }
    return List.of(((LockKey.Name) key).name());
  }

  private static LockTree tree(LockClient locks) {
    return locks.tree(TREE);
  }

  private static Wish of(Function<LockClient, DistributedLock> lock) {
    return new Wish(lock);
  }
}
