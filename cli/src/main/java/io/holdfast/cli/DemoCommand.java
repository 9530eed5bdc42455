package io.holdfast.cli;

import io.holdfast.cli.demo.Demo;
import io.holdfast.cli.demo.DemoSettings;
import io.holdfast.cli.output.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code holdfast demo}: what to type; {@link Demo} is what happens. */
@Command(
    name = "demo",
    description =
        "Lets worker processes fight over real files under the locks of a server, kills one of them and the server, and checks that no file and no promise broke.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Exit codes: 0 nothing broke, 1 a violation was found, 64 the command line is wrong, 70 something else failed."
    })
final class DemoCommand implements Callable<Integer> {
  private static final Duration SHORTEST = Duration.ofSeconds(4);
  private static final Duration LONGEST = Duration.ofSeconds(60);
  private static final int MOST_PROCESSES = 32;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Option(
      names = "--processes",
      paramLabel = "N",
      defaultValue = "8",
      description = "How many worker processes, 2 to 32, of three workers each (${DEFAULT-VALUE}).")
  private int processes;

  @Option(
      names = "--duration",
      paramLabel = "TIME",
      defaultValue = "14s",
      converter = DurationText.class,
      description = "For how long they work, 4s to 60s (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Duration duration;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Decides what the workers want and how long they wait for it; who wins is up to the machine (any).")
  private @Nullable Long seed;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "Where the page with the picture goes (a new folder in the temporary one).")
  private @Nullable Path report;

  @Option(names = "--keep", description = "Leave the file tree, to look at.")
  private boolean keep;

  @Option(
      names = "--sabotage",
      description =
          "Let the locks of a process mean nothing to the others, to see that the checks notice: exit code 1.")
  private boolean sabotage;

  @Option(names = "--json", description = "One JSON object per event on stdout, for programs.")
  private boolean json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (processes < 2 || processes > MOST_PROCESSES) {
      throw mistake("--processes is " + processes + ", but it takes 2 to " + MOST_PROCESSES);
    }
    if (duration.compareTo(SHORTEST) < 0 || duration.compareTo(LONGEST) > 0) {
      throw mistake(
          "--duration is "
              + DurationText.show(duration)
              + ", but a demo lasts "
              + DurationText.show(SHORTEST)
              + " to "
              + DurationText.show(LONGEST));
    }
    if (report != null) {
      requireWritable(report);
    }
    DemoSettings settings =
        new DemoSettings(
            seed == null ? new SplittableRandom().nextLong(1_000_000_000) : seed,
            processes,
            duration,
            Optional.ofNullable(report),
            keep,
            sabotage,
            json);
    boolean whole =
        Demo.run(settings, spec.commandLine().getOut(), json ? Terminal.NONE : Terminal.current());
    if (sabotage && whole) {
      throw new IllegalStateException("each process had locks of its own, and no check noticed");
    }
    return whole ? ExitCode.OK : ExitCode.VIOLATION;
  }

  /** Better now than when the work is done. */
  private void requireWritable(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file)) {
      throw mistake("--report is " + file + ", which is a folder");
    }
    if (folder == null || !Files.isDirectory(folder)) {
      throw mistake("--report is " + file + ", but there is no folder " + folder);
    }
    if (!Files.isWritable(Files.exists(file) ? file : folder)) {
      throw mistake("--report is " + file + ", which cannot be written");
    }
  }

  private ParameterException mistake(String what) {
    return new ParameterException(spec.commandLine(), what);
  }
}
