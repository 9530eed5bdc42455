package io.holdfast.server.core;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import io.holdfast.table.KeyView;
import io.holdfast.table.RequestView;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which locks of a namespace somebody wants to be told of: plain names by how they begin, or the nodes of one tree. */
record Selection(boolean inTree, String text) {
  /** Checks what a client has asked for. */
  static Selection of(boolean inTree, String tree, String prefix) {
    if (inTree) {
      FromWire.name("tree", tree);
      return new Selection(true, tree);
    }
    return new Selection(false, FromWire.prefix(prefix));
  }

  /** Those that are held or waited for, at most so many; none in a namespace that is not yet. */
  List<KeyView> in(@Nullable Desks room, int limit) {
    if (room == null) {
      return List.of();
    }
    return inTree ? room.table.listTree(text, limit) : room.table.list(text, limit);
  }

  /** Whether a request asks for any of them. */
  boolean meets(RequestView request) {
    for (LockTarget target : request.targets()) {
      if (has(target.key())) {
        return true;
      }
    }
    return false;
  }

  private boolean has(LockKey key) {
    return key instanceof LockKey.Node node
        ? inTree && node.tree().equals(text)
        : !inTree && ((LockKey.Name) key).name().startsWith(text);
  }
}
