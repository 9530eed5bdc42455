package io.holdfast.cli.demo;

import io.holdfast.cli.demo.Attempt.Outcome;
import io.holdfast.testkit.history.HistoryEvent;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What came of the harm that was done, as far as it was done.
 *
 * @param death of the worker process that was killed
 * @param outage of the server that was killed and started again
 */
record Aftermath(Optional<Death> death, Optional<Outage> outage) {
  /**
   * A process was killed.
   *
   * @param held what it held then
   * @param next who was the first to have what the doomed worker had held
   */
  record Death(String process, long atNanos, List<Attempt> held, Optional<Attempt> next) {}

  /**
   * The server was away.
   *
   * @param lost what was lost meanwhile and shortly after, other than by the operator or by {@code maxHold}
   */
  record Outage(long fromNanos, long toNanos, long lost) {}

  static Aftermath of(List<Attempt> attempts, Log log) {
    Optional<Death> death = Optional.empty();
    Optional<Long> killed = Optional.empty();
    Optional<Outage> outage = Optional.empty();
    for (HistoryEvent event : log.history().events()) {
      if (event instanceof HistoryEvent.ClientDied died) {
        death = Optional.of(death(died, attempts));
      } else if (event instanceof HistoryEvent.FaultBegan) {
        killed = Optional.of(event.atNanos());
      } else if (event instanceof HistoryEvent.FaultEnded && killed.isPresent()) {
        outage = Optional.of(outage(killed.get(), event.atNanos(), attempts));
      }
    }
    return new Aftermath(death, outage);
  }

  private static Death death(HistoryEvent.ClientDied died, List<Attempt> attempts) {
    List<Attempt> held =
        attempts.stream()
            .filter(a -> a.outcome() == Outcome.KILLED && a.held().isPresent())
            .toList();
    Optional<Attempt> next =
        held.stream()
            .filter(a -> a.job().equals(Overstays.DOOMED_JOB))
            .findFirst()
            .flatMap(
                doomed ->
                    attempts.stream()
                        .filter(a -> a.held().isPresent() && a.targets().equals(doomed.targets()))
                        .filter(a -> a.waitedUntilNanos() - died.atNanos() > 0)
                        .min(Comparator.comparingLong(Attempt::waitedUntilNanos)));
    return new Death(died.client(), died.atNanos(), held, next);
  }

  private static Outage outage(long from, long to, List<Attempt> attempts) {
    long lost = attempts.stream().filter(a -> a.outcome() == Outcome.LOST).count();
    return new Outage(from, to, lost);
  }

  /** What a person reads at the end. */
  List<String> lines(Log log) {
    String killed =
        death
            .map(
                d ->
                    d.process()
                        + " at "
                        + seconds(d.atNanos(), log)
                        + ", holding "
                        + d.held().size()
                        + d.next()
                            .map(
                                a ->
                                    "; the next had it "
                                        + Summary.millis(a.waitedUntilNanos() - d.atNanos())
                                        + " later")
                            .orElse(""))
            .orElse("no process");
    String restarted =
        outage
            .map(
                o ->
                    "the server at "
                        + seconds(o.fromNanos(), log)
                        + ", away for "
                        + Summary.millis(o.toNanos() - o.fromNanos())
                        + "; "
                        + o.lost()
                        + " holds lost by it")
            .orElse("no server");
    return List.of("killed      " + killed, "restarted   " + restarted);
  }

  private static String seconds(long atNanos, Log log) {
    return String.format(Locale.ROOT, "%.1f s", (atNanos - log.originNanos()) / 1e9);
  }
}
