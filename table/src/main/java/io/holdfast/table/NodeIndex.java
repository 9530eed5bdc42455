package io.holdfast.table;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Finds a node by its parent and its segment. */
final class NodeIndex {
  /*
   * Most nodes have one child at a time, so each keeps one at hand: the one that came when there was none. The others are in a
   * hash table whose entries are the nodes themselves. So a path that nobody else is near is found, added and removed without
   * hashing its text, and costs no look at the table.
   *
   * Clients choose the segments, and could choose them so that all have one hash code. So the first bucket that grows beyond
   * what chance explains makes the index hash everything anew, in a way that nobody outside can foresee. It costs some
   * nanoseconds a character, which is why it is not done from the beginning.
   *
   * Invariant: a node is its parent's child at hand, or in a bucket; not both.
   */
  private static final int LEAST_BUCKETS = 64;

  /** Buckets hold one node on average. That one has so many by chance does not happen. */
  private static final int SUSPICIOUS_BUCKET = 32;

  private final List<Node> tops;
  private @Nullable Node[] buckets = new Node[LEAST_BUCKETS];

  /** Of all nodes, those in buckets. */
  private int hashed;

  private int size;
  private int lastNumber;
  private boolean salted;

  /** Of nodes below these, which are not in it themselves. */
  NodeIndex(Node... tops) {
    this.tops = List.of(tops);
  }

  int size() {
    return size;
  }

  @Nullable Node find(Node parent, String segment) {
    Node atHand = parent.childAtHand;
    if (atHand != null && atHand.segment.equals(segment)) {
      return atHand;
    }
    return parent.number == 0 ? null : find(parent, segment, hash(parent, segment));
  }

  Node findOrAdd(Node parent, String segment) {
    Node node = find(parent, segment);
    if (node == null) {
      node = new Node(parent, segment);
      size++;
      if (parent.childAtHand == null) {
        parent.childAtHand = node;
      } else {
        addToBucket(parent, node);
      }
    }
    return node;
  }

  void remove(Node node) {
    size--;
    Node parent = Objects.requireNonNull(node.parent);
    if (parent.childAtHand == node) {
      parent.childAtHand = null;
    } else {
      removeFromBucket(node);
    }
  }

  /** All nodes, in no order that means anything. */
  List<Node> all() {
    List<Node> all = new ArrayList<>(size);
    for (Node node : allHashed()) {
      addLineage(node, all);
    }
    for (Node top : tops) {
      addLineage(top.childAtHand, all);
    }
    return all;
  }

  /** Adds a node, its child at hand, the child's child at hand, and so on. */
  private static void addLineage(@Nullable Node node, List<Node> all) {
    for (Node each = node; each != null; each = each.childAtHand) {
      all.add(each);
    }
  }

  private List<Node> allHashed() {
    List<Node> all = new ArrayList<>(hashed);
    for (Node bucket : buckets) {
      for (Node node = bucket; node != null; node = node.nextInBucket) {
        all.add(node);
      }
    }
    return all;
  }

  private void addToBucket(Node parent, Node node) {
    if (parent.number == 0) {
      lastNumber = Math.max(1, lastNumber + 1); // after the largest from the beginning: never 0
      parent.number = lastNumber;
    }
    node.hash = hash(parent, node.segment);
    int neighbours = link(node);
    if (++hashed > buckets.length) {
      resize(buckets.length * 2);
    } else if (neighbours > SUSPICIOUS_BUCKET && !salted) {
      salt();
    }
  }

  private void removeFromBucket(Node node) {
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
    if (--hashed < buckets.length / 8 && buckets.length > LEAST_BUCKETS) {
      resize(buckets.length / 4);
    }
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
    List<Node> all = allHashed();
    for (Node node : all) {
      node.hash = hash(Objects.requireNonNull(node.parent), node.segment);
    }
    relink(all, buckets.length);
  }

  private void resize(int length) {
    relink(allHashed(), length);
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
