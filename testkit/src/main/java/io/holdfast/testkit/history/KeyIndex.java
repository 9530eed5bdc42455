package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Finds what conflicts with a target without looking at everything.
 *
 * <p>This is the checker's whole notion of a conflict, on purpose not the lock table's: two targets conflict if they are not
 * both shared, and are the same plain name, or nodes of one tree of which one is the other or above it.
 *
 * @param <T> what is kept for the targets of one mode on one node, or for all of one mode at or below a node
 */
final class KeyIndex<T> {
  private final Supplier<T> maker;
  private final Map<String, Node<T>> names = new HashMap<>();
  private final Map<String, Node<T>> trees = new HashMap<>();

  KeyIndex(Supplier<T> maker) {
    this.maker = maker;
  }

  static boolean conflict(LockTarget a, LockTarget b) {
    if (a.mode() == LockMode.SHARED && b.mode() == LockMode.SHARED) {
      return false;
    }
    if (a.key() instanceof LockKey.Node x && b.key() instanceof LockKey.Node y) {
      return x.tree().equals(y.tree()) && (x.path().covers(y.path()) || y.path().covers(x.path()));
    }
    return a.key().equals(b.key());
  }

  /** Changes what is kept for this target wherever a conflicting one would meet it. */
  void change(LockTarget target, Consumer<T> change) {
    Node<T> node = node(target.key());
    change.accept(node.here.computeIfAbsent(target.mode(), m -> maker.get()));
    for (Node<T> n = node; n != null; n = n.parent) {
      change.accept(n.hereAndBelow.computeIfAbsent(target.mode(), m -> maker.get()));
    }
  }

  /** Looks at everything that is kept for targets in conflict with this one. */
  void meet(LockTarget target, Consumer<T> look) {
    meet(node(target.key()), LockMode.EXCLUSIVE, look);
    if (target.mode() == LockMode.EXCLUSIVE) {
      meet(node(target.key()), LockMode.SHARED, look);
    }
  }

  private static <T> void meet(Node<T> node, LockMode mode, Consumer<T> look) {
    T below = node.hereAndBelow.get(mode);
    if (below != null) {
      look.accept(below);
    }
    for (Node<T> n = node.parent; n != null; n = n.parent) {
      T here = n.here.get(mode);
      if (here != null) {
        look.accept(here);
      }
    }
  }

  private Node<T> node(LockKey key) {
    if (key instanceof LockKey.Name name) {
      return names.computeIfAbsent(name.name(), n -> new Node<>(null));
    }
    LockKey.Node inTree = (LockKey.Node) key;
    Node<T> node = trees.computeIfAbsent(inTree.tree(), n -> new Node<>(null));
    for (int i = 0; i < inTree.path().depth(); i++) {
      node = node.child(inTree.path().segment(i));
    }
    return node;
  }

  private static final class Node<T> {
    final @Nullable Node<T> parent;
    final Map<LockMode, T> here = new EnumMap<>(LockMode.class);
    final Map<LockMode, T> hereAndBelow = new EnumMap<>(LockMode.class);
    private final Map<String, Node<T>> children = new HashMap<>(2);

    Node(@Nullable Node<T> parent) {
      this.parent = parent;
    }

    Node<T> child(String segment) {
      return children.computeIfAbsent(segment, s -> new Node<>(this));
    }
  }
}
