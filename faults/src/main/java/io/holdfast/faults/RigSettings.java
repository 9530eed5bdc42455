package io.holdfast.faults;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a run is told.
 *
 * @param seed decides what harm is done, when and to whom
 * @param clients so many client processes
 * @param workers so many threads in each that want what others want
 * @param lease of the clients' sessions
 * @param program the words that run the command line of Holdfast
 * @param folder where logs and histories go
 */
record RigSettings(
    long seed, int clients, int workers, Duration lease, List<String> program, Path folder) {
  /** Copies the list. */
  RigSettings {
    program = List.copyOf(program);
  }
}
