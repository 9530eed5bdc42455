package io.holdfast.faults;

import io.holdfast.testkit.history.HistoryRecorder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Everything that one run makes: hosts, disks, servers, clients, the resource, the history of the rig itself. */
final class Site implements AutoCloseable {
  static final int SERVERS = 3;
  private static final int FIRST_SERVER_ADDRESS = 11;
  private static final int FIRST_CLIENT_ADDRESS = 101;

  /** All processes start at once on few processors. */
  private static final Duration TO_START = Duration.ofSeconds(60);

  private final RigSettings settings;
  private final HistoryFile history;
  private final HistoryRecorder recorder;
  private final FencedResource resource;
  private final Cluster cluster;
  private final Fleet fleet;
  private final List<String> shortcomings = new ArrayList<>();

  /**
   * Makes it, with the servers up and the clients down.
   *
   * @param work what the clients do, as {@link ClientProcess} calls it
   */
  Site(RigSettings settings, Remains remains, String work) throws IOException {
    this.settings = settings;
    Path folder = settings.folder();
    Files.createDirectories(folder);
    history = new HistoryFile(folder.resolve("rig" + HistoryFile.SUFFIX));
    recorder = new HistoryRecorder(System::nanoTime, 0, history);
    Network network = Network.make(remains, "hff-", "10.213.77.");
    Optional<String> noDisks = Disk.impossible();
    noDisks.ifPresent(shortcomings::add);
    Optional<Path> library = Interposer.compile(folder);
    if (library.isEmpty()) {
      shortcomings.add("needs the command cc, to break disks and clocks");
    }
    List<LockServer> servers = new ArrayList<>();
    for (int i = 1; i <= SERVERS; i++) {
      String name = "s" + i;
      Disk disk = noDisks.isEmpty() ? Disk.make(remains, folder, name) : Disk.folder(folder, name);
      Optional<Interposer> interposer = Optional.empty();
      if (library.isPresent()) {
        interposer =
            Optional.of(
                Interposer.of(library.get(), folder.resolve(name + ".control"), disk.data()));
      }
      servers.add(
          new LockServer(
              name,
              network.host(name, FIRST_SERVER_ADDRESS - 1 + i),
              disk,
              interposer,
              remains,
              folder.resolve(name + ".log")));
    }
    cluster = new Cluster(servers, settings.program());
    resource = FencedResource.open(recorder, network.rigAddress());
    List<Host> hosts = new ArrayList<>();
    for (int i = 1; i <= settings.clients(); i++) {
      hosts.add(network.host("c" + i, FIRST_CLIENT_ADDRESS - 1 + i));
    }
    List<String> arguments =
        List.of(
            "url=" + cluster.url("faults"),
            "resource=" + resource.address(),
            "lease=" + settings.lease().toMillis(),
            "work=" + work,
            "workers=" + settings.workers());
    fleet = new Fleet(remains, recorder, folder, hosts, arguments, settings.seed());
  }

  RigSettings settings() {
    return settings;
  }

  HistoryRecorder recorder() {
    return recorder;
  }

  FencedResource resource() {
    return resource;
  }

  Cluster cluster() {
    return cluster;
  }

  Fleet fleet() {
    return fleet;
  }

  /** What this machine lacks for some of the faults. */
  List<String> shortcomings() {
    return shortcomings;
  }

  /** From now on nothing that a server makes durable is. */
  void lieAboutDurability() {
    for (LockServer server : cluster.servers()) {
      server
          .interposer()
          .orElseThrow(() -> new RigException("no disk can lie here: needs a C compiler"))
          .set(Interposer.Word.SYNC_LIES, 1);
    }
  }

  /** Starts servers, then clients; returns when each client has been granted something. */
  void start() throws InterruptedException {
    startAtOnce();
    for (int i = 0; i < fleet.size(); i++) {
      String client = fleet.member(i).name();
      Wait.mustBe(
          client + " is granted nothing", TO_START, () -> fleet.view().grantsOf(client) > 0);
    }
  }

  /** The same without waiting for the clients. */
  void startAtOnce() throws InterruptedException {
    cluster.startAll();
    cluster.awaitHealth();
    fleet.startAll();
  }

  @Override
  public void close() throws IOException {
    cluster.servers().forEach(LockServer::close);
    resource.close();
    history.close();
  }
}
