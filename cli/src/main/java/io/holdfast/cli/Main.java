package io.holdfast.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The {@code holdfast} command. */
@Command(
    name = "holdfast",
    description = "Distributed locks from the command line.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
public final class Main {

  @Command(name = "demo", description = "Shows locks at work.")
  int demo() {
    System.out.println("The house stands, its rooms are empty: there is nothing to show yet.");
    return 0;
  }

  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"holdfast " + (version == null ? "(not packaged)" : version)};
    }
  }
}
