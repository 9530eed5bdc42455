package io.holdfast.table;

import java.security.SecureRandom;

/**
 * Hashes of text that nobody outside can foresee. They differ from process to process; nothing that a table says depends on
 * them.
 */
final class HashSalt {
  private static final long BEGINNING;
  private static final long FACTOR;

  static {
    SecureRandom random = new SecureRandom();
    BEGINNING = random.nextLong();
    FACTOR = random.nextLong() | 1;
  }

  private HashSalt() {}

  static int of(String text) {
    long hash = BEGINNING;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * FACTOR;
      hash ^= hash >>> 32;
    }
    return (int) ((hash * FACTOR) >>> 32);
  }
}
