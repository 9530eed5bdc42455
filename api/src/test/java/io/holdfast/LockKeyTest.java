package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LockKeyTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a",
        "invoice/42",
        "two words",
        "/",
        "//",
        "..",
        "a\\b",
        "#?%*'\"; drop table locks",
        "$sys",
        "$system/a",
        "a$sys/b",
        "Größe, ключ, 鍵, \uD83D\uDD12",
        "a\u200Bb"
      })
  void anyTextIsAName(String name) {
    LockKey.Name key = new LockKey.Name(name);
    assertThat(key.name()).isEqualTo(name);
    assertThat(key).hasToString(name);
    assertThat(new LockKey.Node(name, TreePath.parse("/a")).tree()).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "ö", "€", "\uD83D\uDD12"})
  void aNameMayBeAsLongAs512Bytes(String character) {
    int bytes = character.getBytes(StandardCharsets.UTF_8).length;
    String longest = character.repeat(512 / bytes) + "a".repeat(512 % bytes);
    assertThat(new LockKey.Name(longest).name()).isEqualTo(longest);
    assertThatThrownBy(() -> new LockKey.Name(longest + "a"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("has 513 bytes, at most 512");
  }

  /** Case 20, and more of the kind: what only looks alike is not the same. */
  @Test
  void namesAreComparedExactly() {
    Set<LockKey> keys = new HashSet<>();
    for (String name : new String[] {"a", "A", "é", "e\u0301", "ß", "ss", "a/b", "/a/b", "a.b"}) {
      assertThat(keys.add(new LockKey.Name(name))).as(name).isTrue();
      assertThat(keys.add(new LockKey.Name(name))).as(name + ", again").isFalse();
    }
  }

  @Test
  void aNodeIsNeitherANameNorANodeOfAnotherTree() {
    LockKey node = new LockKey.Node("t", TreePath.parse("/a"));
    assertThat(node).isEqualTo(new LockKey.Node("t", TreePath.parse("/a"))).hasToString("t:/a");
    assertThat(node)
        .isNotEqualTo(new LockKey.Node("T", TreePath.parse("/a")))
        .isNotEqualTo(new LockKey.Node("t", TreePath.parse("/A")))
        .isNotEqualTo(new LockKey.Name("t:/a"))
        .isNotEqualTo(new LockKey.Name("/a"));
  }

  @Test
  void aTreesNameIsUnderTheRulesOfNames() {
    treeIsRefused("", "TREE_EMPTY: tree is empty, at least 1 byte");
    treeIsRefused("$sys/a", "TREE_RESERVED: tree \"$sys/a\" starts with $sys/, which is reserved");
    treeIsRefused(" a", "TREE_EDGE_SPACE: tree \" a\" starts or ends with a space");
    treeIsRefused("\n", "TREE_BAD_CHAR: tree \"\\n\" has the control character U+000A at byte 0");
  }

  @Test
  void aTargetSaysWhenItIsShared() {
    LockKey key = new LockKey.Name("a");
    assertThat(new LockTarget(key, LockMode.EXCLUSIVE)).hasToString("a");
    assertThat(new LockTarget(key, LockMode.SHARED)).hasToString("a (shared)");
  }

  private static void treeIsRefused(String tree, String message) {
    assertThatThrownBy(() -> new LockKey.Node(tree, TreePath.root()))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage(message);
  }
}
