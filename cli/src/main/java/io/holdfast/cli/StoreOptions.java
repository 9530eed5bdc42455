package io.holdfast.cli;

import io.holdfast.ClientOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.remote.ClusterClient;
import io.holdfast.remote.LockWatch;
import io.holdfast.spi.LockProvider;
import io.holdfast.spi.StoreSetup;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which store a command talks to, and how it answers. */
final class StoreOptions {
  static final String DEFAULT = "holdfast://127.0.0.1:7420/default";
  private static final String SERVERS = "holdfast:";
  private static final String IN_PROCESS = "in-process:";
  private static final String VARIABLE = "HOLDFAST_STORE";

  @Option(
      names = "--store",
      paramLabel = "URL",
      description = {
        "The store ($" + VARIABLE + ", else " + DEFAULT + ").",
        "A URL with a password in it belongs into the variable: others can read a command line."
      })
  private @Nullable String store;

  @Option(names = "--json", description = "Write JSON, an object a line, for programs.")
  private boolean json;

  boolean json() {
    return json;
  }

  /**
   * Opens the store.
   *
   * @throws CommandException if its URL cannot be used
   */
  LockClient connect() {
    return at(url -> LockClient.connect(url, ClientOptions.defaults().name(clientName())));
  }

  /**
   * Refuses a store that nobody else can see.
   *
   * @throws CommandException if it is that of this process
   */
  void requireShared() {
    if (url().startsWith(IN_PROCESS)) {
      throw new CommandException(
          ExitCode.CONFIGURATION,
          source()
              + ": "
              + IN_PROCESS
              + " is a store of this process alone, it would keep nobody else out");
    }
  }

  /**
   * What the store needs before its first use.
   *
   * @throws CommandException if its URL cannot be used
   */
  Optional<StoreSetup> setup() {
    return at(url -> LockProvider.of(url).setup(url));
  }

  /**
   * The servers of the store.
   *
   * @throws CommandException if its URL cannot be used, or the store has none
   */
  ClusterClient cluster() {
    return at(ClusterClient::of);
  }

  /**
   * Watches locks where the store tells by itself what happens to them; empty where it does not.
   *
   * @throws CommandException if its URL cannot be used
   */
  Optional<LockWatch> watch(Selection selection) {
    return isOfServers() ? Optional.of(at(selection::watch)) : Optional.empty();
  }

  /** Whether it is that of lock servers. */
  boolean isOfServers() {
    return url().startsWith(SERVERS);
  }

  /** What may help where the store cannot be reached; empty if we have no idea. */
  String advice() {
    return isOfServers() ? " (is a server running? start one: holdfast server)" : "";
  }

  private <T> T at(Function<String, T> open) {
    try {
      return open.apply(url());
    } catch (InvalidRequestException e) {
      throw new CommandException(ExitCode.CONFIGURATION, source() + ": " + e.getMessage());
    }
  }

  private String url() {
    return store != null ? store : variable().orElse(DEFAULT);
  }

  /** Where the URL comes from. */
  private String source() {
    return store != null ? "--store" : variable().map(set -> "$" + VARIABLE).orElse(DEFAULT);
  }

  private static Optional<String> variable() {
    return Optional.ofNullable(System.getenv(VARIABLE)).filter(set -> !set.isEmpty());
  }

  /** For people who ask who holds it: user, machine and process. */
  private static String clientName() {
    String process = "/" + ProcessHandle.current().pid();
    String whereabouts = System.getProperty("user.name", "?") + "@" + machine();
    StringBuilder name = new StringBuilder();
    whereabouts
        .codePoints()
        .filter(c -> c > ' ' && c < 0x7F)
        .limit(ClientOptions.MAX_NAME_BYTES - process.length())
        .forEach(name::appendCodePoint);
    return name + process;
  }

  /** Its name as the kernel has it; a look-up in the network may take its time. */
  private static String machine() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname"), StandardCharsets.ISO_8859_1)
          .strip();
    } catch (IOException e) {
      String variable = System.getenv("HOSTNAME");
      return variable == null ? "localhost" : variable;
    }
  }
}
