package io.holdfast.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks that more than one command has. */
final class Arguments {
  /** What Java reads where an argument is not text in the locale's encoding. */
  private static final char UNREADABLE = '\uFFFD';

  private Arguments() {}

  /** A mistake on the command line. */
  static ParameterException mistake(CommandSpec spec, String what) {
    return new ParameterException(spec.commandLine(), what);
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
