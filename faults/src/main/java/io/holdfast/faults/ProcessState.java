package io.holdfast.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the kernel says of a process. */
final class ProcessState {
  private ProcessState() {}

  /** Stopped by a signal. */
  static boolean isStopped(long pid) {
    String[] fields = fields(pid);
    return fields.length > 0 && fields[0].equals("T");
  }

  /** The fields of {@code /proc/PID/stat} from the third on: its state first; none if there is no such process. */
  static String[] fields(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", String.valueOf(pid), "stat"));
      return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    } catch (IOException e) {
      return new String[0];
    }
  }
}
