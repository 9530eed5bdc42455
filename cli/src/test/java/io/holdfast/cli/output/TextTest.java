package io.holdfast.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "invoice/42    | invoice/42",
        "grün ✓ 🔒     | grün ✓ 🔒",
        "a'b\\c        | a'b\\\\c",
      })
  void plainTextShowsAsItself(String text, String shown) {
    assertThat(Text.shown(text, StandardCharsets.UTF_8)).isEqualTo(shown);
  }

  @Test
  void whatATerminalWouldObeyIsEscaped() {
    assertThat(Text.shown("\u001b[31mred\u0007\n\r\t\0\u009b2J", StandardCharsets.UTF_8))
        .isEqualTo("\\u001B[31mred\\u0007\\n\\r\\t\\u0000\\u009B2J");
  }

  @Test
  void whatTurnsOrHidesTextIsEscaped() {
    assertThat(Text.shown("a\u202Eb\u200Bc\u2028d\uD800e\uE000", StandardCharsets.UTF_8))
        .isEqualTo("a\\u202Eb\\u200Bc\\u2028d\\uD800e\\uE000");
  }

  @Test
  void whatTheLocaleCannotWriteIsEscapedSoThatTwoNamesNeverLookTheSame() {
    assertThat(Text.shown("é è 🔒", StandardCharsets.US_ASCII))
        .isEqualTo("\\u00E9 \\u00E8 \\uD83D\\uDD12");
  }
}
