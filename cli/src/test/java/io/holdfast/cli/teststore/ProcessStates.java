package io.holdfast.cli.teststore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which processes run. */
public final class ProcessStates {
  private ProcessStates() {}

  /** A zombie, whom nobody in a container may ever ask for, is not alive. */
  public static boolean isAlive(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
    } catch (IOException e) {
      return false;
    }
  }
}
