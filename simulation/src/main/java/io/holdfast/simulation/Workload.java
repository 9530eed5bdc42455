package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.table.Command;
import java.util.List;

/** What applications ask for: few keys, so that they meet often; all kinds of requests; little patience and much. */
final class Workload {
  private static final LockKey A = new LockKey.Name("a");
  private static final LockKey B = new LockKey.Name("b");
  private static final LockKey C = new LockKey.Name("c");
  private static final LockKey ROOT = node("/");
  private static final LockKey X = node("/x");
  private static final LockKey X_1 = node("/x/1");
  private static final LockKey X_2 = node("/x/2");
  private static final LockKey Y = node("/y");

  /** All keys that occur. */
  static final List<LockKey> KEYS = List.of(A, B, C, ROOT, X, X_1, X_2, Y);

  private static final List<List<LockTarget>> REQUESTS =
      List.of(
          List.of(write(A)),
          List.of(write(A)),
          List.of(write(B)),
          List.of(read(B)),
          List.of(read(B)),
          List.of(write(A), write(B)),
          List.of(write(B), read(C)),
          List.of(write(C), read(A)),
          List.of(read(ROOT)),
          List.of(write(X)),
          List.of(read(X)),
          List.of(write(X_1)),
          List.of(write(X_2)),
          List.of(read(X_1)),
          List.of(read(X), write(X_1)),
          List.of(write(X_2), read(Y)),
          List.of(write(Y), write(X_1)));

  /** One wish of an application. */
  record Wish(List<LockTarget> targets, long maxWaitNanos, long maxHoldNanos, long holdNanos) {}

  private Workload() {}

  static Wish wish(Dice dice) {
    int patience = dice.below(10);
    long maxWaitNanos =
        patience < 2
            ? 0
            : patience < 8
                ? dice.between(Nanos.MILLI * 20, Nanos.SECOND * 4)
                : dice.between(Nanos.SECOND * 10, Nanos.SECOND * 60);
    long maxHoldNanos =
        dice.chance(0.1) ? dice.between(Nanos.SECOND * 3, Nanos.SECOND * 6) : Command.FOREVER;
    int duration = dice.below(1_000);
    long holdNanos =
        duration < 4
            ? dice.between(Nanos.SECOND * 15, Nanos.SECOND * 40)
            : duration < 30
                ? dice.between(Nanos.SECOND, Nanos.SECOND * 12)
                : dice.between(Nanos.MILLI, Nanos.MILLI * 600);
    return new Wish(dice.oneOf(REQUESTS), maxWaitNanos, maxHoldNanos, holdNanos);
  }

  /** A resource that an exclusive hold of the key guards: that of the key, or of one below it. */
  static LockKey guarded(LockKey key, Dice dice) {
    if (key instanceof LockKey.Node held) {
      List<LockKey> below =
          KEYS.stream()
              .filter(each -> each instanceof LockKey.Node node && held.path().covers(node.path()))
              .toList();
      return dice.oneOf(below);
    }
    return key;
  }

  private static LockKey node(String path) {
    return new LockKey.Node(World.TREE, TreePath.parse(path));
  }

  private static LockTarget read(LockKey key) {
    return new LockTarget(key, LockMode.SHARED);
  }

  private static LockTarget write(LockKey key) {
    return new LockTarget(key, LockMode.EXCLUSIVE);
  }
}
