package io.holdfast.testkit;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assertions;

/**
 * Tries a case with one seed after another, for about two seconds, or for {@code -Dholdfast.fuzz.seconds}, and at least a hundred
 * times, or {@code -Dholdfast.fuzz.tries}. What fails names its seed; {@code -Dholdfast.fuzz.seed} tries that one alone.
 */
public final class Fuzz {
  private static final String SECONDS = "holdfast.fuzz.seconds";
  private static final String TRIES = "holdfast.fuzz.tries";
  private static final String SEED = "holdfast.fuzz.seed";
  private static final long USUAL_SECONDS = 2;

  /** However slow the machine. */
  private static final long USUAL_LEAST = 100;

  private Fuzz() {}

  /** What is tried: fails by throwing anything. */
  public interface Case {
    void tryOnce(SplittableRandom dice) throws Exception;
  }

  /** Tries it. */
  public static void tryMany(Case tried) {
    Long only = Long.getLong(SEED);
    if (only != null) {
      tryOne(tried, only);
      return;
    }
    Ticker ticker = Ticker.system();
    long end = ticker.nanosIn(Duration.ofSeconds(Long.getLong(SECONDS, USUAL_SECONDS)));
    long least = Long.getLong(TRIES, USUAL_LEAST);
    for (long seed = 1; seed <= least || ticker.nanos() - end < 0; seed++) {
      tryOne(tried, seed);
    }
  }

  private static void tryOne(Case tried, long seed) {
    try {
      tried.tryOnce(new SplittableRandom(seed));
    } catch (Exception | Error e) {
      Assertions.fail("-D" + SEED + "=" + seed + ": " + e, e);
    }
  }

  /** Text that somebody may have typed, or an enemy made: of some length up to this, from several alphabets. */
  public static String text(SplittableRandom dice, int most) {
    StringBuilder text = new StringBuilder();
    int length = dice.nextInt(most + 1);
    String plain = "ab/.-_ 09";
    while (text.length() < length) {
      switch (dice.nextInt(8)) {
        case 0 -> text.append((char) dice.nextInt(0x20));
        case 1 -> text.append((char) dice.nextInt(0x10000)); // halves of pairs among them
        case 2 -> text.appendCodePoint(dice.nextInt(0x110000));
        case 3 -> text.append('/');
        default -> text.append(plain.charAt(dice.nextInt(plain.length())));
      }
    }
    return text.toString();
  }

  /** Some bytes, up to so many. */
  public static byte[] bytes(SplittableRandom dice, int most) {
    byte[] bytes = new byte[dice.nextInt(most + 1)];
    dice.nextBytes(bytes);
    return bytes;
  }

  /** The same with a few bytes changed, left out or put in. */
  public static byte[] damaged(SplittableRandom dice, byte[] good) {
    byte[] bytes = good.clone();
    for (int changes = 1 + dice.nextInt(4); changes > 0 && bytes.length > 0; changes--) {
      int at = dice.nextInt(bytes.length);
      switch (dice.nextInt(4)) {
        case 0 -> bytes = Arrays.copyOf(bytes, at);
        case 1 -> {
          byte[] longer = new byte[bytes.length + 1];
          System.arraycopy(bytes, 0, longer, 0, at);
          longer[at] = (byte) dice.nextInt(256);
          System.arraycopy(bytes, at, longer, at + 1, bytes.length - at);
          bytes = longer;
        }
        default -> bytes[at] = (byte) dice.nextInt(256);
      }
    }
    return bytes;
  }

  /** A number near where something may break. */
  public static long number(SplittableRandom dice) {
    return switch (dice.nextInt(6)) {
      case 0 -> dice.nextLong();
      case 1 -> Long.MAX_VALUE - dice.nextInt(3);
      case 2 -> Long.MIN_VALUE + dice.nextInt(3);
      case 3 -> -dice.nextInt(3);
      case 4 -> 1L << dice.nextInt(63);
      default -> dice.nextInt(20);
    };
  }
}
