package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.TreePath;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which lock is meant. */
final class OneLock {
  @Parameters(index = "0", paramLabel = "NAME", description = "The lock's name, or the tree's.")
  @SuppressWarnings("NullAway.Init") // picocli does
  private String name;

  @Option(
      names = "--tree-path",
      paramLabel = "PATH",
      description = "NAME is a tree, and this node of it is meant.")
  private @Nullable String path;

  void check(CommandSpec spec) {
    Arguments.requireReadable(spec, "NAME", name);
    if (path != null) {
      Arguments.requireReadable(spec, "--tree-path", path);
    }
    key();
  }

  LockKey key() {
    return path == null ? new LockKey.Name(name) : new LockKey.Node(name, TreePath.parse(path));
  }

  LockDescription describe(LockClient locks) {
    return path == null ? locks.describe(name) : locks.tree(name).describe(path);
  }

  boolean forceRelease(LockClient locks, long token, @Nullable String reason) {
    if (path == null) {
      return reason == null
          ? locks.forceRelease(name, token)
          : locks.forceRelease(name, token, reason);
    }
    return reason == null
        ? locks.tree(name).forceRelease(path, token)
        : locks.tree(name).forceRelease(path, token, reason);
  }
}
