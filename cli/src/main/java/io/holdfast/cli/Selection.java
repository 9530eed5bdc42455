package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.remote.LockWatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which locks of a store are meant. */
final class Selection {
  @Parameters(
      index = "0",
      arity = "0..1",
      defaultValue = "",
      paramLabel = "PREFIX",
      description = "What the names start with (all).")
  @SuppressWarnings("NullAway.Init") // picocli does
  private String prefix;

  @Option(
      names = "--tree",
      paramLabel = "NAME",
      description = "The nodes of this tree, instead of plain names.")
  private @Nullable String tree;

  void check(CommandSpec spec) {
    Arguments.requireReadable(spec, "PREFIX", prefix);
    if (tree != null) {
      Arguments.requireReadable(spec, "--tree", tree);
      if (!prefix.isEmpty()) {
        throw Arguments.mistake(spec, "a PREFIX is of plain names: it does not go with --tree");
      }
    }
  }

  boolean has(LockKey key) {
    return key instanceof LockKey.Node node
        ? node.tree().equals(tree)
        : tree == null && ((LockKey.Name) key).name().startsWith(prefix);
  }

  /** Watches them at the servers that a URL names. */
  LockWatch watch(String url) {
    return tree == null ? LockWatch.names(url, prefix) : LockWatch.tree(url, tree);
  }

  LockList list(LockClient locks) {
    return tree == null ? locks.list(prefix) : locks.tree(tree).list();
  }
}
