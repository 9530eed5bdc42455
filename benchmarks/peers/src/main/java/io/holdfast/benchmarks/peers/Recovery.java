package io.holdfast.benchmarks.peers;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockList;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How long servers that were all killed, with many entries in their logs, take from being started to the first grant.
 * Nothing that was held may be free then, and no token may come again.
 *
 * <p>{@code Recovery FOLDER SERVER-JAR ENTRIES HELD SERVERS SNAPSHOTS}; snapshots are {@code usual} or {@code never} written.
 */
final class Recovery {
  private static final int FIRST_PORT = 19_460;
  private static final int FIRST_PEER_PORT = 19_480;

  private Recovery() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    String jar = args[1];
    long entries = Long.parseLong(args[2]);
    int held = Integer.parseInt(args[3]);
    int servers = Integer.parseInt(args[4]);
    long lastToken = fill(folder, entries, held, servers, args[5]);
    System.out.printf(
        Locale.ROOT,
        "%d entries at %d servers, snapshots as %s, %d MiB each; %d locks are held; all were killed%n",
        entries,
        servers,
        args[5],
        mebibytes(folder.resolve("1")),
        held);
    List<Process> started = new ArrayList<>();
    try {
      long from = System.nanoTime();
      for (int i = 1; i <= servers; i++) {
        started.add(server(folder, jar, i, servers));
      }
      String url =
          "holdfast://"
              + addresses(FIRST_PORT, servers)
              + "/"
              + LogFiller.NAMESPACE
              + "?connect-timeout=10m";
      try (LockClient client = LockClient.connect(url)) {
        Hold hold = client.lock("after").acquire();
        double seconds = (System.nanoTime() - from) / 1e9;
        String cpu = cpuSeconds(started);
        LockList still = client.list(LogFiller.HELD);
        System.out.printf(
            Locale.ROOT,
            "first grant %.2f s after the start, for which the servers used %s s of processor time; token %d after %d;"
                + " still held are %d of %d%n",
            seconds,
            cpu,
            hold.token(),
            lastToken,
            still.locks().size(),
            held);
        if (hold.token() <= lastToken || still.locks().size() != held) {
          throw new IllegalStateException("something was lost");
        }
      }
    } finally {
      started.forEach(Process::destroyForcibly);
    }
    System.exit(0);
  }

  private static long fill(
      Path folder, long entries, int held, int servers, String snapshots) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                java(),
                "-Xmx2g",
                "-cp",
                System.getProperty("java.class.path"),
                LogFiller.class.getName(),
                folder.toString(),
                String.valueOf(entries),
                String.valueOf(held),
                snapshots));
    command.addAll(List.of(addresses(FIRST_PEER_PORT, servers).split(",", -1)));
    Process filler =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader said = filler.inputReader(StandardCharsets.UTF_8)) {
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        if (line.startsWith(LogFiller.FULL)) {
          return Long.parseLong(line.substring(LogFiller.FULL.length()));
        }
      }
      throw new IllegalStateException("the log was not filled");
    } finally {
      filler.destroyForcibly().onExit().join(); // SIGKILL: all servers at once
    }
  }

  private static Process server(Path folder, String jar, int number, int servers)
      throws IOException {
    return new ProcessBuilder(
            java(),
            "-Xmx1g",
            "-jar",
            jar,
            "server",
            "--data-dir",
            folder.resolve(String.valueOf(number)).toString(),
            "--listen",
            "127.0.0.1:" + (FIRST_PORT + number),
            "--peer-listen",
            "127.0.0.1:" + (FIRST_PEER_PORT + number),
            "--peers",
            addresses(FIRST_PEER_PORT, servers))
        .redirectErrorStream(true)
        .redirectOutput(new File(folder.toFile(), "server-" + number + ".log"))
        .start();
  }

  private static String cpuSeconds(List<Process> processes) {
    return processes.stream()
        .map(process -> process.info().totalCpuDuration().orElse(Duration.ZERO).toMillis() / 1e3)
        .map(String::valueOf)
        .collect(Collectors.joining(" + "));
  }

  private static String addresses(int before, int count) {
    List<String> all = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      all.add("127.0.0.1:" + (before + i));
    }
    return String.join(",", all);
  }

  static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  private static long mebibytes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum()
          >> 20;
    }
  }
}
