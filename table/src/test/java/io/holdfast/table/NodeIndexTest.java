package io.holdfast.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class NodeIndexTest {
  private final Node names = new Node(null, "name");
  private final NodeIndex index = new NodeIndex(names);

  @Test
  void segmentsChosenToHaveOneHashCodeMakeNoLongBucket() {
    List<String> colliding = colliding(12);
    assertThat(colliding.stream().map(String::hashCode).distinct()).hasSize(1);
    colliding.forEach(segment -> index.findOrAdd(names, segment));
    assertThat(index.size()).isEqualTo(colliding.size());
    assertThat(longestBucket()).isLessThan(50);
    assertThat(colliding).allSatisfy(s -> assertThat(index.find(names, s)).isNotNull());
  }

  @Test
  void whatWasFoundBeforeIsFoundAndRemovedAfterHashingAnew() {
    Node tree = index.findOrAdd(names, "tree");
    Node below = index.findOrAdd(tree, "below");
    colliding(8).forEach(segment -> index.findOrAdd(names, segment));
    assertThat(index.find(tree, "below")).isSameAs(below);
    index.all().forEach(index::remove);
    assertThat(index.size()).isZero();
    assertThat(index.find(names, "tree")).isNull();
  }

  @Test
  void findsWhatIsThereAndNothingElseHoweverNodesComeAndGo() {
    long seed = Long.getLong("holdfast.seed", System.nanoTime());
    Random random = new Random(seed);
    Map<Node, Map<String, Node>> children = new HashMap<>(Map.of(names, new HashMap<>()));
    List<Node> there = new ArrayList<>(List.of(names));
    for (int i = 0; i < 20_000; i++) {
      Node parent = there.get(random.nextInt(there.size()));
      String segment = "segment " + random.nextInt(4);
      Node known = children.get(parent).get(segment);
      assertThat(index.find(parent, segment)).as("seed %d", seed).isSameAs(known);
      if (known == null && there.size() < 100) {
        Node node = index.findOrAdd(parent, segment);
        children.get(parent).put(segment, node);
        children.put(node, new HashMap<>());
        there.add(node);
      } else if (known != null && children.get(known).isEmpty()) {
        index.remove(known);
        children.get(parent).remove(segment);
        children.remove(known);
        there.remove(known);
      } else if (known != null) {
        assertThat(index.findOrAdd(parent, segment)).as("seed %d", seed).isSameAs(known);
      }
      assertThat(index.size()).isEqualTo(there.size() - 1);
      if (i % 100 == 0) {
        assertThat(index.all())
            .as("seed %d", seed)
            .containsExactlyInAnyOrderElementsOf(there.subList(1, there.size()));
      }
    }
  }

  /** Two to the so many texts with one hash code. */
  private static List<String> colliding(int pairs) {
    List<String> texts = List.of("");
    for (int i = 0; i < pairs; i++) {
      List<String> longer = new ArrayList<>();
      texts.forEach(text -> longer.addAll(List.of(text + "Aa", text + "BB")));
      texts = longer;
    }
    return texts;
  }

  private int longestBucket() {
    int longest = 0;
    for (Node first : index.all()) {
      int length = 0;
      for (Node node = first; node != null; node = node.nextInBucket) {
        length++;
      }
      longest = Math.max(longest, length);
    }
    return longest;
  }
}
