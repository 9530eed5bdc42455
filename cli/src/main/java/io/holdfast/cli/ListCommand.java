package io.holdfast.cli;

import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockList;
import io.holdfast.cli.output.Json;
import io.holdfast.cli.output.Locks;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code holdfast list}. */
@Command(
    name = "list",
    description = "Lists the locks that are held or waited for.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false)
final class ListCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private Selection selection;

  @Override
  public Integer call() {
    selection.check(spec);
    try (LockClient locks = store.connect()) {
      LockList list = selection.list(locks);
      PrintWriter out = spec.commandLine().getOut();
      Locks text = new Locks(locks.capabilities());
      if (store.json()) {
        for (LockDescription lock : list.locks()) {
          out.println(text.write(new Json().object(), lock).end());
        }
      } else {
        text.table(list.locks()).forEach(out::println);
      }
      out.flush();
      if (!list.complete()) {
        new Notes(spec.commandLine().getErr(), spec.qualifiedName(), store.json())
            .say("there are more than " + list.locks().size() + ": ask with a longer PREFIX");
      }
      return ExitCode.OK;
    }
  }
}
