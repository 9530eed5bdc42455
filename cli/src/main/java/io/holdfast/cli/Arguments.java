package io.holdfast.cli;

import java.util.Arrays;
import java.util.Collection;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks that more than one command has. */
final class Arguments {
  /** What Java reads where an argument is not text in the locale's encoding. */
  private static final char UNREADABLE = '\uFFFD';

  /** Nobody means more letters. */
  private static final int LONGEST_WORD = 64;

  private Arguments() {}

  /** A mistake on the command line. */
  static ParameterException mistake(CommandSpec spec, String what) {
    return new ParameterException(spec.commandLine(), what);
  }

  /** A word that is none of those that mean something, with the one that may be meant. */
  static String unknown(String word, Collection<String> known) {
    String nearest = "";
    int least = Math.max(2, word.length() / 3) + 1;
    for (String each : known) {
      int changes = changes(word, each);
      if (changes < least) {
        least = changes;
        nearest = ", " + each + " is not";
      }
    }
    return "'" + word + "' is unknown" + nearest;
  }

  /** How many letters have to be put in, left out or changed to make one of the other. */
  private static int changes(String one, String other) {
    int[] row = new int[other.length() + 1];
    Arrays.setAll(row, j -> j);
    for (int i = 1; i <= Math.min(one.length(), LONGEST_WORD); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= other.length(); j++) {
        int same = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(same, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[other.length()];
  }

  /**
   * Refuses an argument that did not arrive as it was typed: two names that differ would be one lock.
   *
   * @param what names it
   */
  static void requireReadable(CommandSpec spec, String what, String argument) {
    if (argument.indexOf(UNREADABLE) >= 0) {
      throw mistake(
          spec, what + " cannot be read in this locale: set LC_ALL=C.UTF-8, or one like it");
    }
  }
}
