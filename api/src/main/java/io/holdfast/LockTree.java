package io.holdfast;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/**
 * A tree whose sub-trees can be locked. A lock on a node covers everything below it: a writer of {@code /reports} excludes
 * whoever reads or writes {@code /reports/2026/may}, and the other way round; {@code /invoices} is not touched. Acquiring
 * costs as much as the path is deep, however much lies below it or is held elsewhere. Tokens grow over the whole tree: a
 * grant's is larger than that of every earlier grant above, on or below its paths.
 *
 * <p>Reading some sub-trees and writing others as one request:
 *
 * <pre>{@code
 * LockTree files = locks.tree("files");
 * try (Hold hold = locks.all(files.read("/in/orders"), files.write("/out/invoices")).acquire()) { … }
 * }</pre>
 *
 * <p>Paths are text as {@link TreePath#parse} reads it, or a {@link Path} as {@link TreePath#of} takes it.
 */
public final class LockTree {
  private final LockClient client;
  private final String name;

  LockTree(LockClient client, String name) {
    this.client = client;
    this.name = name;
  }

  /** The tree's name. */
  public String name() {
    return name;
  }

  /**
   * A lock on sub-trees, shared with other readers, granted as one.
   *
   * @throws InvalidRequestException if there is no path, or one is not a path
   */
  public DistributedLock read(String... paths) {
    return lock(LockMode.SHARED, paths, TreePath::parse);
  }

  /** The same for file paths. */
  public DistributedLock read(Path... paths) {
    return lock(LockMode.SHARED, paths, TreePath::of);
  }

  /**
   * A lock on sub-trees, alone in them, granted as one.
   *
   * @throws InvalidRequestException if there is no path, or one is not a path
   */
  public DistributedLock write(String... paths) {
    return lock(LockMode.EXCLUSIVE, paths, TreePath::parse);
  }

  /** The same for file paths. */
  public DistributedLock write(Path... paths) {
    return lock(LockMode.EXCLUSIVE, paths, TreePath::of);
  }

  /** Everybody whose grant or wish meets this node: on it, above it or below it. May do I/O. */
  public LockDescription describe(String path) {
    return describe(TreePath.parse(path));
  }

  /** The same for a file path. */
  public LockDescription describe(Path path) {
    return describe(TreePath.of(path));
  }

  /** The nodes that are held or waited for themselves, sorted. May do I/O. */
  public LockList list() {
    client.require(Capability.LIST);
    return client.store().listTree(name);
  }

  /**
   * Takes a lock away from its holder, who is told ({@link LossReason#REVOKED}); all that was granted with it goes too.
   *
   * @param path a path the holder asked for
   * @param token the token of the grant that is meant, so that nobody else's is taken
   * @return whether there was such a grant
   */
  public boolean forceRelease(String path, long token) {
    return client.forceRelease(key(TreePath.parse(path)), token);
  }

  /** The same for a file path. */
  public boolean forceRelease(Path path, long token) {
    return client.forceRelease(key(TreePath.of(path)), token);
  }

  /** The same with a reason, as for {@link LockClient#forceRelease(String, long, String)}. */
  public boolean forceRelease(String path, long token, String reason) {
    return client.forceRelease(key(TreePath.parse(path)), token, reason);
  }

  /** The same for a file path. */
  public boolean forceRelease(Path path, long token, String reason) {
    return client.forceRelease(key(TreePath.of(path)), token, reason);
  }

  @Override
  public String toString() {
    return "tree " + name;
  }

  private LockDescription describe(TreePath path) {
    client.require(Capability.DESCRIBE);
    return client.store().describe(key(path));
  }

  private LockKey.Node key(TreePath path) {
    return new LockKey.Node(name, path);
  }

  private <P> DistributedLock lock(LockMode mode, P[] paths, Function<P, TreePath> reading) {
    LockTarget[] targets = new LockTarget[paths.length];
    for (int i = 0; i < paths.length; i++) {
      targets[i] = new LockTarget(key(reading.apply(paths[i])), mode);
    }
    return client.lockOn(List.of(targets));
  }
}
