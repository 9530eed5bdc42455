package io.holdfast.dynamodb;

import io.holdfast.HoldData;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * The item of one lock as it came from the table, read with suspicion: whatever is not as its writer should have left it is
 * refused by the name of the attribute.
 */
final class Row {
  private final String table;
  private final String name;
  private final Map<String, AttributeValue> item;

  Row(String table, String name, Map<String, AttributeValue> item) {
    this.table = table;
    this.name = name;
    this.item = item;
  }

  boolean isMissing() {
    return item.isEmpty();
  }

  boolean has(String attribute) {
    return item.containsKey(attribute);
  }

  String text(String attribute) {
    String text = value(attribute).s();
    if (text == null || text.isEmpty()) {
      throw broken(attribute, "is no text");
    }
    return text;
  }

  /** A whole number that is at least so large. */
  long number(String attribute, long least) {
    String number = value(attribute).n();
    if (number == null) {
      throw broken(attribute, "is no number");
    }
    return whole(attribute, decimal(attribute, number), least);
  }

  /** A duration of at least a millisecond, kept as a number of seconds. */
  Duration seconds(String attribute) {
    String number = value(attribute).n();
    if (number == null) {
      throw broken(attribute, "is no number");
    }
    return lease(attribute, decimal(attribute, number).movePointRight(3));
  }

  /** A duration of at least a millisecond, kept as a text of decimal digits. */
  Duration millisInText(String attribute) {
    return lease(attribute, decimal(attribute, text(attribute)));
  }

  /** Bytes; more than a hold can have are cut. */
  HoldData data(String attribute) {
    if (!has(attribute)) {
      return HoldData.empty();
    }
    if (value(attribute).b() == null) {
      throw broken(attribute, "is not binary");
    }
    byte[] bytes = value(attribute).b().asByteArray();
    return HoldData.of(
        bytes.length <= HoldData.MAX_BYTES ? bytes : Arrays.copyOf(bytes, HoldData.MAX_BYTES));
  }

  LockRefusedException broken(String attribute, String why) {
    return new LockRefusedException(
        "BROKEN_RECORD", where() + " has an attribute " + attribute + " that " + why);
  }

  private Duration lease(String attribute, BigDecimal millis) {
    BigDecimal longest = BigDecimal.valueOf(LeaseRecord.LONGEST_LEASE.toMillis());
    long whole = millis.min(longest).setScale(0, RoundingMode.CEILING).longValueExact();
    if (whole < 1) {
      throw broken(attribute, "is not above zero");
    }
    return Duration.ofMillis(whole);
  }

  private BigDecimal decimal(String attribute, String number) {
    try {
      BigDecimal decimal = new BigDecimal(number);
      if (decimal.precision() > 40 || Math.abs(decimal.scale()) > 130) {
        throw broken(attribute, "is out of range");
      }
      return decimal;
    } catch (NumberFormatException e) {
      throw broken(attribute, "is no number");
    }
  }

  private long whole(String attribute, BigDecimal number, long least) {
    try {
      long whole = number.longValueExact();
      if (whole >= least) {
        return whole;
      }
    } catch (ArithmeticException e) {
      // told below
    }
    throw broken(attribute, "is not a whole number from " + least + " on");
  }

  private AttributeValue value(String attribute) {
    AttributeValue value = item.get(attribute);
    if (value == null) {
      throw new LockRefusedException(
          "FOREIGN_RECORD", where() + " has no attribute " + attribute + writer());
    }
    return value;
  }

  private String writer() {
    String dialect = likelyDialect();
    return dialect == null
        ? ": it was not written by a lock client of this layout"
        : ": it looks like one of " + dialect;
  }

  private @Nullable String likelyDialect() {
    if (has(AwsRows.OWNER)) {
      return "the AWS lock client, for which there is dialect=aws";
    }
    if (has(PythonRows.OWNER)) {
      return "python_dynamodb_lock, for which there is dialect=python";
    }
    return has(NativeRows.TOKEN) ? "Holdfast's own layout, dialect=native" : null;
  }

  private String where() {
    return "item " + InvalidRequestException.show(name) + " of table " + table;
  }
}
