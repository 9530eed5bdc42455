package io.holdfast.cli;

import io.holdfast.cli.output.Json;
import io.holdfast.server.LockServer;
import io.holdfast.server.ServerSettings;
import io.holdfast.server.core.Limits;
import io.holdfast.server.operations.AuditInterceptor;
import io.holdfast.server.operations.AuditLog;
import io.holdfast.server.operations.DeniedCalls;
import io.holdfast.server.operations.OperationsHttp;
import io.holdfast.server.operations.Readiness;
import io.holdfast.server.operations.ServerHealth;
import io.holdfast.server.operations.ServerMetrics;
import io.holdfast.server.operations.TransportLog;
import io.holdfast.server.replication.ReplicaStatus;
import io.holdfast.server.replication.ReplicationException;
import io.holdfast.server.replication.Replicator;
import io.holdfast.server.replication.jraft.JRaftReplicator;
import io.holdfast.server.replication.jraft.JRaftSettings;
import io.holdfast.server.replication.jraft.PeerTls;
import io.holdfast.server.security.AuthInterceptor;
import io.holdfast.server.security.AuthSettings;
import io.holdfast.server.security.Authenticator;
import io.holdfast.server.security.ConfigurationException;
import io.holdfast.server.security.DeniedCall;
import io.holdfast.server.security.ServerTls;
import io.holdfast.server.security.StartUpRules;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast server}: what to type; {@link LockServer} is what happens. */
@Command(
    name = "server",
    description = {
      "Runs a lock server until it is interrupted: alone, or as one of several that keep the same"
          + " log.",
      "A server's name among the others is where it listens for them, so that address is not to"
          + " change."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Exit codes: 64 the command line is wrong, 70 its log has failed, 78 it cannot be started so,"
          + " 128+n ended by signal n: 143 is the orderly end after TERM."
    })
final class ServerCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli does
  private CommandSpec spec;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      defaultValue = "${sys:user.home}/.holdfast/server",
      description = "Where log and snapshots are kept; made if it is not there (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private Path dataDir;

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:7420",
      converter = HostPort.Converter.class,
      description = "Where clients find it; port 0 for any that is free (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private HostPort listen;

  @Option(
      names = "--advertise",
      paramLabel = "HOST:PORT",
      converter = HostPort.Converter.class,
      description =
          "Where clients are sent when it leads, if that is not where it listens (--listen); needed"
              + " where it listens on all addresses.")
  private @Nullable HostPort advertise;

  @Option(
      names = "--peer-listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:7421",
      converter = HostPort.Converter.class,
      description = "Where the other servers find it; its name (${DEFAULT-VALUE}).")
  @SuppressWarnings("NullAway.Init")
  private HostPort peerListen;

  @ArgGroup private @Nullable Beginning beginning;

  @Option(
      names = "--restored",
      paramLabel = "TIME",
      description =
          "The folder is an old copy that was put back at this time, like 2026-05-01T12:00:00Z:"
              + " sessions of the past end, and tokens go on above all that were given since the"
              + " copy was made. The same time for all servers, and for this start alone.")
  private @Nullable Instant restored;

  @ArgGroup(exclusive = false)
  private @Nullable PeerFiles peerFiles;

  @ArgGroup(exclusive = false)
  private @Nullable TlsFiles tlsFiles;

  @ArgGroup(exclusive = false)
  private @Nullable Tokens tokens;

  @Option(
      names = "--metrics",
      paramLabel = "HOST:PORT",
      converter = HostPort.Converter.class,
      description =
          "Where /metrics, /healthz and /readyz are, over HTTP and for whoever reaches it"
              + " (nowhere).")
  private @Nullable HostPort metricsListen;

  @Option(
      names = "--audit-log",
      paramLabel = "FILE",
      description =
          "Who took locks from others and changed the servers; what cannot be written there is not"
              + " done (nowhere).")
  private @Nullable Path auditLog;

  @Option(
      names = "--limit",
      paramLabel = "NAME=NUMBER",
      completionCandidates = LimitNames.class,
      description = {
        "At most so many of something; what is more is refused with RESOURCE_EXHAUSTED. Once for"
            + " each limit:",
        "${COMPLETION-CANDIDATES}."
      })
  private Map<String, Integer> limits = Map.of();

  @Option(
      names = "--insecure",
      description =
          "Allow what lets others on the network lock, read and pretend: addresses other than"
              + " loopback without credentials or TLS.")
  private boolean insecure;

  @Option(names = "--json", description = "Write JSON, an object a line, for programs.")
  private boolean json;

  /** All limits, with what they are unless set. */
  private static final class LimitNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Limits.DEFAULTS.byName().entrySet().stream()
          .map(limit -> limit.getKey() + "=" + limit.getValue())
          .iterator();
    }
  }

  /** How the cluster comes to be. */
  private static final class Beginning {
    @Option(
        names = "--peers",
        paramLabel = "HOST:PORT",
        split = ",",
        converter = HostPort.Converter.class,
        description =
            "The names of all servers that the cluster begins with, this one included (this one"
                + " alone).")
    private List<HostPort> peers = List.of();

    @Option(
        names = "--join",
        description = "Wait, with an empty folder, until a cluster adds this server.")
    private boolean join;
  }

  /** How the server proves to clients who it is. */
  private static final class TlsFiles {
    @Option(
        names = "--tls-cert",
        required = true,
        paramLabel = "FILE",
        description = "The server's certificate for clients, PEM.")
    @SuppressWarnings("NullAway.Init")
    private Path certificate;

    @Option(
        names = "--tls-key",
        required = true,
        paramLabel = "FILE",
        description = "Its private key, PEM, PKCS #8, readable by its owner alone.")
    @SuppressWarnings("NullAway.Init")
    private Path key;

    @Option(
        names = "--tls-client-ca",
        paramLabel = "FILE",
        description = "Take only clients with a certificate signed by one of these, PEM.")
    private @Nullable Path clientAuthorities;
  }

  /** Whose tokens are taken. */
  private static final class Tokens {
    @Option(
        names = "--jwks",
        required = true,
        paramLabel = "FILE|URL",
        description = "The keys that tokens are signed with: a file, or an https URL.")
    @SuppressWarnings("NullAway.Init")
    private String keys;

    @Option(
        names = "--issuer",
        required = true,
        paramLabel = "TEXT",
        description = "What iss of a token must be.")
    @SuppressWarnings("NullAway.Init")
    private String issuer;

    @Option(
        names = "--audience",
        required = true,
        paramLabel = "TEXT",
        description = "What aud of a token must be or contain.")
    @SuppressWarnings("NullAway.Init")
    private String audience;

    @Option(
        names = "--jwks-ca",
        paramLabel = "FILE",
        description = "What the URL's certificate is signed with, PEM (the JDK's authorities).")
    private @Nullable Path authorities;

    @Option(
        names = "--deny-list",
        paramLabel = "FILE",
        description =
            "Tokens and subjects that are refused all the same; read again when it changes.")
    private @Nullable Path denyList;

    AuthSettings settings() {
      AuthSettings usual = new AuthSettings(keys, issuer, audience);
      return new AuthSettings(
          keys,
          Optional.ofNullable(authorities),
          issuer,
          audience,
          usual.permissionsClaim(),
          usual.leeway(),
          usual.maxLifetime(),
          Optional.ofNullable(denyList));
    }
  }

  /** How servers prove to each other who they are: all of it or none. */
  private static final class PeerFiles {
    @Option(
        names = "--peer-cert",
        required = true,
        paramLabel = "FILE",
        description = "This server's certificate for the others, PEM.")
    @SuppressWarnings("NullAway.Init")
    private Path certificate;

    @Option(
        names = "--peer-key",
        required = true,
        paramLabel = "FILE",
        description = "Its private key, PEM, PKCS #8, readable by its owner alone.")
    @SuppressWarnings("NullAway.Init")
    private Path key;

    @Option(
        names = "--peer-ca",
        required = true,
        paramLabel = "FILE",
        description = "What the certificates of all servers are signed with, PEM.")
    @SuppressWarnings("NullAway.Init")
    private Path authorities;

    @Option(
        names = "--peer-hosts",
        paramLabel = "HOST",
        split = ",",
        description =
            "Hosts whose certificates are taken besides those of the members; needed with --join.")
    private List<String> hosts = List.of();
  }

  /** A restore that is longer ago was that of an earlier start. */
  private static final Duration RESTORED_LATELY = Duration.ofHours(1);

  /** File systems of Linux that forget. */
  private static final Set<String> IN_MEMORY = Set.of("tmpfs", "ramfs");

  /** By which clocks may differ. */
  private static final Duration CLOCK_TOLERANCE = Duration.ofMinutes(5);

  /** Ends what was opened for the server, once that has ended. */
  private final List<Runnable> around = new CopyOnWriteArrayList<>();

  @Override
  public Integer call() throws IOException, InterruptedException {
    TransportLog.install(Ticker.system());
    InetSocketAddress address = checkedListen();
    JRaftSettings log;
    try {
      log = logSettings();
    } catch (IllegalArgumentException e) {
      throw Arguments.mistake(spec, String.valueOf(e.getMessage()));
    }
    ServerSettings settings =
        ServerSettings.of(self(), address)
            .withLimits(checkedLimits())
            .withAdvertised(checkedAdvertise(address))
            .withRestored(checkedRestored());
    LockServer server = start(settings, log);
    Thread closing = new Thread(() -> close(server), "holdfast-server-close");
    Runtime.getRuntime().addShutdownHook(closing); // for signals
    warnings().forEach(new Notes(spec.commandLine().getErr(), spec.qualifiedName(), json)::say);
    announce(server);
    Optional<Throwable> failure = server.awaitTermination();
    if (failure.isPresent()) {
      throw new CommandException(
          ExitCode.INTERNAL, "the server's log has failed, it has stopped: " + failure.get());
    }
    return ExitCode.OK;
  }

  /** What runs, and perhaps should not so. */
  private List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    if (insecure) {
      warnings.add(
          "WARNING: --insecure: "
              + listen
              + (tokens == null ? " lets anybody take and break locks" : " asks for tokens")
              + (tlsFiles == null ? ", without TLS; " : ", over TLS; ")
              + peerListen
              + (peerFiles == null
                  ? " lets anybody write into the log"
                  : " asks for certificates"));
    }
    int voters = names().size();
    if (voters % 2 == 0) {
      warnings.add(
          "--peers are "
              + voters
              + ", an even number: they survive no more losses than "
              + (voters - 1)
              + " would");
    }
    if (voters == 1 && !joins() && !isLoopback(listen)) {
      warnings.add(
          "without --peers: unless others were added, nobody can lock while this server is down,"
              + " and the loss of its disk is the loss of all; three survive the loss of one");
    }
    if (isInMemory(dataDir)) {
      warnings.add(
          "WARNING: --data-dir "
              + dataDir
              + " is in memory: with the machine all is gone that the server has promised");
    }
    if (metricsListen != null && !isLoopback(metricsListen)) {
      warnings.add(
          "--metrics " + metricsListen + " is for whoever reaches it, without credentials or TLS");
    }
    if (restored != null) {
      warnings.add(
          "restored at "
              + restored
              + ": unless an earlier start said the same time, sessions of the past end when one of the"
              + " servers leads, and tokens go on above; leave --restored out at the next start");
    }
    return warnings;
  }

  private static boolean isLoopback(HostPort address) {
    InetSocketAddress resolved = address.resolve();
    return !resolved.isUnresolved() && resolved.getAddress().isLoopbackAddress();
  }

  private static boolean isInMemory(Path folder) {
    try {
      return IN_MEMORY.contains(Files.getFileStore(folder).type());
    } catch (IOException e) {
      return false; // the log will say what is wrong with it
    }
  }

  /** Ends the server, and then what stands around it: acts that end with the server are recorded. */
  private void close(LockServer server) {
    server.close();
    closeAround();
  }

  private void closeAround() {
    around.forEach(Runnable::run);
    around.clear();
  }

  /** Starts it with all that stands around it. */
  private LockServer start(ServerSettings settings, JRaftSettings log) {
    Ticker ticker = Ticker.system();
    JRaftReplicator replicator = new JRaftReplicator(log);
    ServerMetrics metrics = new ServerMetrics();
    LockServer server = null;
    try {
      LockServer.Builder builder = LockServer.builder(settings, replicator).events(metrics);
      TlsFiles files = tlsFiles;
      if (files != null) {
        ServerTls tls =
            new ServerTls(
                files.certificate, files.key, Optional.ofNullable(files.clientAuthorities), ticker);
        around.add(tls::close);
        builder.tls(tls);
        metrics.showCertificate(tls::expiresAt);
      }
      if (peerFiles != null) {
        metrics.showPeerCertificate(() -> replicator.certificateExpiresAt().orElseThrow());
      }
      builder.interceptor(metrics.calls());
      Optional<AuditLog> audit =
          Optional.ofNullable(auditLog).map(file -> new AuditLog(file, ticker));
      audit.ifPresent(kept -> around.add(kept::close));
      Consumer<DeniedCall> counted = call -> metrics.turnedAway(call.reason());
      Consumer<DeniedCall> denied =
          audit.map(kept -> counted.andThen(new DeniedCalls(kept, ticker))).orElse(counted);
      if (tokens == null) {
        builder.interceptor(AuthInterceptor.trusting(denied));
      } else {
        Authenticator authenticator = new Authenticator(tokens.settings(), ticker);
        around.add(authenticator::close);
        metrics.showKeysAge(authenticator::keysAge);
        builder.interceptor(AuthInterceptor.asking(authenticator, insecure, denied));
      }
      audit.ifPresent(
          kept -> builder.interceptor(new AuditInterceptor(kept, denied, replicator::status)));
      builder.service(
          new ServerHealth(ticker, () -> missing(replicator).isEmpty(), () -> leads(replicator))
              .service());
      server = builder.start();
      metrics.show(server.core()::figures, replicator::status, settings.limits());
      if (metricsListen != null) {
        open(metricsListen, metrics, () -> missing(replicator));
      }
      return server;
    } catch (ReplicationException | ConfigurationException | IOException e) {
      if (server == null) {
        replicator.close();
      } else {
        server.close();
      }
      closeAround();
      throw new CommandException(ExitCode.CONFIGURATION, cause(e));
    }
  }

  private static void open(
      HostPort listen, ServerMetrics metrics, Supplier<Optional<String>> missing)
      throws IOException {
    try {
      new OperationsHttp(listen.resolve(), metrics, missing);
    } catch (IOException e) {
      throw new IOException("--metrics " + listen + " cannot be had", e);
    }
  }

  private static Optional<String> missing(Replicator replicator) {
    try {
      return Readiness.missing(replicator.status());
    } catch (IllegalStateException e) {
      return Optional.of("its log is not open");
    }
  }

  private static boolean leads(Replicator replicator) {
    try {
      ReplicaStatus status = replicator.status();
      return status.leader().filter(status.self()::equals).isPresent();
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** Nobody shall find out afterwards that anybody could lock. */
  private InetSocketAddress checkedListen() {
    InetSocketAddress address = listen.resolve();
    if (address.isUnresolved()) {
      throw new CommandException(
          ExitCode.CONFIGURATION, "--listen is " + listen + ", whose host is not known");
    }
    try {
      StartUpRules.check(address, tokens != null, tlsFiles != null, insecure);
    } catch (ConfigurationException e) {
      throw new CommandException(ExitCode.CONFIGURATION, String.valueOf(e.getMessage()));
    }
    return address;
  }

  /** Who is told to go to 0.0.0.0 goes to itself. */
  private Optional<String> checkedAdvertise(InetSocketAddress listens) {
    HostPort address = advertise;
    if (address == null && listens.getAddress().isAnyLocalAddress()) {
      throw new CommandException(
          ExitCode.CONFIGURATION,
          "--listen "
              + listen
              + " is all addresses of this machine, and none to send clients to: add --advertise"
              + " HOST:PORT");
    }
    if (address != null && (address.port() == 0 || address.isAnyLocal())) {
      throw new CommandException(
          ExitCode.CONFIGURATION,
          "--advertise " + address + " is no address that clients could connect to");
    }
    return Optional.ofNullable(address).map(HostPort::toString);
  }

  private Limits checkedLimits() {
    Set<String> known = Limits.DEFAULTS.byName().keySet();
    for (String name : limits.keySet()) {
      if (!known.contains(name)) {
        throw Arguments.mistake(
            spec,
            "--limit "
                + Arguments.unknown(name, known)
                + "; there are "
                + String.join(", ", known));
      }
    }
    try {
      return Limits.DEFAULTS.with(limits);
    } catch (IllegalArgumentException e) {
      throw Arguments.mistake(spec, "--limit: " + e.getMessage());
    }
  }

  /** An option that was left where it stood would not do its work at the next restore. */
  private Optional<Instant> checkedRestored() {
    Instant time = restored;
    if (time == null) {
      return Optional.empty();
    }
    Instant now = Ticker.system().instant();
    if (time.isBefore(now.minus(RESTORED_LATELY)) || time.isAfter(now.plus(CLOCK_TOLERANCE))) {
      throw new CommandException(
          ExitCode.CONFIGURATION,
          "--restored is "
              + time
              + ", and now it is "
              + now.truncatedTo(ChronoUnit.SECONDS)
              + ": name the time of this restore, or leave the option out if there was none");
    }
    return Optional.of(time);
  }

  private String self() {
    return peerListen.toString();
  }

  private List<String> names() {
    if (beginning == null || beginning.peers.isEmpty()) {
      return List.of(self());
    }
    Set<HostPort> known = new HashSet<>();
    for (HostPort peer : beginning.peers) {
      if (!known.add(peer)) {
        throw Arguments.mistake(spec, "--peers names " + peer + " twice");
      }
    }
    return beginning.peers.stream().map(HostPort::toString).toList();
  }

  private boolean joins() {
    return beginning != null && beginning.join;
  }

  private JRaftSettings logSettings() {
    Set<String> members = joins() ? Set.of() : Set.copyOf(names());
    PeerFiles files = peerFiles;
    if (joins() && files != null && files.hosts.isEmpty()) {
      throw Arguments.mistake(
          spec,
          "--join knows no member yet whose certificate to take: add --peer-hosts HOST,… with the"
              + " hosts of the cluster's servers");
    }
    return JRaftSettings.of(dataDir, self(), members)
        .with(
            log -> {
              log.plaintextAnywhere(insecure);
              if (files != null) {
                log.tls(
                    new PeerTls(
                        files.certificate, files.key, files.authorities, Set.copyOf(files.hosts)));
              }
            });
  }

  private void announce(LockServer server) {
    PrintWriter out = spec.commandLine().getOut();
    Path folder = dataDir.toAbsolutePath().normalize();
    out.println(
        json
            ? new Json()
                .object()
                .field("event", "listening")
                .field("clients", server.clientAddress())
                .field("self", self())
                .field("dataDir", folder.toString())
                .end()
            : "listening for clients on "
                + server.clientAddress()
                + ", as "
                + self()
                + ", data in "
                + folder);
    out.flush();
  }

  private static String cause(Exception e) {
    return e instanceof IOException && e.getCause() != null
        ? e.getMessage() + ": " + e.getCause().getMessage()
        : String.valueOf(e.getMessage());
  }
}
