package io.holdfast.faults;

import io.holdfast.testkit.history.History;
import io.holdfast.testkit.history.HistoryEvent;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How long the service and its users need to get over a death. */
final class Measurement {
  private static final Duration BETWEEN = Duration.ofSeconds(2);

  private final Site site;
  private final PrintStream out;

  /** At a site where nothing runs yet. */
  Measurement(Site site, PrintStream out) {
    this.site = site;
    this.out = out;
  }

  /**
   * Kills the leader, and looks how long nobody is granted anything; again and again. The clients take locks that nobody else
   * wants, a hundred times a second each.
   *
   * @return the exit code: a session that was lost is a violation
   */
  int failOver(int rounds) throws IOException, InterruptedException {
    site.start();
    List<Strike> strikes = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      site.cluster().awaitHealth();
      Wait.pass(BETWEEN);
      LockServer leader = site.cluster().awaitLeader();
      Evidence evidence = new Evidence();
      long began = System.nanoTime();
      leader.process().kill();
      evidence.saw("leader changed", site.cluster().awaitLeader() != leader);
      Wait.pass(BETWEEN);
      long ended = System.nanoTime();
      strikes.add(new Strike("leader-kill", Nemesis.Scope.ONE_SERVER, began, ended, evidence));
      site.cluster().start(leader);
    }
    site.cluster().awaitHealth();
    site.fleet().finish(Duration.ofSeconds(60));
    History history = HistoryFile.readAll(site.settings().folder());
    Judge judge =
        new Judge(history, strikes, site.settings().lease(), site.fleet().allowedToLose());
    report(
        "leader kill to next grant",
        strikes.stream()
            .map(strike -> Duration.ofNanos(judge.silence(strike).overAfterNanos()))
            .toList());
    long lost = judge.count(HistoryEvent.Lost.class);
    out.println("holds lost: " + lost + ", grants: " + judge.count(HistoryEvent.Acquired.class));
    boolean evident = strikes.stream().allMatch(strike -> strike.evidence().missing().isEmpty());
    return lost > 0 ? Verdict.VIOLATION : evident ? Verdict.GOOD : Verdict.INVALID;
  }

  /**
   * Kills a client that holds what all others wait for, or asks it to end, by turns; and looks when the next one has it.
   *
   * @return the exit code: a killed holder is replaced within its lease and half a second, one that ends orderly within half a
   *     second
   */
  int holderDeath(int rounds) throws IOException, InterruptedException {
    site.startAtOnce();
    List<Duration> killed = new ArrayList<>();
    List<Duration> ended = new ArrayList<>();
    Fleet fleet = site.fleet();
    for (int round = 1; round <= rounds; round++) {
      for (boolean orderly : new boolean[] {false, true}) {
        FleetMember holder = awaitHolder();
        Wait.pass(BETWEEN); // the others stand in line
        long at = System.nanoTime();
        if (orderly) {
          holder.process().endInput();
        } else {
          fleet.kill(holder);
        }
        FleetMember next = awaitOther(holder);
        long had = fleet.view().lastGrantOf(next.name());
        (orderly ? ended : killed).add(Duration.ofNanos(had - at));
        holder.process().awaitEnd(Duration.ofSeconds(30));
        fleet.replace(holder);
      }
    }
    report(
        "holder kill -9 to next grant, lease " + site.settings().lease().toSeconds() + " s",
        killed);
    report("holder's orderly end to next grant", ended);
    Duration bound = site.settings().lease().plusMillis(500);
    boolean inTime =
        killed.stream().allMatch(time -> time.compareTo(bound) <= 0)
            && ended.stream().allMatch(time -> time.compareTo(Duration.ofMillis(500)) <= 0);
    return inTime ? Verdict.GOOD : Verdict.VIOLATION;
  }

  private FleetMember awaitHolder() throws InterruptedException {
    return awaitOther(null);
  }

  private FleetMember awaitOther(@Nullable FleetMember not) throws InterruptedException {
    Fleet fleet = site.fleet();
    List<FleetMember> found = new ArrayList<>();
    Wait.mustBe(
        "nobody holds",
        site.settings().lease().multipliedBy(3),
        () -> {
          for (int i = 0; i < fleet.size(); i++) {
            FleetMember member = fleet.member(i);
            if (member != not && fleet.view().holdsOf(member.name()) > 0) {
              found.add(member);
              return true;
            }
          }
          return false;
        });
    return found.get(0);
  }

  private void report(String what, List<Duration> times) {
    List<Duration> sorted = times.stream().sorted().toList();
    out.printf(
        Locale.ROOT,
        "%s: %d times, least %d ms, median %d ms, 90 %% %d ms, most %d ms%n",
        what,
        sorted.size(),
        sorted.get(0).toMillis(),
        sorted.get(sorted.size() / 2).toMillis(),
        sorted.get(sorted.size() * 9 / 10).toMillis(),
        sorted.get(sorted.size() - 1).toMillis());
  }
}
