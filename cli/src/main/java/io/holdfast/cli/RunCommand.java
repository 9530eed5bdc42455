package io.holdfast.cli;

import io.holdfast.DistributedLock;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.cli.run.Ending;
import io.holdfast.cli.run.Run;
import io.holdfast.cli.run.RunSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code holdfast run}: what to type; {@link Run} is what happens. */
@Command(
    name = "run",
    description = {
      "Runs a command while a lock is held, and stops all of it before the lock can be anybody else's.",
      "The command finds the lock's name in HOLDFAST_NAME and the fencing token in HOLDFAST_TOKEN."
    },
    customSynopsis = "holdfast run [OPTIONS] NAME -- COMMAND [ARGUMENT...]",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Exit codes: the command's own; 64 the command line is wrong, 69 the store cannot be reached, 75 not obtained in time"
          + " (the command never started), 77 refused, 78 the configuration is wrong, 79 the lock was lost while it ran,"
          + " 126 the command cannot be executed, 127 it was not found, 128+n it was ended by signal n."
    })
final class RunCommand implements Callable<Integer> {
  private static final String END_OF_OPTIONS = "--";

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Mixin
  @SuppressWarnings("NullAway.Init")
  private StoreOptions store;

  @Option(
      names = "--max-wait",
      paramLabel = "TIME",
      defaultValue = "10s",
      converter = DurationText.class,
      description = "For how long to wait for the lock (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Duration maxWait;

  @Option(names = "--shared", description = "Share the lock with others who share it.")
  private boolean shared;

  @Option(
      names = "--lease",
      paramLabel = "TIME",
      defaultValue = "25s",
      converter = DurationText.class,
      description =
          "For how long the store keeps the lock for a holder that it does not hear from (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Duration lease;

  @Option(
      names = "--data",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "What others see who ask about the lock.")
  @SuppressWarnings("NullAway.Init")
  private String data;

  @Option(
      names = "--on-lost",
      paramLabel = "kill|notify",
      defaultValue = "kill",
      converter = OnLostText.class,
      description =
          "What to do when the lock is lost, or about to be: stop the command with all it has started, or send it USR1 and"
              + " let it run (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private OnLost onLost;

  @Option(
      names = "--grace",
      paramLabel = "TIME",
      defaultValue = "5s",
      converter = DurationText.class,
      description = "What the command has between TERM and KILL (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Duration grace;

  @Parameters(index = "0", paramLabel = "NAME", description = "The lock's name.")
  @SuppressWarnings("NullAway.Init")
  private String name;

  @Parameters(
      index = "1..*",
      arity = "0..*",
      paramLabel = "COMMAND",
      description = "The program to run and its arguments; it is started without a shell.")
  private List<String> command = List.of();

  @Override
  public Integer call() throws IOException, InterruptedException {
    HoldOptions options = check();
    store.requireShared();
    String path = System.getenv("PATH");
    path = path == null ? "" : path;
    Run.lack(path)
        .ifPresent(
            what -> {
              throw new CommandException(ExitCode.CONFIGURATION, what);
            });
    // Before the lock is asked for: who mistyped shall not wait to be told.
    Ending.NotExecutable obstacle = Run.obstacle(command.get(0), path).orElse(null);
    if (obstacle != null) {
      return exitCode(obstacle);
    }
    Notes notes = new Notes(spec.commandLine().getErr(), spec.qualifiedName(), store.json());
    try (LockClient locks = store.connect()) {
      DistributedLock lock = shared ? locks.readWriteLock(name).read() : locks.lock(name);
      RunSettings settings =
          new RunSettings(name, command, maxWait, lease, grace, onLost == OnLost.NOTIFY);
      return exitCode(Run.run(settings, locks, lock.with(options), notes::say));
    }
  }

  /** Everything that can be known to be wrong before the store is asked. */
  private HoldOptions check() {
    List<String> all = spec.commandLine().getParseResult().originalArgs();
    int end = all.indexOf(END_OF_OPTIONS);
    if (end < 0 || command.isEmpty() || !command.equals(all.subList(end + 1, all.size()))) {
      throw Arguments.mistake(spec, "no command given; write: holdfast run NAME -- COMMAND");
    }
    Arguments.requireReadable(spec, "NAME", name);
    Arguments.requireReadable(spec, "--data", data);
    for (int i = 0; i < command.size(); i++) {
      Arguments.requireReadable(
          spec, i == 0 ? "COMMAND" : "argument " + i + " of the command", command.get(i));
    }
    new LockKey.Name(name);
    HoldOptions options = HoldOptions.defaults().leaseDuration(lease).data(data);
    Duration shortest = RunSettings.shortestLease(grace);
    if (lease.compareTo(shortest) < 0) {
      throw Arguments.mistake(
          spec,
          "--lease is "
              + DurationText.show(lease)
              + ", but to stop the command in time with --grace "
              + DurationText.show(grace)
              + " takes a lease of "
              + DurationText.show(shortest)
              + " or more");
    }
    return options;
  }

  private static int exitCode(Ending ending) {
    if (ending instanceof Ending.Exited exited) {
      return exited.exitCode();
    }
    if (ending instanceof Ending.NeverStarted never) {
      return ExitCode.signal(never.signal());
    }
    if (ending instanceof Ending.TooLate late) {
      throw new CommandException(ExitCode.NOT_OBTAINED, late.what());
    }
    if (ending instanceof Ending.NotExecutable not) {
      throw new CommandException(
          not.found() ? ExitCode.NOT_EXECUTABLE : ExitCode.NOT_FOUND, not.what());
    }
    Ending.Lost lost = (Ending.Lost) ending;
    throw new CommandException(
        ExitCode.LOST,
        lost.what()
            + (lost.survivors().isEmpty()
                ? ""
                : "; these processes could not be ended: " + lost.survivors()));
  }

  private enum OnLost {
    KILL,
    NOTIFY
  }

  private static final class OnLostText implements ITypeConverter<OnLost> {
    @Override
    public OnLost convert(String text) {
      for (OnLost each : OnLost.values()) {
        if (each.name().toLowerCase(Locale.ROOT).equals(text)) {
          return each;
        }
      }
      throw new TypeConversionException("'" + text + "' is neither kill nor notify");
    }
  }
}
