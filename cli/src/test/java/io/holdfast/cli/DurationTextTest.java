package io.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.testkit.Fuzz;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.TypeConversionException;

class DurationTextTest {
  @ParameterizedTest
  @CsvSource({
    "10s, PT10S",
    "10ms, PT0.01S",
    "1.5s, PT1.5S",
    "0s, PT0S",
    "2m, PT2M",
    "1h, PT1H",
    "365d, PT8760H",
    "0.0005ms, PT0.0000005S",
    "000000000000000001s, PT1S"
  })
  void isANumberAndAUnit(String text, Duration duration) {
    assertThat(new DurationText().convert(text)).isEqualTo(duration);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "10 | '10' has no unit: write 10s or 10ms",
        "1.5 | '1.5' has no unit: write 1.5s or 1.5ms",
        "\"\" | '' is not a duration: write 10s or 10ms",
        "s | 's' is not a duration: write 10s or 10ms",
        "-1s | '-1s' is not a duration: write 10s or 10ms",
        "10 s | '10 s' is not a duration: write 10s or 10ms",
        "10S | '10S' is not a duration: write 10s or 10ms",
        "10sec | '10sec' is not a duration: write 10s or 10ms",
        "1m30s | '1m30s' is not a duration: write 10s or 10ms",
        "1e3ms | '1e3ms' is not a duration: write 10s or 10ms",
        ".5s | '.5s' is not a duration: write 10s or 10ms",
        "PT10S | 'PT10S' is not a duration: write 10s or 10ms",
        "366d | '366d' is too long, at most 365d",
        "999999999999999999d | '999999999999999999d' is too long, at most 365d",
        "9999999999999999999d | '9999999999999999999d' is not a duration: write 10s or 10ms"
      },
      quoteCharacter = '"')
  void everythingElseIsRefusedByName(String text, String message) {
    assertThatThrownBy(() -> new DurationText().convert(text))
        .isInstanceOf(TypeConversionException.class)
        .hasMessage(message);
  }

  @Test
  void garbageIsRefusedAndNothingElseComesOfIt() {
    Fuzz.tryMany(
        dice -> {
          String[] units = {"ms", "s", "m", "h", "d", "", "S", "ns"};
          String text =
              dice.nextBoolean()
                  ? Fuzz.text(dice, 12)
                  : Math.abs(Fuzz.number(dice))
                      + (dice.nextBoolean() ? "." + dice.nextInt(1_000_000_000) : "")
                      + units[dice.nextInt(units.length)];
          try {
            assertThat(new DurationText().convert(text))
                .isGreaterThanOrEqualTo(Duration.ZERO)
                .isLessThanOrEqualTo(DurationText.LONGEST);
          } catch (TypeConversionException refused) {
            assertThat(refused.getMessage()).contains("'");
          }
        });
  }
}
