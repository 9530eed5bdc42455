package io.holdfast.cli;

/** What the command's exit codes tell; the numbers above 63 are those of sysexits.h. */
final class ExitCode {
  /** It did what it was told. */
  static final int OK = 0;

  /** The demo found what must never be: a violation. */
  static final int VIOLATION = 1;

  /** The command line is wrong; nothing was done. */
  static final int USAGE = 64;

  /** A mistake of ours, or a machine that does not do its part, like a full disk. */
  static final int INTERNAL = 70;

  private ExitCode() {}
}
