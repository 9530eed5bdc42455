package io.holdfast.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Short commands of the system, run to their end. */
final class Shell {
  /** Whatever lasts longer is killed, and has failed. */
  private static final int PATIENCE_SECONDS = 30;

  /**
   * What became of a command.
   *
   * @param output what it wrote, to either stream
   */
  record Answer(int exit, String output) {
    boolean isGood() {
      return exit == 0;
    }
  }

  private Shell() {}

  /**
   * Runs a command that must succeed.
   *
   * @return what it wrote
   * @throws RigException if it failed
   */
  static String run(String... command) {
    Answer answer = ask(command);
    if (!answer.isGood()) {
      throw new RigException(
          String.join(" ", command) + " failed (" + answer.exit + "): " + answer.output.strip());
    }
    return answer.output;
  }

  /** Runs a command that may fail; 127 if there is no such command. */
  static Answer ask(String... command) {
    List<String> bounded =
        new ArrayList<>(List.of("timeout", "-k", "1", String.valueOf(PATIENCE_SECONDS)));
    bounded.addAll(List.of(command));
    try {
      Process process = new ProcessBuilder(bounded).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Answer(process.waitFor(), output);
    } catch (IOException e) {
      throw new RigException("cannot run " + String.join(" ", command), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RigException("interrupted in " + String.join(" ", command), e);
    }
  }
}
