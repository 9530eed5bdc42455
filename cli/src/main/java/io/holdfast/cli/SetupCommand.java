package io.holdfast.cli;

import io.holdfast.cli.output.Json;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast setup}. */
@Command(
    name = "setup",
    description =
        "Makes what a store needs before its first use: a table, say. Harmless where it is there.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class SetupCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Option(
      names = "--print",
      description = "Only write what would be made, in the store's own language.")
  private boolean print;

  @Override
  public Integer call() {
    String result =
        store
            .setup()
            .map(setup -> print ? setup.script() : setup.run())
            .orElse("this store needs nothing before its first use");
    PrintWriter out = spec.commandLine().getOut();
    if (store.json()) {
      out.println(new Json().object().field(print ? "script" : "done", result).end());
    } else {
      out.println(result);
    }
    out.flush();
    return ExitCode.OK;
  }
}
