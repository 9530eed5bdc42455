package io.holdfast.cli;

/** What the command's exit codes tell; the numbers from 64 to 78 are those of sysexits.h. */
final class ExitCode {
  /** It did what it was told. */
  static final int OK = 0;

  /** The demo found what must never be: a violation. */
  static final int VIOLATION = 1;

  /** There is no such grant to take away. */
  static final int NO_SUCH_GRANT = 1;

  /** The command line is wrong; nothing was done. */
  static final int USAGE = 64;

  /** The store cannot be reached, or did not answer. */
  static final int UNAVAILABLE = 69;

  /** A mistake of ours, or a machine that does not do its part, like a full disk. */
  static final int INTERNAL = 70;

  /** The lock could not be had in time; the command never started. */
  static final int NOT_OBTAINED = 75;

  /** The store understood and said no. */
  static final int REFUSED = 77;

  /** The store's URL, or the machine, is not what it has to be. */
  static final int CONFIGURATION = 78;

  /** The lock was lost while the command ran. */
  static final int LOST = 79;

  /** The command to run is there and is no program. */
  static final int NOT_EXECUTABLE = 126;

  /** The command to run is not there. */
  static final int NOT_FOUND = 127;

  private static final int SIGNALS = 128;

  private ExitCode() {}

  /** Ended by a signal, as a shell tells it. */
  static int signal(int number) {
    return SIGNALS + number;
  }
}
