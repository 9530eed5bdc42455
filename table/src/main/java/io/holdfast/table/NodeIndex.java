package io.holdfast.table;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Finds a node by its parent and its segment. A hash table whose entries are the nodes themselves. */
final class NodeIndex {
  /*
   * Clients choose the segments, and could choose them so that all have one hash code. So the first bucket that grows beyond
   * what chance explains makes the index hash everything anew, in a way that nobody outside can foresee. It costs some
   * nanoseconds a character, which is why it is not done from the beginning.
   */
  private static final int LEAST_BUCKETS = 64;

  /** Buckets hold one node on average. That one has so many by chance does not happen. */
  private static final int SUSPICIOUS_BUCKET = 32;

  private @Nullable Node[] buckets = new Node[LEAST_BUCKETS];
  private int size;
  private int lastNumber;
  private boolean salted;

  int size() {
    return size;
  }

  @Nullable Node find(Node parent, String segment) {
    return find(parent, segment, hash(parent, segment));
  }

  Node findOrAdd(Node parent, String segment) {
    int hash = hash(parent, segment);
    Node node = find(parent, segment, hash);
    if (node == null) {
      node = new Node(parent, segment, ++lastNumber, hash);
      int neighbours = link(node);
      if (++size > buckets.length) {
        resize(buckets.length * 2);
      } else if (neighbours > SUSPICIOUS_BUCKET && !salted) {
        salt();
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

  private @Nullable Node find(Node parent, String segment, int hash) {
    for (Node node = buckets[hash & (buckets.length - 1)]; node != null; node = node.nextInBucket) {
      if (node.hash == hash && node.parent == parent && node.segment.equals(segment)) {
        return node;
      }
    }
    return null;
  }

  private int hash(Node parent, String segment) {
    int text = salted ? HashSalt.of(segment) : segment.hashCode();
    int mixed = text + parent.number * 0x85EBCA6B;
    return (mixed ^ (mixed >>> 16)) * 0x9E3779B9;
  }

  private void salt() {
    salted = true;
    List<Node> all = all();
    for (Node node : all) {
      node.hash = hash(Objects.requireNonNull(node.parent), node.segment);
    }
    relink(all, buckets.length);
  }

  private void resize(int length) {
    relink(all(), length);
  }

  private void relink(List<Node> all, int length) {
    buckets = new Node[length];
    all.forEach(this::link);
  }

  /** Returns how many were in its bucket before, or somewhat more than {@link #SUSPICIOUS_BUCKET}. */
  private int link(Node node) {
    int bucket = node.hash & (buckets.length - 1);
    int neighbours = 0;
    for (Node each = buckets[bucket];
        each != null && neighbours <= SUSPICIOUS_BUCKET;
        each = each.nextInBucket) {
      neighbours++;
    }
    node.nextInBucket = buckets[bucket];
    buckets[bucket] = node;
    return neighbours;
  }
}
