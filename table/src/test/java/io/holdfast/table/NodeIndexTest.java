package io.holdfast.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class NodeIndexTest {
  private final NodeIndex index = new NodeIndex();
  private final Node names = new Node("name", -1);

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
