package io.holdfast.cli.run;

import java.util.List;

/** How it ended. */
public sealed interface Ending {
  /**
   * The command ended, with the lock held throughout.
   *
   * @param exitCode its own; 128 + n if signal n ended it
   */
  record Exited(int exitCode) implements Ending {}

  /**
   * The lock was lost while the command ran, or would have been had the command not been stopped.
   *
   * @param what for the user to read
   * @param survivors processes that nothing could end in time; empty but for a fault of the machine
   */
  record Lost(String what, List<Long> survivors) implements Ending {
    /** Copies the list. */
    public Lost {
      survivors = List.copyOf(survivors);
    }
  }

  /**
   * The command never started, for a signal came first.
   *
   * @param signal its number
   */
  record NeverStarted(int signal) implements Ending {}

  /**
   * The command never started, for the lock came too late to be of use.
   *
   * @param what for the user to read
   */
  record TooLate(String what) implements Ending {}

  /**
   * The command cannot be started.
   *
   * @param what for the user to read
   * @param found whether there is such a file at all
   */
  record NotExecutable(String what, boolean found) implements Ending {}
}
