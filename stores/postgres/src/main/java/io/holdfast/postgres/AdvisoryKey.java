package io.holdfast.postgres;

/**
 * Where a lock lives among PostgreSQL's advisory locks, which have two key spaces apart: one of 64-bit numbers, one of pairs
 * of 32-bit numbers. Ordered, so that who takes several takes them in the same order as everybody.
 *
 * @param isPair whether it is in the space of pairs
 * @param high the upper half of a number, or the first of a pair
 * @param low the lower half, or the second
 */
public record AdvisoryKey(boolean isPair, int high, int low) implements Comparable<AdvisoryKey> {
  /** A key of the space of numbers: {@code pg_advisory_lock(bigint)}. */
  public static AdvisoryKey of(long number) {
    return new AdvisoryKey(false, (int) (number >> 32), (int) number);
  }

  /** A key of the space of pairs: {@code pg_advisory_lock(int, int)}. */
  public static AdvisoryKey of(int first, int second) {
    return new AdvisoryKey(true, first, second);
  }

  /** The number; of a pair, both in one. */
  public long number() {
    return ((long) high << 32) | (low & 0xFFFF_FFFFL);
  }

  @Override
  public int compareTo(AdvisoryKey other) {
    int bySpace = Boolean.compare(isPair, other.isPair);
    return bySpace != 0 ? bySpace : Long.compare(number(), other.number());
  }

  /** As the arguments of PostgreSQL's functions: {@code -7} or {@code 1, 2}. */
  @Override
  public String toString() {
    return isPair ? high + ", " + low : Long.toString(number());
  }
}
