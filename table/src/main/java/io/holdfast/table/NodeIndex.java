package io.holdfast.table;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds a node by its parent and its segment. A hash table whose entries are the nodes themselves. */
final class NodeIndex {
  private static final int LEAST_BUCKETS = 64;

  private @Nullable Node[] buckets = new Node[LEAST_BUCKETS];
  private int size;

  int size() {
    return size;
  }

  @Nullable Node find(Node parent, String segment) {
    int hash = Node.hash(parent, segment);
    for (Node node = buckets[hash & (buckets.length - 1)]; node != null; node = node.nextInBucket) {
      if (node.hash == hash && node.parent == parent && node.segment.equals(segment)) {
        return node;
      }
    }
    return null;
  }

  Node findOrAdd(Node parent, String segment) {
    Node node = find(parent, segment);
    if (node == null) {
      node = new Node(parent, segment);
      link(node);
      if (++size > buckets.length) {
        resize(buckets.length * 2);
      }
    }
    return node;
  }

  void remove(Node node) {
    int bucket = node.hash & (buckets.length - 1);
    Node before = buckets[bucket];
    if (before == node) {
      buckets[bucket] = node.nextInBucket;
    } else {
      while (before != null && before.nextInBucket != node) {
        before = before.nextInBucket;
      }
      if (before == null) {
        throw new IllegalStateException("not in the index: " + node.segment);
      }
      before.nextInBucket = node.nextInBucket;
    }
    if (--size < buckets.length / 8 && buckets.length > LEAST_BUCKETS) {
      resize(buckets.length / 4);
    }
  }

  /** All nodes, in no order that means anything. */
  List<Node> all() {
    List<Node> all = new ArrayList<>(size);
    for (Node bucket : buckets) {
      for (Node node = bucket; node != null; node = node.nextInBucket) {
        all.add(node);
      }
    }
    return all;
  }

  private void resize(int length) {
    List<Node> all = all();
    buckets = new Node[length];
    all.forEach(this::link);
  }

  private void link(Node node) {
    int bucket = node.hash & (buckets.length - 1);
    node.nextInBucket = buckets[bucket];
    buckets[bucket] = node;
  }
}
