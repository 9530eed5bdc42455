package io.holdfast.faults;

import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockException;
import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import io.holdfast.testkit.history.HistoryRecorder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.SplittableRandom;

/** One run: clients at work, harm after harm, a calm, and the verdict. */
final class Campaign {
  private static final Duration WARM_UP = Duration.ofSeconds(3);
  private static final Duration LEAST_BETWEEN = Duration.ofSeconds(2);
  private static final Duration MOST_BETWEEN = Duration.ofSeconds(5);

  /** After so many strikes there is a calm, in which nobody has an excuse for being slow. */
  private static final int STRIKES_TO_A_CALM = 5;

  /** Beyond the settling, see {@link Judge#settling}. */
  private static final Duration CALM = Duration.ofSeconds(10);

  private static final Duration TO_FINISH = Duration.ofSeconds(90);
  private static final Duration LAST_GRANT = Duration.ofSeconds(10);
  private static final int LEAST_GRANTS_A_SECOND = 20;

  /** So many violations are told in full; all are written to a file. */
  private static final int MOST_TOLD = 10;

  private final Site site;
  private final PrintStream out;
  private final Field field;
  private final SplittableRandom dice;
  private final Verdict verdict = new Verdict();
  private final List<Strike> strikes = new ArrayList<>();
  private final long startedAt = System.nanoTime();

  /** A run at a site where nothing runs yet. */
  Campaign(Site site, PrintStream out) {
    this.site = site;
    this.out = out;
    this.dice = new SplittableRandom(site.settings().seed());
    this.field =
        new Field(
            site.cluster(),
            site.fleet(),
            dice.split(),
            site.settings().lease(),
            what -> {
              verdict.broken("D1: " + what);
              say("BROKEN  " + what);
            });
  }

  /**
   * Runs.
   *
   * @param wanted what harm to do, in any order
   * @param named whether each was asked for by its name, so that none may be left out
   * @param length go on until so much time has passed, round after round; zero for one round
   * @return the exit code
   */
  int run(List<Nemesis> wanted, boolean named, Duration length)
      throws IOException, InterruptedException {
    Plan plan = Plan.of(wanted, named, nemesis -> nemesis.impossible(field));
    if (!plan.gaps().isEmpty()) {
      plan.gaps().forEach(verdict::lacks);
      return tell();
    }
    plan.leftOut().forEach(what -> say("left out: " + what));
    long begun = System.nanoTime();
    try {
      site.start();
      say(
          "servers and "
              + site.fleet().size()
              + " clients are at work: "
              + site.cluster().describe());
      try (LockClient operator = operator()) {
        try (LineWatcher watcher =
            new LineWatcher(operator, site.recorder(), site.settings().seed())) {
          Wait.pass(WARM_UP);
          storm(plan.harm(), length);
          calm();
        }
        say("the clients finish");
        site.fleet().finish(TO_FINISH).forEach(what -> verdict.broken("P14: " + what));
        checkNothingIsLeft(operator);
      }
      compareReplicas();
    } catch (NotRecoveredException e) {
      verdict.broken("P14: " + e.getMessage() + "; " + site.cluster().describe());
      say("BROKEN  " + e.getMessage());
      site.fleet().finish(TO_FINISH);
    }
    conclude(Duration.ofNanos(System.nanoTime() - begun));
    if (named) {
      plan.harm().stream()
          .map(Nemesis::name)
          .filter(name -> strikes.stream().noneMatch(strike -> strike.name().equals(name)))
          .forEach(name -> verdict.lacks(name + " was asked for, and was never struck"));
    }
    plan.leftOut().forEach(what -> out.println("LEFT OUT   " + what));
    return tell();
  }

  private void storm(List<Nemesis> harm, Duration length) throws InterruptedException {
    long until = System.nanoTime() + length.toNanos();
    int sinceCalm = 0;
    do {
      List<Nemesis> round = new ArrayList<>(harm);
      Collections.shuffle(round, new Random(dice.nextLong()));
      for (Nemesis nemesis : round) {
        strike(nemesis);
        if (++sinceCalm == STRIKES_TO_A_CALM && System.nanoTime() - until < 0) {
          sinceCalm = 0;
          calm();
        }
        field.goOn(LEAST_BETWEEN, MOST_BETWEEN);
        if (!length.isZero() && System.nanoTime() - until > 0) {
          return;
        }
      }
    } while (System.nanoTime() - until < 0);
  }

  private void strike(Nemesis nemesis) throws InterruptedException {
    Evidence evidence = new Evidence();
    HistoryRecorder recorder = site.recorder();
    long began = System.nanoTime();
    recorder.record(new HistoryEvent.FaultBegan(began, nemesis.name()));
    try {
      nemesis.strike(field, evidence);
    } finally {
      long ended = System.nanoTime();
      recorder.record(new HistoryEvent.FaultEnded(ended, nemesis.name()));
      strikes.add(new Strike(nemesis.name(), nemesis.scope(), began, ended, evidence));
      say(
          String.format(
              Locale.ROOT, "%-22s %5.1f s  %s", nemesis.name(), (ended - began) / 1e9, evidence));
    }
  }

  private void calm() throws InterruptedException {
    say("calm");
    Wait.pass(Judge.settling(site.settings().lease()).plus(CALM));
  }

  /** When all have gone home nobody holds or waits; and everything can still be had, with tokens above all earlier ones. */
  private void checkNothingIsLeft(LockClient operator) throws InterruptedException {
    // What dead clients held is freed when their leases end.
    boolean empty =
        Wait.until(
            Judge.settling(site.settings().lease()),
            () ->
                Wish.NAMES.stream().allMatch(name -> isFree(operator.describe(name)))
                    && isFree(operator.tree(Wish.TREE).describe("/")));
    if (!empty) {
      verdict.broken(
          "P11: all have gone, and something is still held or waited for: "
              + operator.list("").locks()
              + operator.tree(Wish.TREE).list().locks());
    }
    for (String name : Wish.NAMES) {
      takeOnce(operator.lock(name));
    }
    takeOnce(operator.tree(Wish.TREE).write("/"));
  }

  private void takeOnce(DistributedLock lock) throws InterruptedException {
    HistoryRecorder recorder = site.recorder();
    long request = recorder.asked("operator", lock.targets(), LAST_GRANT);
    try (Hold hold = lock.acquire(LAST_GRANT)) {
      recorder.acquired(request, hold.token());
      recorder.releasing(request);
    } catch (LockException e) {
      verdict.broken("P14: " + lock + " cannot be had when nobody else wants it: " + e);
      recorder.unknown(request);
      return;
    }
    recorder.released(request);
  }

  private static boolean isFree(LockDescription description) {
    return description.holders().isEmpty() && description.waiters().isEmpty();
  }

  /** At an equal index all replicas have an equal state (P13). */
  private void compareReplicas() throws InterruptedException {
    List<String> states = new ArrayList<>();
    boolean level =
        Wait.until(
            Cluster.RECOVERY,
            () -> {
              states.clear();
              List<Long> indexes = new ArrayList<>();
              for (LockServer server : site.cluster().servers()) {
                server
                    .status()
                    .ifPresent(
                        status -> {
                          indexes.add(status.getAppliedIndex());
                          states.add(String.format("%016x", status.getStateHash()));
                        });
              }
              return indexes.size() == Site.SERVERS && indexes.stream().distinct().count() == 1;
            });
    say("replicas: " + site.cluster().describe());
    if (!level) {
      verdict.broken("P13: the replicas do not come level: " + site.cluster().describe());
    } else if (states.stream().distinct().count() != 1) {
      verdict.broken("P13: the replicas differ: " + site.cluster().describe());
    }
  }

  private void conclude(Duration took) throws IOException {
    site.resource().damage().forEach(what -> verdict.broken("P4: " + what));
    History history = HistoryFile.readAll(site.settings().folder());
    Judge judge =
        new Judge(history, strikes, site.settings().lease(), site.fleet().allowedToLose());
    judge.judge(verdict, (int) took.toSeconds() * LEAST_GRANTS_A_SECOND);
    if (strikes.isEmpty()) {
      verdict.lacks("no harm was done");
    }
    out.println();
    for (Strike strike : strikes) {
      Judge.Silence silence = judge.silence(strike);
      out.printf(
          Locale.ROOT,
          "%-22s lasted %5.1f s, last grant %4.0f ms before, longest silence %6.0f ms, over after %6.0f ms%n",
          strike.name(),
          (strike.endedAtNanos() - strike.beganAtNanos()) / 1e9,
          judge.lastGrantBefore(strike) / 1e6,
          silence.lastedNanos() / 1e6,
          silence.overAfterNanos() / 1e6);
    }
    out.printf(
        Locale.ROOT,
        "%nseed %d, %d s, %d strikes: %d asked, %d granted, %d lost, %d revoked, %d unknown, %d uses, %d writes, %d refused by the resource%n",
        site.settings().seed(),
        took.toSeconds(),
        strikes.size(),
        judge.count(HistoryEvent.Asked.class),
        judge.count(HistoryEvent.Acquired.class),
        judge.count(HistoryEvent.Lost.class),
        judge.count(HistoryEvent.Revoked.class),
        judge.count(HistoryEvent.Unknown.class),
        judge.count(HistoryEvent.Used.class),
        judge.count(HistoryEvent.Wrote.class),
        site.resource().refused());
    Path all = site.settings().folder().resolve("violations");
    if (!verdict.violations().isEmpty()) {
      Files.write(all, verdict.violations());
    }
    verdict.violations().stream()
        .limit(MOST_TOLD)
        .forEach(what -> out.println("VIOLATION  " + what));
    if (verdict.violations().size() > MOST_TOLD) {
      out.println("and " + (verdict.violations().size() - MOST_TOLD) + " more, see " + all);
    }
  }

  /** The verdict in a line or several; returns the exit code. */
  private int tell() {
    verdict.gaps().forEach(what -> out.println("INVALID    " + what));
    out.println(
        switch (verdict.exitCode()) {
          case Verdict.GOOD -> "nothing broke";
          case Verdict.VIOLATION -> verdict.violations().size() + " promises were broken";
          default -> "the run proves nothing";
        });
    return verdict.exitCode();
  }

  private LockClient operator() {
    return LockClient.connect(
        site.cluster().url("faults"),
        ClientOptions.defaults()
            .name("operator")
            .holds(HoldOptions.defaults().leaseDuration(site.settings().lease())));
  }

  private void say(String what) {
    out.printf(Locale.ROOT, "%7.1f s  %s%n", (System.nanoTime() - startedAt) / 1e9, what);
  }
}
