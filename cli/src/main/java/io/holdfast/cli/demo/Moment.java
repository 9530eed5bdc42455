package io.holdfast.cli.demo;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.cli.demo.Attempt.Outcome;
import io.holdfast.testkit.history.HistoryEvent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A stretch of the run that is worth a look, and what there is to be seen in it.
 *
 * @param request what it is about, to be pointed out
 */
record Moment(String title, String text, Lanes lanes, long fromNanos, long toNanos, long request) {
  /** Which locks belong into the picture. */
  enum Lanes {
    ALL,
    NAMES,
    TREE
  }

  private static final long MILLIS = 1_000_000;

  /** So many holds of a kind are looked at to find a telling one. */
  private static final int CANDIDATES = 300;

  /** The moments of a run, the most telling one first. */
  static List<Moment> of(
      List<Attempt> attempts, Log log, List<Finding> findings, Aftermath aftermath) {
    List<Moment> moments = new ArrayList<>();
    findings.stream().limit(1).forEach(finding -> moments.add(broken(finding, attempts)));
    aftermath.death().ifPresent(death -> moments.add(killed(death)));
    aftermath.outage().ifPresent(outage -> moments.add(restarted(outage, attempts)));
    find(attempts, a -> a.outcome() == Outcome.REVOKED)
        .ifPresent(a -> moments.add(revoked(a, attempts, log)));
    find(attempts, a -> a.outcome() == Outcome.EXPIRED)
        .ifPresent(a -> moments.add(expired(a, log)));
    mostInTheWay(attempts, "rename").ifPresent(a -> moments.add(renamed(a, attempts)));
    mostInTheWay(attempts, "take stock").ifPresent(a -> moments.add(tookStock(a, attempts)));
    mostInTheWay(attempts, "publish").ifPresent(a -> moments.add(published(a, attempts)));
    mostInTheWay(attempts, "transfer").ifPresent(a -> moments.add(transferred(a, attempts)));
    return moments;
  }

  private static Moment broken(Finding finding, List<Attempt> attempts) {
    long request = finding.requests().isEmpty() ? 0 : finding.requests().get(0);
    return new Moment(
        "Where it broke first",
        finding.toString(),
        find(attempts, a -> a.request() == request).map(Moment::lanes).orElse(Lanes.ALL),
        finding.atNanos() - 25 * MILLIS,
        finding.atNanos() + 25 * MILLIS,
        request);
  }

  private static Moment killed(Aftermath.Death death) {
    Optional<Attempt> doomed =
        death.held().stream().filter(a -> a.job().equals(Overstays.DOOMED_JOB)).findFirst();
    StringBuilder text = new StringBuilder();
    text.append("Process ")
        .append(death.process())
        .append(" is killed with SIGKILL while it holds ")
        .append(String.join(", ", death.held().stream().map(Moment::names).toList()))
        .append(". Nobody is left to give anything back, and the server cannot know that; it ")
        .append("waits until the lease of ")
        .append(DemoSettings.LEASE.toSeconds())
        .append(" s is over, and then gives all of it to those who wait");
    death
        .next()
        .ifPresent(
            next ->
                text.append(": ")
                    .append(next.worker())
                    .append(" has ")
                    .append(names(next))
                    .append(' ')
                    .append(Summary.millis(next.waitedUntilNanos() - death.atNanos()))
                    .append(" after the death, with a later token"));
    text.append('.');
    long until = death.next().map(Attempt::waitedUntilNanos).orElse(death.atNanos());
    long span = Math.max(until - death.atNanos(), 100 * MILLIS);
    return new Moment(
        "A process is killed",
        text.toString(),
        Lanes.ALL,
        death.atNanos() - span / 8,
        until + span / 8,
        doomed.map(Attempt::request).orElse(0L));
  }

  private static Moment restarted(Aftermath.Outage outage, List<Attempt> attempts) {
    long away = outage.toNanos() - outage.fromNanos();
    List<Attempt> through =
        attempts.stream()
            .filter(a -> a.askedNanos() < outage.fromNanos())
            .filter(a -> a.held().isPresent() && a.waitedUntilNanos() > outage.toNanos())
            .toList();
    return new Moment(
        "The server is killed, and comes back",
        "The lock server is killed with SIGKILL and started again on the same folder; after "
            + Summary.millis(away)
            + " it answers. It knows all that it had granted, and who stood in line: "
            + count(through.size(), "request was", "requests were")
            + " asked before and granted after. "
            + (outage.lost() == 0
                ? "No hold was lost by it, for the lease is longer."
                : count(outage.lost(), "hold was", "holds were")
                    + " lost by it, for the lease was over before the server was back; each holder was told."),
        Lanes.ALL,
        outage.fromNanos() - away / 4,
        outage.toNanos() + away / 4,
        0);
  }

  private static Moment revoked(Attempt stuck, List<Attempt> attempts, Log log) {
    Attempt.Held held = stuck.held().orElseThrow();
    List<HistoryEvent> events = log.history().events();
    long revokingNanos =
        events.stream()
            .filter(
                e ->
                    e instanceof HistoryEvent.Revoking revoking && revoking.token() == held.token())
            .mapToLong(HistoryEvent::atNanos)
            .findFirst()
            .orElse(held.untilNanos());
    List<Attempt> inLine = waitingDuring(attempts, stuck);
    Optional<Attempt> next =
        attempts.stream()
            .filter(
                a ->
                    a.held().isPresent()
                        && a.held().get().token() > held.token()
                        && meets(a, stuck))
            .min(Comparator.comparingLong(Attempt::waitedUntilNanos));
    StringBuilder text = new StringBuilder();
    text.append(stuck.worker())
        .append(" gets stuck while it holds ")
        .append(names(stuck))
        .append(" (token ")
        .append(Summary.count(held.token()))
        .append("). ")
        .append(count(inLine.size(), "other comes", "others come"))
        .append(" to wait for it");
    long left = inLine.stream().filter(a -> a.held().isEmpty()).count();
    if (left > 0) {
      text.append("; ").append(count(left, "loses", "lose")).append(" patience and leave the line");
    }
    text.append(". ");
    text.append("After ")
        .append(Summary.millis(revokingNanos - stuck.waitedUntilNanos()))
        .append(
            " the operator, who looks with describe(), takes the lock away with forceRelease(). ")
        .append(stuck.worker())
        .append(" is told ")
        .append(Summary.millis(held.untilNanos() - revokingNanos))
        .append(" later");
    next.ifPresent(
        a ->
            text.append(", and ")
                .append(a.worker())
                .append(" has the lock ")
                .append(Summary.millis(a.waitedUntilNanos() - revokingNanos))
                .append(" after the operator's word"));
    text.append(". Then ")
        .append(stuck.worker())
        .append(" writes all the same, as one that was paused and never heard of it: ");
    text.append("refused, for the notice has seen a later token by then.");
    inLine.stream()
        .map(a -> log.explanation(a.request()))
        .filter(message -> !message.isEmpty())
        .findFirst()
        .ifPresent(
            message ->
                text.append(" One of those who lost patience was told: \u201c")
                    .append(message)
                    .append("\u201d."));
    long span = held.untilNanos() - stuck.waitedUntilNanos();
    return new Moment(
        "Stuck, and thrown out",
        text.toString(),
        Lanes.ALL,
        stuck.waitedUntilNanos() - span / 8,
        held.untilNanos() + span / 4,
        stuck.request());
  }

  private static Moment expired(Attempt slow, Log log) {
    Attempt.Held held = slow.held().orElseThrow();
    long span = held.untilNanos() - slow.waitedUntilNanos();
    boolean refused =
        log.history().events().stream()
            .anyMatch(
                e ->
                    e instanceof HistoryEvent.Wrote w
                        && w.request() == slow.request()
                        && !w.accepted());
    return new Moment(
        "maxHold is over",
        slow.worker()
            + " takes "
            + names(slow)
            + " with a maxHold and does not come to an end. When the time is over, "
            + Summary.millis(span)
            + " after the grant, the hold ends by itself: the worker is told, and who waits goes on."
            + (refused
                ? " Its late write is refused, its token being " + Summary.count(held.token()) + "."
                : ""),
        Lanes.ALL,
        slow.waitedUntilNanos() - span / 8,
        held.untilNanos() + span / 4,
        slow.request());
  }

  private static Moment renamed(Attempt rename, List<Attempt> attempts) {
    return around(
        rename,
        "A folder is renamed",
        rename.worker()
            + " swaps two folders and locks "
            + names(rename)
            + ", and with it all that is below. "
            + count(waitingDuring(attempts, rename).size(), "other waits", "others wait")
            + " for something in there; the other cabinets go on. Nobody counts what lies below: "
            + "a lock costs as much as its path is deep.");
  }

  private static Moment tookStock(Attempt stock, List<Attempt> attempts) {
    long beside =
        attempts.stream()
            .filter(
                a ->
                    a.request() != stock.request()
                        && a.held().isPresent()
                        && isTree(a)
                        && overlap(a, stock))
            .count();
    return around(
        stock,
        "Taking stock of the tree",
        stock.worker()
            + " reads everything, under one shared lock on the root. "
            + count(beside, "reader of a single folder is", "readers of single folders are")
            + " in there at the same time; "
            + count(waitingDuring(attempts, stock).size(), "other waits", "others wait")
            + " to write.");
  }

  private static Moment published(Attempt publish, List<Attempt> attempts) {
    return around(
        publish,
        "One writer, many readers",
        publish.worker()
            + " writes the settings alone; "
            + count(waitingDuring(attempts, publish).size(), "other waits", "others wait")
            + " meanwhile. Readers are in there together, the thin bars beside each other; a reader that comes "
            + "after a waiting writer does not overtake it.");
  }

  private static Moment transferred(Attempt transfer, List<Attempt> attempts) {
    return around(
        transfer,
        "Two locks, one request",
        transfer.worker()
            + " moves money: "
            + names(transfer)
            + " are granted together, with one token. "
            + count(waitingDuring(attempts, transfer).size(), "other waits", "others wait")
            + " for one or both. Transfers in opposite directions do not block each other for ever, "
            + "and nobody had to think of an order.");
  }

  private static Moment around(Attempt attempt, String title, String text) {
    long from = attempt.waitedUntilNanos();
    long to = attempt.held().orElseThrow().untilNanos();
    long margin = Math.max(25 * MILLIS, 2 * (to - from));
    return new Moment(title, text, lanes(attempt), from - margin, to + margin, attempt.request());
  }

  private static Optional<Attempt> mostInTheWay(List<Attempt> attempts, String job) {
    return attempts.stream()
        .filter(a -> a.job().equals(job) && a.outcome() == Outcome.RELEASED)
        .limit(CANDIDATES)
        .max(Comparator.comparingInt(a -> waitingDuring(attempts, a).size()))
        .filter(a -> !waitingDuring(attempts, a).isEmpty());
  }

  /** Who waited while this one held what they wanted. */
  private static List<Attempt> waitingDuring(List<Attempt> attempts, Attempt holder) {
    long from = holder.waitedUntilNanos();
    long to = holder.held().orElseThrow().untilNanos();
    return attempts.stream()
        .filter(
            a ->
                a.request() != holder.request()
                    && a.askedNanos() < to
                    && a.waitedUntilNanos() > from
                    && meets(a, holder))
        .filter(a -> a.waitedNanos() > MILLIS)
        .toList();
  }

  private static boolean overlap(Attempt one, Attempt other) {
    return one.waitedUntilNanos() < other.held().orElseThrow().untilNanos()
        && other.waitedUntilNanos() < one.held().orElseThrow().untilNanos();
  }

  /** Whether the two exclude each other somewhere. */
  private static boolean meets(Attempt one, Attempt other) {
    return one.targets().stream()
        .anyMatch(a -> other.targets().stream().anyMatch(b -> conflict(a, b)));
  }

  private static boolean conflict(LockTarget one, LockTarget other) {
    if (one.mode() == LockMode.SHARED && other.mode() == LockMode.SHARED) {
      return false;
    }
    if (one.key() instanceof LockKey.Node a && other.key() instanceof LockKey.Node b) {
      return a.tree().equals(b.tree()) && (a.path().covers(b.path()) || b.path().covers(a.path()));
    }
    return one.key().equals(other.key());
  }

  private static boolean isTree(Attempt attempt) {
    return attempt.targets().stream().anyMatch(target -> target.key() instanceof LockKey.Node);
  }

  private static Lanes lanes(Attempt attempt) {
    return isTree(attempt) ? Lanes.TREE : Lanes.NAMES;
  }

  private static Optional<Attempt> find(List<Attempt> attempts, Predicate<Attempt> which) {
    return attempts.stream().filter(which).findFirst();
  }

  private static String names(Attempt attempt) {
    return String.join(
        " and ", attempt.targets().stream().map(target -> target.key().toString()).toList());
  }

  private static String count(long number, String one, String more) {
    return number + " " + (number == 1 ? one : more);
  }
}
