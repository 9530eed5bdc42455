package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.Target;
import java.util.List;

/** Our words as the wire's, and back. */
final class WireForm {
  private WireForm() {}

  static List<Target> targets(List<LockTarget> targets) {
    return targets.stream().map(WireForm::target).toList();
  }

  private static Target target(LockTarget target) {
    return Target.newBuilder()
        .setKey(key(target.key()))
        .setMode(target.mode() == LockMode.SHARED ? Mode.MODE_SHARED : Mode.MODE_EXCLUSIVE)
        .build();
  }

  static Key key(LockKey key) {
    if (key instanceof LockKey.Node node) {
      return Key.newBuilder().setName(node.tree()).setPath(node.path().toString()).build();
    }
    return Key.newBuilder().setName(((LockKey.Name) key).name()).build();
  }

  static LockKey key(Key key) {
    return key.hasPath()
        ? new LockKey.Node(key.getName(), TreePath.parse(key.getPath()))
        : new LockKey.Name(key.getName());
  }
}
