package io.holdfast.postgres;

import io.holdfast.InvalidRequestException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.regex.Matcher;

/**
 * Which advisory lock a name stands for. All who are to exclude each other must use the same function, in every language; the
 * key space of a database is shared with whatever else uses advisory locks there.
 *
 * <p>Two names with one key exclude each other, which costs time and never safety. Within one client it is seen and refused.
 */
@FunctionalInterface
public interface PostgresKeys {
  /** The key of a name; always the same for the same name. */
  AdvisoryKey keyOf(String name);

  /** The first eight bytes of the name's SHA-1, the default; the keys of py-postgresql-lock from 0.2 on. */
  static PostgresKeys python() {
    return name -> AdvisoryKey.of(ByteBuffer.wrap(sha1(name)).getLong());
  }

  /** The first 18 decimal digits of the name's SHA-1; the keys of py-postgresql-lock up to 0.1.5. */
  static PostgresKeys pythonUpTo015() {
    return name ->
        AdvisoryKey.of(
            Long.parseLong(new BigInteger(1, sha1(name)).toString().substring(0, KeyText.DIGITS)));
  }

  /**
   * Names are the keys: {@code "42"} the number, {@code "7,42"} the pair. Any other name is refused ({@link
   * InvalidRequestException}, {@code NAME_NOT_A_KEY}), and so is another spelling of a number, such as {@code "042"}.
   */
  static PostgresKeys numbers() {
    return PostgresKeys::numbered;
  }

  /**
   * Pairs of a number that stands for an application and the first four bytes of the name's SHA-1. Of 9 000 names
   * two have the same key with a chance of one percent, of 77 000 with an even one.
   */
  static PostgresKeys pairs(int application) {
    return name -> AdvisoryKey.of(application, ByteBuffer.wrap(sha1(name)).getInt());
  }

  /**
   * The function that a URL names: {@code python}, {@code python-0.1.5}, {@code numbers} or {@code pairs:APPLICATION}.
   *
   * @throws InvalidRequestException if there is no such function
   */
  static PostgresKeys named(String text) {
    return switch (text) {
      case "python" -> python();
      case "python-0.1.5" -> pythonUpTo015();
      case "numbers" -> numbers();
      default -> pairsNamed(text);
    };
  }

  private static PostgresKeys pairsNamed(String text) {
    if (text.startsWith(KeyText.PAIRS)) {
      try {
        return pairs(Integer.parseInt(text.substring(KeyText.PAIRS.length())));
      } catch (NumberFormatException notANumber) {
        // told below
      }
    }
    throw new InvalidRequestException(
        "KEYS_UNKNOWN",
        "keys "
            + InvalidRequestException.show(text)
            + " is none of python, python-0.1.5, numbers, pairs:INTEGER");
  }

  private static AdvisoryKey numbered(String name) {
    try {
      Matcher pair = KeyText.PAIR.matcher(name);
      AdvisoryKey key =
          pair.matches()
              ? AdvisoryKey.of(Integer.parseInt(pair.group(1)), Integer.parseInt(pair.group(2)))
              : AdvisoryKey.of(Long.parseLong(name));
      if (key.toString().replace(", ", ",").equals(name)) {
        return key;
      }
    } catch (NumberFormatException notANumber) {
      // told below
    }
    throw new InvalidRequestException(
        "NAME_NOT_A_KEY",
        "name "
            + InvalidRequestException.show(name)
            + " is neither a 64-bit number nor two of 32 bits with a comma between");
  }

  private static byte[] sha1(String name) {
    try {
      return MessageDigest.getInstance("SHA-1").digest(name.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-1", e);
    }
  }
}
