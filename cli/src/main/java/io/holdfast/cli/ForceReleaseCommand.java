package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import io.holdfast.cli.output.Text;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast force-release}. */
@Command(
    name = "force-release",
    description = {
      "Takes a lock away from its holder, who is told, at the latest when it renews; the next in line gets it.",
      "It does not stop the holder's work: only a resource that refuses old tokens does."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footer = {"", "Exit codes: 0 taken away, 1 there is no such grant; the others as for run."})
final class ForceReleaseCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private OneLock lock;

  @Option(
      names = "--token",
      required = true,
      paramLabel = "N",
      description = "The token of the grant that is meant, as describe tells it.")
  private long token;

  @Option(
      names = "--reason",
      paramLabel = "TEXT",
      description = {
        "Why, for the audit log of lock servers, which ask for it; at most "
            + LockClient.MAX_REASON_BYTES
            + " bytes. Other stores write down nothing."
      })
  private @Nullable String reason;

  @Override
  public Integer call() {
    lock.check(spec);
    if (reason != null) {
      Arguments.requireReadable(spec, "--reason", reason);
    } else if (store.isOfServers()) {
      throw Arguments.mistake(
          spec, "why is it taken away? the servers write it down: --reason TEXT");
    }
    if (token <= 0) {
      throw Arguments.mistake(spec, "--token is " + token + ", but tokens count from 1");
    }
    try (LockClient locks = store.connect()) {
      boolean released = lock.forceRelease(locks, token, reason);
      PrintWriter out = spec.commandLine().getOut();
      if (store.json()) {
        out.println(
            new Locks(locks.capabilities())
                .key(new Json().object(), lock.key())
                .field("token", token)
                .field("released", released)
                .end());
      } else {
        out.println(
            (released ? "released " : "no such grant: ")
                + Text.shown(lock.key().toString())
                + " token="
                + token);
      }
      out.flush();
      return released ? ExitCode.OK : ExitCode.NO_SUCH_GRANT;
    }
  }
}
