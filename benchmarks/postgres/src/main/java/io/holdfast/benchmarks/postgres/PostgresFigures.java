package io.holdfast.benchmarks.postgres;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.benchmarks.postgres.Contender.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Measures locks of PostgreSQL and writes the tables of a page, between its lines {@code <!-- figures: postgres -->} and
 * {@code <!-- end -->}. {@code PostgresFigures PAGE FOLDER [ROUNDS [SECONDS]]}.
 *
 * <p>All kinds take turns within each round, so that a slow hour of the machine slows all of them. A figure is the middle one of
 * all rounds, {@code ±} how far the outermost is from it; a ratio is the middle one of the rounds' own ratios.
 */
final class PostgresFigures {
  private static final String BEGIN = "<!-- figures: postgres -->";
  private static final String END = "<!-- end -->";

  /** A client takes them in turn; not one alone, as nobody does. */
  private static final int NAMES = 16;

  private static final double WARM_UP = 1;

  private final Database database;
  private final int rounds;
  private final double seconds;
  private final List<String> lines = new ArrayList<>();

  private PostgresFigures(Database database, int rounds, double seconds) {
    this.database = database;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  public static void main(String[] args) throws Exception {
    int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 5;
    double seconds = args.length > 3 ? Double.parseDouble(args[3]) : 2;
    try (Database database = Database.start(Path.of(args[1]))) {
      PostgresFigures figures = new PostgresFigures(database, rounds, seconds);
      figures.measure();
      insert(Path.of(args[0]), figures.lines);
      figures.lines.forEach(System.out::println);
    }
    System.exit(0); // some of them leave threads behind
  }

  private void measure() throws Exception {
    database.execute(SpringRegistry.TABLE);
    database.execute(ShedLockProvider.TABLE);
    String withToken = database.url();
    String withoutToken = withToken + "?tokens=none";
    Kind bare = new Kind("bare statements", () -> new BareStatements(database, ""));
    Kind ours = new Kind("Holdfast, `tokens=none`", () -> new HoldfastClient(withoutToken));
    Kind bareWithToken =
        new Kind(
            "bare statements and a flushed message",
            () -> new BareStatements(database, BareStatements.TOKEN));
    Kind oursWithToken = new Kind("Holdfast, with a token", () -> new HoldfastClient(withToken));
    Kind spring = new Kind("Spring Integration", () -> new SpringRegistry(database));
    Kind shedLock = new Kind("ShedLock", () -> new ShedLockProvider(database));
    lines.add(
        String.format(
            Locale.ROOT,
            "_%d cores; %s, Java %s; PostgreSQL %s, fsync on; %d rounds of %.1f s each._",
            Runtime.getRuntime().availableProcessors(),
            System.getProperty("os.name"),
            System.getProperty("java.vm.version"),
            database.ask("SHOW server_version"),
            rounds,
            seconds));
    table(
        "acquire and release, one thread, nobody else",
        List.of(bare, ours, bareWithToken, oursWithToken, spring, shedLock),
        this::uncontended);
    table(
        "hand-offs between two processes that both want it always",
        List.of(bare, ours, bareWithToken, oursWithToken),
        this::handedOver);
    thousandHolds(withoutToken);
    twoHundredWaiters(withoutToken);
  }

  // ------------------------------------------------------------------------------------------------- rates

  private void table(String what, List<Kind> kinds, Measure measure) throws Exception {
    double[][] rates = new double[kinds.size()][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < kinds.size(); i++) {
        rates[i][round] = measure.of(kinds.get(i));
        System.err.printf(Locale.ROOT, "%s: %.0f%n", kinds.get(i).called(), rates[i][round]);
      }
    }
    lines.add("");
    lines.add("| " + what + " | a second | µs each | ÷ bare statements |");
    lines.add("|---|--:|--:|--:|");
    for (int i = 0; i < kinds.size(); i++) {
      double[] ratios = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        ratios[round] = rates[i][round] / rates[0][round];
      }
      double rate = middle(rates[i]);
      lines.add(
          String.format(
              Locale.ROOT,
              "| %s | %.0f ± %.0f %% | %.0f | %.2f ± %.0f %% |",
              kinds.get(i).called(),
              rate,
              spread(rates[i]),
              1e6 / rate,
              middle(ratios),
              spread(ratios)));
    }
  }

  private double uncontended(Kind kind) throws Exception {
    try (Contender contender = kind.maker().make()) {
      pairs(contender, WARM_UP * seconds);
      return pairs(contender, seconds);
    }
  }

  private static double pairs(Contender contender, double seconds) throws Exception {
    long from = System.nanoTime();
    long end = from + (long) (seconds * 1e9);
    long pairs = 0;
    while (System.nanoTime() - end < 0) {
      contender.acquire("name/" + pairs % NAMES);
      contender.release();
      pairs++;
    }
    return pairs / ((System.nanoTime() - from) / 1e9);
  }

  private double handedOver(Kind kind) throws Exception {
    try (Contender one = kind.maker().make();
        Contender other = kind.maker().make()) {
      handOffs(one, other, WARM_UP * seconds);
      return handOffs(one, other, seconds);
    }
  }

  /** How often a second the lock goes from one to the other. */
  private static double handOffs(Contender one, Contender other, double seconds) throws Exception {
    AtomicReference<Contender> latest = new AtomicReference<>();
    CyclicBarrier start = new CyclicBarrier(2);
    long[] count = new long[1]; // guarded by the lock that is measured
    List<CompletableFuture<Void>> both = new ArrayList<>();
    for (Contender contender : List.of(one, other)) {
      CompletableFuture<Void> done = new CompletableFuture<>();
      both.add(done);
      new Thread(
              () -> {
                try {
                  start.await();
                  long end = System.nanoTime() + (long) (seconds * 1e9);
                  while (System.nanoTime() - end < 0) {
                    contender.acquire("contended");
                    if (latest.getAndSet(contender) != contender) {
                      count[0]++;
                    }
                    contender.release();
                  }
                  done.complete(null);
                } catch (Exception | AssertionError e) {
                  done.completeExceptionally(e);
                }
              })
          .start();
    }
    for (CompletableFuture<Void> done : both) {
      done.get((long) seconds + 60, TimeUnit.SECONDS);
    }
    return count[0] / seconds;
  }

  // ------------------------------------------------------------------------------------------------- connections

  private void thousandHolds(String url) throws Exception {
    try (LockClient locks = LockClient.connect(url)) {
      List<Hold> holds = new ArrayList<>();
      long from = System.nanoTime();
      for (int i = 0; i < 1000; i++) {
        holds.add(locks.lock("held/" + i).acquire());
      }
      long millis = (System.nanoTime() - from) / 1_000_000;
      lines.add("");
      lines.add("1000 locks held by one client: " + connections() + ", had in " + millis + " ms.");
      holds.forEach(Hold::close);
    }
  }

  private void twoHundredWaiters(String url) throws Exception {
    try (LockClient holding = LockClient.connect(url)) {
      List<Hold> holds = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        holds.add(holding.lock("waited/" + i).acquire());
      }
      int before = Integer.parseInt(database.ask(CONNECTIONS));
      try (LockClient waiting = LockClient.connect(url)) {
        List<CompletableFuture<Hold>> waits = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
          waits.add(waiting.lock("waited/" + i).acquireAsync());
        }
        TimeUnit.SECONDS.sleep(2);
        int more = Integer.parseInt(database.ask(CONNECTIONS)) - before;
        double[] millis = new double[200];
        for (int i = 0; i < 200; i++) {
          CompletableFuture<Long> granted = waits.get(i).thenApply(hold -> System.nanoTime());
          TimeUnit.MILLISECONDS.sleep(5);
          long from = System.nanoTime();
          holds.get(i).close();
          millis[i] = (granted.get(10, TimeUnit.SECONDS) - from) / 1e6;
          waits.get(i).get().close();
        }
        Arrays.sort(millis);
        lines.add("");
        lines.add(
            String.format(
                Locale.ROOT,
                "200 waiters of one client, each for another name: %d connections; from a release to the grant %.1f ms in the middle, %.1f ms at most.",
                more,
                middle(millis),
                millis[199]));
      }
    }
  }

  private static final String CONNECTIONS =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'holdfast %'";

  private String connections() throws Exception {
    int count = Integer.parseInt(database.ask(CONNECTIONS));
    return count + (count == 1 ? " connection" : " connections");
  }

  // ------------------------------------------------------------------------------------------------- figures

  private static double middle(double[] figures) {
    double[] sorted = Arrays.stream(figures).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private static double spread(double[] figures) {
    double middle = middle(figures);
    return 100
        * Arrays.stream(figures).map(figure -> Math.abs(figure - middle)).max().orElse(0)
        / middle;
  }

  private static void insert(Path page, List<String> lines) throws Exception {
    String text = Files.readString(page);
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    int end = text.indexOf(END, begin);
    Files.writeString(
        page,
        text.substring(0, begin)
            + "\n"
            + String.join("\n", Objects.requireNonNull(lines))
            + "\n"
            + text.substring(end));
  }

  private interface Measure {
    double of(Kind kind) throws Exception;
  }
}
