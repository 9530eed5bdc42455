package io.holdfast;

import static io.holdfast.InvalidRequestException.show;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InvalidRequestExceptionTest {
  @Test
  void theMessageStartsWithTheReason() {
    InvalidRequestException e = new InvalidRequestException("NAME_EMPTY", "name is empty");
    assertThat(e).hasMessage("NAME_EMPTY: name is empty").isInstanceOf(RuntimeException.class);
    assertThat(e.reason()).isEqualTo("NAME_EMPTY");
  }

  @Test
  void plainTextIsShownInQuotes() {
    assertThat(show("")).isEqualTo("\"\"");
    assertThat(show("invoice/42")).isEqualTo("\"invoice/42\"");
    assertThat(show("Größe, ключ, 鍵")).isEqualTo("\"Größe, ключ, 鍵\"");
    assertThat(show("\uD83D\uDD12!")).isEqualTo("\"\uD83D\uDD12!\"");
  }

  @Test
  void whatWouldEndALineOrTheQuotesIsEscaped() {
    assertThat(show("a\nb\rc\td")).isEqualTo("\"a\\nb\\rc\\td\"");
    assertThat(show("say \"a\\b\"")).isEqualTo("\"say \\\"a\\\\b\\\"\"");
  }

  /** Controls of C0 and C1, line and paragraph separators, and what turns the direction of a terminal or is not seen. */
  @ParameterizedTest
  @ValueSource(
      chars = {
        '\0', '\u0008', '\u001B', '\u007F', '\u0085', '\u009B', '\u00AD', '\u2028', '\u2029',
        '\u200B', '\u202E', '\u2066', '\uFEFF'
      })
  void whatCannotBeSeenIsEscaped(char c) {
    assertThat(show("a" + c + "b")).isEqualTo("\"a\\u%04Xb\"".formatted((int) c));
  }

  @Test
  void halvesOfASurrogatePairAreEscaped() {
    assertThat(show("\uD83D")).isEqualTo("\"\\uD83D\"");
    assertThat(show("a\uD83Db")).isEqualTo("\"a\\uD83Db\"");
    assertThat(show("\uDD12")).isEqualTo("\"\\uDD12\"");
    assertThat(show("a\uDD12\uD83D")).isEqualTo("\"a\\uDD12\\uD83D\"");
    assertThat(show("\uD83D\uD83D\uDD12")).isEqualTo("\"\\uD83D\uD83D\uDD12\"");
  }

  @Test
  void theRestIsCutAfter64Characters() {
    assertThat(show("a".repeat(64))).isEqualTo("\"" + "a".repeat(64) + "\"");
    assertThat(show("a".repeat(65))).isEqualTo("\"" + "a".repeat(64) + "…\"");
    assertThat(show("\n".repeat(65))).isEqualTo("\"" + "\\n".repeat(64) + "…\"");
    assertThat(show("a".repeat(63) + "\uD83D\uDD12"))
        .as("never half a character")
        .isEqualTo("\"" + "a".repeat(63) + "\\uD83D…\"");
  }
}
