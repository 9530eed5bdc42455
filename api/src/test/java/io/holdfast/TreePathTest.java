package io.holdfast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TreePathTest {
  @Test
  void theRootHasNoSegments() {
    assertThat(TreePath.parse("/")).isSameAs(TreePath.root()).hasToString("/");
    assertThat(TreePath.root().depth()).isZero();
    assertThat(TreePath.root().segments()).isEmpty();
  }

  @Test
  void aPathHasItsSegments() {
    TreePath path = TreePath.parse("/reports/2026/may");
    assertThat(path).hasToString("/reports/2026/may");
    assertThat(path.depth()).isEqualTo(3);
    assertThat(path.segments()).containsExactly("reports", "2026", "may");
    assertThat(path.segment(0)).isEqualTo("reports");
    assertThat(path.segment(2)).isEqualTo("may");
    assertThatThrownBy(() -> path.segments().set(0, "x"))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"/...", "/.a", "/a.", "/ a /b", "/a:b", "/%2F", "/ключ/鍵", "/\uD83D\uDD12", "/~"})
  void aSegmentMayLookOdd(String text) {
    assertThat(TreePath.parse(text)).hasToString(text);
  }

  /** Against the rules written down once more, with nothing in common with how paths are read. */
  @Test
  void textIsAPathIfTheRulesSaySo() {
    String alphabet = "//////aabb..\\ ~\u001f\u007f\u0080\u00a0\u00ff\u20ac";
    Random random = new Random(1);
    int paths = 0;
    for (int i = 0; i < 50_000; i++) {
      StringBuilder made = new StringBuilder(random.nextInt(8) == 0 ? "" : "/");
      for (int length = random.nextInt(12); length > 0; length--) {
        made.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      String text = made.toString();
      boolean isPath =
          text.equals("/")
              || (text.matches("(/[^/\\\\\\x00-\\x1f\\x7f-\\x9f]+)+")
                  && !(text + "/").matches("(?s).*/\\.\\.?/.*"));
      if (isPath) {
        paths++;
        assertThat(String.join("/", TreePath.parse(text).segments())).isEqualTo(text.substring(1));
      } else {
        assertThatThrownBy(() -> TreePath.parse(text))
            .as(text)
            .isInstanceOf(InvalidRequestException.class);
      }
    }
    assertThat(paths).isGreaterThan(5_000);
  }

  @Test
  void boundsAreReached() {
    assertThat(TreePath.parse("/a".repeat(64)).depth()).isEqualTo(TreePath.MAX_DEPTH);
    assertThat(TreePath.parse("/" + "a".repeat(255)).segment(0)).hasSize(255);
    assertThat(TreePath.parse("/" + "ö".repeat(127) + "a").depth()).isEqualTo(1);
    String longest = ("/" + "a".repeat(255)).repeat(16);
    assertThat(longest).hasSize(TreePath.MAX_BYTES);
    assertThat(TreePath.parse(longest).depth()).isEqualTo(16);
    assertThatThrownBy(() -> TreePath.parse(longest).child("a"))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("PATH_TOO_LONG: ")
        .hasMessageEndingWith("has 4098 bytes, at most 4096");
  }

  @Test
  void aChildIsOneSegmentBelow() {
    assertThat(TreePath.root().child("a")).isEqualTo(TreePath.parse("/a"));
    assertThat(TreePath.parse("/a").child("b")).isEqualTo(TreePath.parse("/a/b"));
  }

  @ParameterizedTest
  @CsvSource({
    "/, /, true",
    "/, /a, true",
    "/, /a/b/c, true",
    "/a, /, false",
    "/a, /a, true",
    "/a, /a/b, true",
    "/a, /ab, false",
    "/a, /A, false",
    "/a, /b/a, false",
    "/a/b, /a, false",
    "/a/b, /a/b/c, true",
    "/a/b, /a/c/b, false",
    "/team, /team2/x, false"
  })
  void coversItselfAndWhatIsBelow(String upper, String lower, boolean covers) {
    assertThat(TreePath.parse(upper).covers(TreePath.parse(lower))).isEqualTo(covers);
  }

  /** Not as text, in which '-' and '.' come before the slash. */
  @Test
  void isSortedSegmentBySegment() {
    List<TreePath> sorted =
        List.of("/", "/a", "/a/b", "/a/b/c", "/a/c", "/a-b", "/a.b/c", "/ab", "/b").stream()
            .map(TreePath::parse)
            .toList();
    List<TreePath> shuffled = new ArrayList<>(sorted);
    Collections.reverse(shuffled);
    Collections.sort(shuffled);
    assertThat(shuffled).isEqualTo(sorted);
    for (TreePath path : sorted) {
      assertThat(path).isEqualByComparingTo(TreePath.parse(path.toString()));
    }
  }

  @Test
  void equalPathsAreEqual() {
    assertThat(TreePath.parse("/a/b"))
        .isEqualTo(TreePath.parse("/a/b"))
        .hasSameHashCodeAs(TreePath.parse("/a/b"))
        .isNotEqualTo(TreePath.parse("/a"))
        .isNotEqualTo(TreePath.parse("/a/B"))
        .isNotEqualTo("/a/b");
  }

  @Test
  void aFilePathIsANodeFromTheRoot() {
    assertThat(TreePath.of(Path.of("a/b"))).hasToString("/a/b");
    assertThat(TreePath.of(Path.of("/a/b"))).hasToString("/a/b");
    assertThat(TreePath.of(Path.of("a//b/"))).as("normalized by Path").hasToString("/a/b");
    assertThat(TreePath.of(Path.of("/"))).isSameAs(TreePath.root());
    assertThat(TreePath.of(Path.of(""))).isSameAs(TreePath.root());
  }

  @Test
  void aFilePathIsNormalizedByTheCaller() {
    assertThatThrownBy(() -> TreePath.of(Path.of("a/../b")))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage("SEGMENT_RESERVED: segment \"/a/../b\" has . or .. in segment 2");
    assertThatThrownBy(() -> TreePath.of(Path.of(".")))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage("SEGMENT_RESERVED: segment \"/.\" has . or .. in segment 1");
  }
}
