package io.holdfast.cli.demo;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What a demo shall be like.
 *
 * @param seed decides what each worker wants and how long it is willing to wait; who wins is up to the machine
 * @param processes how many worker processes, of three workers each
 * @param duration for how long they work
 * @param report where the page goes; empty for a folder of its own in the temporary one
 * @param keep whether the file tree stays for somebody to look at
 * @param sabotage whether the locks of a process mean nothing to the others, to show that the checks would notice
 * @param json whether stdout is for a program
 */
public record DemoSettings(
    long seed,
    int processes,
    Duration duration,
    Optional<Path> report,
    boolean keep,
    boolean sabotage,
    boolean json) {
  /** In each process. */
  static final int WORKERS_OF_ONE = 3;

  /**
   * For how long a process that is dead, or cut off, is believed to live. Long enough to start a server anew, short enough to
   * be seen.
   */
  static final Duration LEASE = Duration.ofSeconds(4);

  /** The longest that the operator lets anybody have the notice. */
  private static final Duration LONGEST_PATIENCE = Duration.ofMillis(600);

  int workers() {
    return processes * WORKERS_OF_ONE;
  }

  /** How long the operator lets anybody have the notice; a short demo has an impatient one. */
  Duration patience() {
    Duration patience = duration.dividedBy(8);
    return patience.compareTo(LONGEST_PATIENCE) > 0 ? LONGEST_PATIENCE : patience;
  }
}
