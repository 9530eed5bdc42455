package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host that is cut off both ways, in a network namespace of its own, with a server's kernel that sees nothing come. */
class CutOffTest {
  private static final long MINUTES = 2;

  /** Ghosts: a holder that cannot be told, and a waiter that is granted what nobody will give back. */
  @Test
  void whoIsCutOffStopsBelievingFirstAndThenTheServerFreesWhatItHeldAndWaitedFor(
      @TempDir Path folder) throws Exception {
    List<String> inItsOwnNetwork = List.of("unshare", "--net", "--");
    assumeTrue(
        exitOf(folder, inItsOwnNetwork, "iptables -A INPUT -s 127.0.0.77 -j DROP") == 0,
        "needs root, network namespaces and iptables");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String program =
        "ip link set lo up && exec "
            + String.join(
                " ",
                java,
                "-cp",
                System.getProperty("java.class.path"),
                CutOffHost.class.getName());
    int exit = exitOf(folder, inItsOwnNetwork, program);
    assertThat(exit).as(Files.readString(folder.resolve("output"))).isZero();
  }

  private static int exitOf(Path folder, List<String> where, String program) throws Exception {
    List<String> command = new java.util.ArrayList<>(where);
    command.addAll(List.of("sh", "-c", program));
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("output").toFile())
              .start();
    } catch (java.io.IOException noSuchProgram) {
      return -1;
    }
    try {
      return process.waitFor(MINUTES, TimeUnit.MINUTES) ? process.exitValue() : -1;
    } finally {
      process.destroyForcibly();
    }
  }
}
