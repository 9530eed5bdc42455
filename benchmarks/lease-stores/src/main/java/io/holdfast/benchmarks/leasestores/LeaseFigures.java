package io.holdfast.benchmarks.leasestores;

import com.amazonaws.services.dynamodbv2.LockItem;
import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.dynamodb.DynamoLocks;
import io.holdfast.gcs.GcsLocks;
import io.holdfast.spi.LockProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Runs the load and writes what came of it into a page: a table for each part, between its lines
 * {@code <!-- figures: PART -->} and {@code <!-- end -->}. The contenders of a part take turns,
 * round by round, and ratios are of one round.
 *
 * <p>{@code LeaseFigures PAGE [--quick] [PART…]}, in the folder of the whole project; {@code
 * --quick} only shows that everything runs.
 */
final class LeaseFigures implements AutoCloseable {
  private static final List<String> PARTS =
      List.of("dynamodb", "dynamodb-far", "dynamodb-turns", "dynamodb-renewals", "gcs");
  private static final List<Integer> THREADS = List.of(1, 16);
  private static final int CLIENTS = 8;
  private static final int LOCKS = 1_000;
  private static final long ANSWERS_TAKE_MILLIS = 50;

  /** About as long as DynamoDB takes in its own region. */
  private static final long FAR_MILLIS = 5;

  private static final Duration LEASE = Duration.ofSeconds(20);
  private static final String BUCKET = "locks";
  private static final Path ROOT = Path.of("");

  private final Path page;
  private final int rounds;
  private final double roundSeconds;
  private final double warmUpSeconds;
  private final double turnsSeconds;
  private final long watchSeconds;
  private final List<AutoCloseable> open = new ArrayList<>();

  private LeaseFigures(Path page, boolean quick) {
    this.page = page;
    this.rounds = quick ? 1 : 5;
    this.roundSeconds = quick ? 0.3 : 1.5;
    this.warmUpSeconds = quick ? 0.3 : 10;
    this.turnsSeconds = quick ? 2 : 6;
    this.watchSeconds = quick ? 3 : 45;
  }

  public static void main(String[] args) throws Exception {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
    List<String> parts = new ArrayList<>(Arrays.asList(args).subList(1, args.length));
    boolean quick = parts.remove("--quick");
    for (String part : parts.isEmpty() ? PARTS : parts) {
      long from = System.nanoTime();
      try (LeaseFigures figures = new LeaseFigures(Path.of(args[0]), quick)) {
        List<String> lines = new ArrayList<>(List.of(machine(quick), ""));
        lines.addAll(figures.table(part));
        figures.insert(part, lines);
        lines.forEach(System.out::println);
      }
      System.out.printf("(%s took %d s)%n%n", part, (System.nanoTime() - from) / 1_000_000_000);
    }
    System.exit(0); // clients leave threads behind
  }

  private List<String> table(String part) throws Exception {
    return switch (part) {
      case "dynamodb" -> dynamoDb(0);
      case "dynamodb-far" -> dynamoDb(FAR_MILLIS);
      case "dynamodb-turns" -> turns();
      case "dynamodb-renewals" -> renewals();
      case "gcs" -> storage();
      default -> throw new IllegalArgumentException("there is no part " + part);
    };
  }

  // ------------------------------------------------------------ pairs a second

  private List<String> dynamoDb(long answersTakeMillis) throws Exception {
    SlowWire wire = closing(new SlowWire(closing(ServerProcess.dynamoDb(ROOT)).port()));
    int port = answersTakeMillis == 0 ? wire.target() : wire.port();
    String ours = madeTable(port, "ours", "");
    String theirs = madeTable(port, "theirs", "&dialect=aws");
    String bare = madeTable(port, "bare", "&key=key");
    wire.delay(answersTakeMillis);
    DynamoDbClient dynamo = dynamo(port);
    ExecutorService threads = Executors.newFixedThreadPool(32);
    closing(threads::shutdownNow);
    Map<String, Contender> contenders = new LinkedHashMap<>();
    contenders.put("Amazon's lock client", new AmazonContender(dynamo, theirs, LEASE));
    contenders.put("Holdfast, by URL", new HoldfastContender(connect(port, ours, "")));
    contenders.put(
        "Holdfast, over the same blocking client",
        new HoldfastContender(
            DynamoLocks.in(ours, dynamo, threads).client(ClientOptions.defaults())));
    contenders.put(
        "Holdfast in Amazon's layout, by URL",
        new HoldfastContender(connect(port, theirs, "&dialect=aws")));
    contenders.put("no lock: an item put and deleted", new BareItems(dynamo, bare));
    contenders.put("no lock: an item updated twice", new BareUpdates(dynamo, bare));
    return pairs(contenders, CountedRequests::sent);
  }

  private List<String> storage() throws Exception {
    ServerProcess server = closing(ServerProcess.storage(ROOT, BUCKET));
    Map<String, Contender> contenders = new LinkedHashMap<>();
    contenders.put(
        "no lock: an object made and deleted, plain HTTP",
        new BareObjects(HttpClient.newHttpClient(), server.endpoint(), BUCKET));
    contenders.put(
        "Holdfast",
        new HoldfastContender(
            GcsLocks.bucket(BUCKET)
                .endpoint(server.endpoint())
                .anonymous()
                .build()
                .client(ClientOptions.defaults())));
    contenders.put(
        "no lock: the same by Google's client", new GoogleObjects(server.endpoint(), BUCKET));
    long[] sum = new long[1];
    return pairs(contenders, () -> sum[0] += server.requests());
  }

  /** All contenders by turns; ratios are to the first. */
  private List<String> pairs(Map<String, Contender> contenders, Callable<Long> requests)
      throws Exception {
    Map<String, Samples> rates = new LinkedHashMap<>();
    Map<String, Samples> costs = new LinkedHashMap<>();
    for (Map.Entry<String, Contender> each : contenders.entrySet()) {
      load(each, Collections.max(THREADS), "warm-up-").run(warmUpSeconds);
    }
    for (int threads : THREADS) {
      for (int round = 0; round < rounds; round++) {
        for (Map.Entry<String, Contender> each : contenders.entrySet()) {
          long before = requests.call();
          Load load = load(each, threads, "own-").run(roundSeconds);
          // The last pair of each thread may end after the time.
          double atMost = load.pairs() + threads;
          double asked = requests.call() - before;
          at(costs, each.getKey()).add(asked / atMost);
          at(rates, each.getKey() + threads).add(load.pairsPerSecond());
        }
      }
    }
    String first = contenders.keySet().iterator().next();
    List<String> lines = new ArrayList<>();
    lines.add(
        row(
            "pairs a second",
            "requests a pair",
            THREADS.stream()
                .map(it -> it == 1 ? "1 thread | ÷ first" : it + " threads | ÷ first")
                .collect(Collectors.joining(" | "))));
    lines.add("|---|" + "--:|".repeat(1 + 2 * THREADS.size()));
    for (Map.Entry<String, Contender> each : contenders.entrySet()) {
      String who = each.getKey();
      List<String> cells = new ArrayList<>();
      cells.add(who);
      cells.add(String.format(Locale.ROOT, "%.1f", at(costs, who).median()));
      for (int threads : THREADS) {
        cells.add(at(rates, who + threads).withSpread());
        cells.add(at(rates, who + threads).ratioTo(at(rates, first + threads)));
      }
      lines.add(row(cells.toArray(String[]::new)));
      each.getValue().close();
    }
    return lines;
  }

  /** With names that no other contender has: an object of ours stays when the lock is free. */
  private static Load load(Map.Entry<String, Contender> contender, int threads, String prefix) {
    String own = Integer.toHexString(contender.getKey().hashCode()) + "-" + prefix;
    return new Load(Collections.nCopies(threads, contender.getValue()), false, own);
  }

  // ------------------------------------------------------------ one lock for all

  private List<String> turns() throws Exception {
    int port = closing(ServerProcess.dynamoDb(ROOT)).port();
    String ours = madeTable(port, "ours", "");
    String theirs = madeTable(port, "theirs", "&dialect=aws");
    DynamoDbClient dynamo = dynamo(port);
    List<Contender> ourClients = new ArrayList<>();
    List<Contender> theirClients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      ourClients.add(new HoldfastContender(connect(port, ours, "")));
      theirClients.add(new AmazonContender(dynamo, theirs, LEASE));
    }
    Contender alone = ourClients.get(0);
    new Load(List.of(alone), false, "warm-up-").run(warmUpSeconds);
    new Load(ourClients, true, "warm-up-").run(warmUpSeconds);
    Load undisturbed = new Load(List.of(alone), false, "alone-").run(roundSeconds);
    double pairMillis = 1_000 / undisturbed.pairsPerSecond();
    List<String> lines = new ArrayList<>();
    lines.add(
        row(
            CLIENTS + " clients, a thread each, one lock",
            "grants a client, least to most",
            "hand-offs a second",
            "from release to the next grant, ms: 50 %, 99 %"));
    lines.add("|---|--:|--:|--:|");
    for (int round = 1; round <= Math.min(rounds, 3); round++) {
      lines.add(turnsOf("Amazon's lock clients, round " + round, theirClients));
      lines.add(turnsOf("Holdfast's clients, round " + round, ourClients));
    }
    lines.add("");
    lines.add(
        String.format(
            Locale.ROOT,
            "A pair of acquire and release that nobody else wanted took %.2f ms just before.",
            pairMillis));
    ourClients.forEach(Contender::close);
    theirClients.forEach(Contender::close);
    return lines;
  }

  private String turnsOf(String who, List<Contender> clients) throws InterruptedException {
    Load load = new Load(clients, true, "turns-").run(turnsSeconds);
    Samples handOffs = load.handOffs();
    double mean = (double) load.pairs() / CLIENTS;
    double apart = Math.max(load.mostGrants() - mean, mean - load.fewestGrants());
    return row(
        who,
        String.format(
            Locale.ROOT,
            "%d – %d (± %.0f %%)",
            load.fewestGrants(),
            load.mostGrants(),
            100 * apart / mean),
        String.format(Locale.ROOT, "%.0f", load.pairsPerSecond()),
        String.format(Locale.ROOT, "%.2f, %.2f", handOffs.percentile(50), handOffs.percentile(99)));
  }

  // ------------------------------------------------------------ many locks, slow answers

  private List<String> renewals() throws Exception {
    ServerProcess server = closing(ServerProcess.dynamoDb(ROOT));
    SlowWire wire = closing(new SlowWire(server.port()));
    String ours = madeTable(wire.port(), "ours", "");
    String theirs = madeTable(wire.port(), "theirs", "&dialect=aws");
    List<String> lines = new ArrayList<>();
    lines.add(
        row(
            LOCKS
                + " locks held for "
                + watchSeconds
                + " s, lease "
                + LEASE.toSeconds()
                + " s, each answer "
                + ANSWERS_TAKE_MILLIS
                + " ms late",
            "renewed too late",
            "least that was left of a lease",
            "requests a second"));
    lines.add("|---|--:|--:|--:|");

    LockClient client = connect(wire.port(), ours, "");
    List<CompletableFuture<Hold>> asked = new ArrayList<>();
    for (int i = 0; i < LOCKS; i++) {
      asked.add(client.lock("many/" + i).acquireAsync());
    }
    List<Hold> holds = asked.stream().map(CompletableFuture::join).toList();
    lines.add(
        watched(
            "Holdfast, one client", wire, i -> holds.get(i).remaining().orElseThrow().toMillis()));
    wire.delay(0);
    client.close();

    AmazonContender amazon = new AmazonContender(dynamo(wire.port()), theirs, LEASE);
    ExecutorService threads = Executors.newFixedThreadPool(16);
    List<Future<LockItem>> acquiring = new ArrayList<>();
    for (int i = 0; i < LOCKS; i++) {
      String name = "many/" + i;
      acquiring.add(threads.submit(() -> amazon.acquireItem(name)));
    }
    List<LockItem> items = new ArrayList<>();
    for (Future<LockItem> each : acquiring) {
      items.add(each.get());
    }
    threads.shutdown();
    lines.add(
        watched(
            "Amazon's lock client",
            wire,
            i ->
                items.get(i).getLookupTime()
                    + LEASE.toMillis()
                    - TimeUnit.NANOSECONDS.toMillis(System.nanoTime())));
    wire.delay(0);
    return lines;
  }

  /** What is left of each lease, as its client counts it. */
  private interface Left {
    long millis(int lock);
  }

  private String watched(String who, SlowWire wire, Left left) throws InterruptedException {
    boolean[] late = new boolean[LOCKS];
    long least = Long.MAX_VALUE;
    wire.delay(ANSWERS_TAKE_MILLIS);
    long from = System.nanoTime();
    long before = CountedRequests.sent();
    while (System.nanoTime() - from < TimeUnit.SECONDS.toNanos(watchSeconds)) {
      for (int i = 0; i < LOCKS; i++) {
        long millis = left.millis(i);
        late[i] |= millis <= 0;
        least = Math.min(least, millis);
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    double seconds = (System.nanoTime() - from) / 1e9;
    long count = IntStream.range(0, LOCKS).filter(i -> late[i]).count();
    return row(
        who,
        Long.toString(count),
        String.format(Locale.ROOT, "%.1f s", Math.max(0, least) / 1e3),
        String.format(Locale.ROOT, "%.0f", (CountedRequests.sent() - before) / seconds));
  }

  // ------------------------------------------------------------ stores and pages

  private static String url(int port, String table, String more) {
    URI endpoint = ServerProcess.endpoint(port);
    return "dynamodb://" + table + "?region=us-east-1&endpoint=" + endpoint + more;
  }

  private static String madeTable(int port, String table, String more) {
    String url = url(port, table, more);
    LockProvider.of(url).setup(url).orElseThrow().run();
    return table;
  }

  private static LockClient connect(int port, String table, String more) {
    return LockClient.connect(
        url(port, table, more),
        ClientOptions.defaults().holds(HoldOptions.defaults().leaseDuration(LEASE)));
  }

  /** As a user of Amazon's client would make it, with connections enough. */
  private DynamoDbClient dynamo(int port) {
    return closing(
        DynamoDbClient.builder()
            .endpointOverride(ServerProcess.endpoint(port))
            .region(Region.US_EAST_1)
            .httpClientBuilder(Apache5HttpClient.builder().maxConnections(64))
            .build());
  }

  private <T extends AutoCloseable> T closing(T resource) {
    open.add(0, resource);
    return resource;
  }

  @Override
  public void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  private static Samples at(Map<String, Samples> samples, String key) {
    return samples.computeIfAbsent(key, it -> new Samples());
  }

  private static String row(String... cells) {
    return "| " + String.join(" | ", cells) + " |";
  }

  private static String machine(boolean quick) {
    return String.format(
        Locale.ROOT,
        "_%s%d cores, shared by client and server; %s %s, %s %s._",
        quick ? "A quick run, to be ignored. " : "",
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name"),
        System.getProperty("os.arch"),
        System.getProperty("java.vm.name"),
        System.getProperty("java.vm.version"));
  }

  private void insert(String part, List<String> lines) throws IOException {
    String text = Files.readString(page);
    String begin = "<!-- figures: " + part + " -->\n";
    int from = text.indexOf(begin) + begin.length();
    int to = text.indexOf("<!-- end -->", from);
    if (from < begin.length() || to < 0) {
      throw new IllegalStateException(page + " has no place for " + part);
    }
    Files.writeString(
        page, text.substring(0, from) + String.join("\n", lines) + "\n" + text.substring(to));
  }
}
