package io.holdfast.cli;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A duration as people write it: a number and its unit, {@code 10s}, {@code 250ms}, {@code 1.5m}. Never without a unit: a
 * bare 10 is seconds to one reader and milliseconds to the next.
 */
final class DurationText implements ITypeConverter<Duration> {
  /** The longest that can be written; what the API takes, too. */
  static final Duration LONGEST = Duration.ofDays(365);

  private static final Pattern NUMBER_AND_UNIT =
      Pattern.compile("(\\d{1,18}(?:\\.\\d{1,9})?)(ms|s|m|h|d)?");

  @Override
  public Duration convert(String text) {
    Matcher parts = NUMBER_AND_UNIT.matcher(text);
    if (!parts.matches()) {
      throw new TypeConversionException("'" + text + "' is not a duration: write 10s or 10ms");
    }
    String number = parts.group(1);
    String unit = parts.group(2);
    if (unit == null) {
      throw new TypeConversionException(
          "'" + text + "' has no unit: write " + number + "s or " + number + "ms");
    }
    Duration one =
        switch (unit) {
          case "ms" -> Duration.ofMillis(1);
          case "s" -> Duration.ofSeconds(1);
          case "m" -> Duration.ofMinutes(1);
          case "h" -> Duration.ofHours(1);
          default -> Duration.ofDays(1);
        };
    BigDecimal nanos = new BigDecimal(number).multiply(BigDecimal.valueOf(one.toNanos()));
    if (nanos.compareTo(BigDecimal.valueOf(LONGEST.toNanos())) > 0) {
      throw new TypeConversionException(
          "'" + text + "' is too long, at most " + LONGEST.toDays() + "d");
    }
    return Duration.ofNanos(nanos.longValue());
  }

  /** The same in writing: whole seconds as such, everything else in milliseconds. */
  static String show(Duration duration) {
    return duration.toMillis() % 1000 == 0
        ? duration.toSeconds() + "s"
        : duration.toMillis() + "ms";
  }
}
