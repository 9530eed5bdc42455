package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host that is cut off both ways, in a network namespace of its own, with a server's kernel that sees nothing come. */
class CutOffTest {
  private static final long MINUTES = 2;

  private static final List<String> AS_ROOT = List.of("unshare", "--net", "--");
  private static final List<String> AS_ANYBODY =
      List.of("unshare", "--map-root-user", "--net", "--");
  private static final String NEEDS = "iptables -A INPUT -s 127.0.0.77 -j DROP";

  /** Ghosts: a holder that cannot be told, and a waiter that is granted what nobody will give back. */
  @Test
  void whoIsCutOffStopsBelievingFirstAndThenTheServerFreesWhatItHeldAndWaitedFor(
      @TempDir Path folder) throws Exception {
    List<String> inItsOwnNetwork = AS_ROOT;
    if (exitOf(folder, inItsOwnNetwork, NEEDS) != 0) {
      inItsOwnNetwork = AS_ANYBODY;
      assumeTrue(
          exitOf(folder, inItsOwnNetwork, NEEDS) == 0,
          "needs a network of its own, as root or with user namespaces, and iptables: "
              + Files.readString(folder.resolve("output")));
    }
    int exit = exitOf(folder, inItsOwnNetwork, "ip link set lo up && " + run(CutOffHost.class));
    assertThat(exit).as(Files.readString(folder.resolve("output"))).isZero();
  }

  /** The shell's command for a program of Java. */
  static String run(Class<?> program) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classPath = System.getProperty("java.class.path");
    return String.join(" ", "exec", java, "-cp", classPath, "'" + program.getName() + "'");
  }

  /** Runs a program of the shell with these before it; what it says goes into the file {@code output}. */
  static int exitOf(Path folder, List<String> where, String program) throws Exception {
    List<String> command = new ArrayList<>(where);
    command.addAll(List.of("sh", "-c", program));
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("output").toFile())
              .start();
    } catch (IOException noSuchProgram) {
      return -1;
    }
    try {
      return process.waitFor(MINUTES, TimeUnit.MINUTES) ? process.exitValue() : -1;
    } finally {
      process.destroyForcibly();
    }
  }
}
