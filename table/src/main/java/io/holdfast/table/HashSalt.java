package io.holdfast.table;

import java.util.SplittableRandom;

/**
 * Hashes that nobody outside can foresee. Clients choose names and numbers of requests, and could otherwise choose them so that
 * all fall into one bucket. Differs from process to process; nothing that a table says depends on it.
 */
final class HashSalt {
  private static final long TEXT;
  private static final long SESSION;
  private static final long NUMBER;

  static {
    SplittableRandom random = new SplittableRandom();
    TEXT = random.nextLong() | 1;
    SESSION = random.nextLong() | 1;
    NUMBER = random.nextLong() | 1;
  }

  private HashSalt() {}

  static int of(String text) {
    long hash = NUMBER;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * TEXT;
      hash ^= hash >>> 32;
    }
    return (int) ((hash * SESSION) >>> 32);
  }

  static int of(long session, long request) {
    return (int) (((session * SESSION + request) * NUMBER) >>> 32);
  }
}
