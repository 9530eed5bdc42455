package io.holdfast.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Servers are started in another way by root, whom PostgreSQL refuses. Where root tests, this shows that others can, too. */
class NotRootTest {
  /** Nobody, who may read root's class path. */
  private static final List<String> AS_NOBODY =
      List.of(
          "setpriv",
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          "--inh-caps=+dac_read_search",
          "--ambient-caps=+dac_read_search");

  @Test
  void whoIsNotRootCanHaveAServerAndItsLocksToo(@TempDir Path folder) throws Exception {
    assumeTrue(System.getProperty("user.name").equals("root"), "all tests are run by another user");
    PostgresServer.shared(); // unpacks the programs, which takes seconds
    Path home = folder.resolve("home");
    Path ofTests = Files.createDirectories(home.resolve("target").resolve("postgres"));
    Path output = folder.resolve("output");
    assertThat(CutOffTest.exitOf(folder, List.of(), "chmod 755 " + folder)).isZero();
    String give =
        "cp -r %s/binaries %s && chown -R 65534:65534 %s"
            .formatted(PostgresServer.FOLDER, ofTests, home);
    assertThat(CutOffTest.exitOf(folder, List.of(), give)).isZero();
    assumeTrue(
        CutOffTest.exitOf(folder, AS_NOBODY, "cd " + home + " && test $(id -u) = 65534") == 0,
        "root cannot be somebody else here: " + Files.readString(output));
    int exit =
        CutOffTest.exitOf(folder, AS_NOBODY, "cd " + home + " && " + CutOffTest.run(Program.class));
    assertThat(exit).as(Files.readString(output)).isZero();
  }

  /** What nobody does. */
  static final class Program {
    private Program() {}

    /** Runs it. */
    public static void main(String[] arguments) throws Exception {
      try (PostgresServer server = PostgresServer.own(Map.of())) {
        Hold hold;
        try (LockClient ann = LockClient.connect(server.url("postgres"));
            LockClient bob = LockClient.connect(server.url("postgres"))) {
          hold = ann.lock("x").acquire();
          assertThat(bob.lock("x").tryAcquire()).isEmpty();
          server.kill();
        }
        server.start();
        try (LockClient cid = LockClient.connect(server.url("postgres"));
            Hold next = cid.lock("x").acquire()) {
          assertThat(next.token()).isGreaterThan(hold.token());
        }
      }
    }
  }
}
