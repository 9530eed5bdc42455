package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code holdfast describe}. */
@Command(
    name = "describe",
    description =
        "Tells who holds a lock, since when, with which token, and who waits for it, in order.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class DescribeCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private OneLock lock;

  @Override
  public Integer call() {
    lock.check(spec);
    try (LockClient locks = store.connect()) {
      LockDescription description = lock.describe(locks);
      Locks text = new Locks(locks.capabilities());
      PrintWriter out = spec.commandLine().getOut();
      if (store.json()) {
        out.println(text.write(new Json().object(), description).end());
      } else {
        text.page(description).forEach(out::println);
      }
      out.flush();
      return ExitCode.OK;
    }
  }
}
