package io.holdfast.cli;

import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code holdfast} command. */
@Command(
    name = "holdfast",
    description = "Locks for programs that run in more than one place.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      DemoProcessCommand.class,
      RunCommand.class,
      ListCommand.class,
      DescribeCommand.class,
      WatchCommand.class,
      ForceReleaseCommand.class,
      BenchCommand.class,
      ServerCommand.class,
      MembersCommand.class,
      SetupCommand.class
    })
public final class Main implements Runnable {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  /** Called by picocli. */
  Main() {}

  public static void main(String[] args) {
    System.exit(run(System.out, System.err, args));
  }

  /** Runs one command line and returns its exit code. */
  static int run(OutputStream out, OutputStream err, String... args) {
    PrintWriter errors = writer(err);
    // What follows "--" is for another program.
    boolean json = Stream.of(args).takeWhile(a -> !a.equals("--")).anyMatch("--json"::equals);
    Errors oneLine = new Errors(errors, json);
    return new CommandLine(new Main())
        .setOut(writer(out))
        .setErr(errors)
        // An argument that starts with @ is one, not a file with more of them.
        .setExpandAtFiles(false)
        .setParameterExceptionHandler(oneLine)
        .setExecutionExceptionHandler(oneLine)
        .execute(args);
  }

  /** Without a command there is nothing to do. */
  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command given; try: holdfast demo");
  }

  /** What a terminal reads. Text of our own is plain ASCII, for the locale may be any. */
  private static PrintWriter writer(OutputStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, Charset.defaultCharset()), true);
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"holdfast " + (version == null ? "(not packaged)" : version)};
    }
  }
}
