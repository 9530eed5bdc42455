package io.holdfast.cli.bench;

/**
 * How often something took how long, in a fixed amount of memory: buckets that grow with what they hold, each at most a 32nd
 * of its values wide. So a percentile is told up to 3 % too long, and never too short.
 *
 * <p>For one thread.
 */
final class Latencies {
  /*
   * Below 64 each nanosecond has a bucket. Above, a value is cut to its 6 highest bits: the highest, which says in which power
   * of two it lies, and the next 5, which say where in it.
   */
  private static final int SUB_BITS = 5;
  private static final int SUB = 1 << SUB_BITS;
  private static final int BUCKETS = (Long.SIZE - SUB_BITS) * SUB;

  private final long[] counts = new long[BUCKETS];
  private long count;
  private long longest;

  void add(long nanos) {
    long value = Math.max(0, nanos);
    counts[bucket(value)]++;
    count++;
    longest = Math.max(longest, value);
  }

  void addAll(Latencies others) {
    for (int i = 0; i < BUCKETS; i++) {
      counts[i] += others.counts[i];
    }
    count += others.count;
    longest = Math.max(longest, others.longest);
  }

  long count() {
    return count;
  }

  long longest() {
    return longest;
  }

  /** What so many of a hundred were not longer than; 0 if there are none. */
  long percentile(double percent) {
    long rank = Math.max(1, (long) Math.ceil(count * percent / 100));
    long seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
      seen += counts[i];
      if (seen >= rank) {
        return Math.min(longest, highest(i));
      }
    }
    return 0;
  }

  private static int bucket(long value) {
    if (value < 2 * SUB) {
      return (int) value;
    }
    int shift = Long.SIZE - 1 - Long.numberOfLeadingZeros(value) - SUB_BITS;
    return (shift << SUB_BITS) + (int) (value >>> shift);
  }

  /** The highest value of a bucket. */
  private static long highest(int bucket) {
    if (bucket < 2 * SUB) {
      return bucket;
    }
    int shift = (bucket >> SUB_BITS) - 1;
    long lowest = (long) (bucket - (shift << SUB_BITS)) << shift;
    return lowest + (1L << shift) - 1;
  }
}
