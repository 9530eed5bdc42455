package io.holdfast.faults;

import io.holdfast.testkit.history.HistoryRecorder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/** The client processes. */
final class Fleet {
  private static final int MEGABYTES = 96;

  /** Each process numbers its requests from a multiple of this. */
  static final long REQUESTS_OF_ONE = 1L << 32;

  private final Remains remains;
  private final HistoryRecorder recorder;
  private final LiveView view;
  private final Path folder;
  private final List<String> arguments;
  private final long seed;
  private final List<Host> hosts;
  private final List<FleetMember> members = new ArrayList<>();
  private final List<FleetMember> past = new ArrayList<>();
  private final AtomicLong lives = new AtomicLong();

  /**
   * Clients, one a host, none of which runs yet.
   *
   * @param arguments what all of them are told, see {@link ClientProcess}
   */
  Fleet(
      Remains remains,
      HistoryRecorder recorder,
      Path folder,
      List<Host> hosts,
      List<String> arguments,
      long seed) {
    this.remains = remains;
    this.recorder = recorder;
    this.view = new LiveView(folder);
    this.folder = folder;
    this.hosts = List.copyOf(hosts);
    this.arguments = List.copyOf(arguments);
    this.seed = seed;
  }

  void startAll() {
    for (int i = 0; i < hosts.size(); i++) {
      members.add(start(i, 1));
    }
  }

  int size() {
    return members.size();
  }

  FleetMember member(int index) {
    return members.get(index);
  }

  List<Host> hosts() {
    return hosts;
  }

  /** What they have written so far. */
  LiveView view() {
    return view;
  }

  /** The way of kill -9. */
  void kill(FleetMember member) throws InterruptedException {
    member.mayLose();
    member.process().kill();
    recorder.clientDied(member.name());
  }

  /** Starts the next life of one that has died. */
  void replace(FleetMember dead) {
    past.add(dead);
    members.set(dead.number() - 1, start(dead.number() - 1, dead.life() + 1));
  }

  /** Those who may have lost what they held, for they were harmed. */
  Set<String> allowedToLose() {
    List<FleetMember> all = new ArrayList<>(past);
    all.addAll(members);
    return all.stream()
        .filter(FleetMember::wasAllowedToLose)
        .map(FleetMember::name)
        .collect(Collectors.toSet());
  }

  /**
   * Asks all to finish what they do, give back what they hold, and end.
   *
   * @return those that did not, and how they ended instead
   */
  List<String> finish(Duration patience) throws InterruptedException {
    List<String> failures = new ArrayList<>();
    members.stream().filter(m -> m.process().isAlive()).forEach(m -> m.process().endInput());
    long deadline = System.nanoTime() + patience.toNanos();
    for (FleetMember member : members) {
      Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
      if (!member.process().awaitEnd(left)) {
        failures.add(member.name() + " did not come to an end");
        Shell.ask(
            "kill", "-QUIT", String.valueOf(member.process().pid())); // its threads, to its log
        Wait.pass(Duration.ofSeconds(1));
        kill(member);
      } else if (member.process().exit() != 0) {
        failures.add(member.name() + " ended with code " + member.process().exit());
      }
    }
    return failures;
  }

  private FleetMember start(int index, int life) {
    Host host = hosts.get(index);
    String name = FleetMember.name(index + 1, life);
    long ordinal = lives.incrementAndGet();
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + MEGABYTES + "m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:+ShowCodeDetailsInExceptionMessages",
                "-cp",
                System.getProperty("java.class.path"),
                ClientProcess.class.getName(),
                "name=" + name,
                "requests-above=" + ordinal * REQUESTS_OF_ONE,
                "seed=" + (seed * 1_000 + ordinal),
                "history=" + folder.resolve(name + HistoryFile.SUFFIX)));
    command.addAll(arguments);
    RigProcess process =
        RigProcess.start(remains, folder.resolve(name + ".log"), Map.of(), host.command(command));
    return new FleetMember(index + 1, life, host, process);
  }
}
