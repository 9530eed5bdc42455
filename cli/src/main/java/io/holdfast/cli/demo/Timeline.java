package io.holdfast.cli.demo;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.cli.demo.Attempt.Outcome;
import io.holdfast.cli.output.Json;
import io.holdfast.testkit.history.HistoryEvent;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What the page draws: a lane for each lock, and every hold and wait. Times are microseconds from the beginning of the work;
 * what repeats is told once and referred to by its number, for there are tens of thousands of attempts.
 */
final class Timeline {
  private static final List<Outcome> OUTCOMES = List.of(Outcome.values());

  private final Log log;
  private final List<Attempt> attempts;
  private final Aftermath aftermath;
  private final List<LockKey> keys = FileWorld.keys();
  private final List<String> workers;
  private final List<String> jobs;

  /** What was asked for, each combination once. */
  private final Map<List<LockTarget>, Integer> requests = new LinkedHashMap<>();

  Timeline(Log log, List<Attempt> attempts, Aftermath aftermath) {
    this.log = log;
    this.attempts = attempts;
    this.aftermath = aftermath;
    this.workers = List.copyOf(workers(attempts));
    this.jobs = List.copyOf(new TreeSet<>(attempts.stream().map(Attempt::job).toList()));
    attempts.forEach(attempt -> requests.putIfAbsent(attempt.targets(), requests.size()));
  }

  String toJson(List<Moment> moments, List<Finding> findings) {
    Json json = new Json().object();
    addLanes(json);
    addNames(json);
    addAttempts(json);
    addMarks(json);
    addBands(json);
    addMoments(json, moments);
    addFindings(json, findings);
    return json.end().toString();
  }

  /** In the order of the picture. Of a node of the tree: how deep it is, and how many lanes below belong to it. */
  private void addLanes(Json json) {
    json.array("lanes");
    for (LockKey key : keys) {
      json.object().field("key", key.toString());
      if (key instanceof LockKey.Node node) {
        TreePath path = node.path();
        json.field("label", path.depth() == 0 ? "/" : "/" + path.segment(path.depth() - 1))
            .field("depth", path.depth())
            .field("below", keys.stream().filter(other -> isBelow(path, other)).count());
      }
      json.end();
    }
    json.end();
  }

  private static boolean isBelow(TreePath path, LockKey other) {
    return other instanceof LockKey.Node node
        && !node.path().equals(path)
        && path.covers(node.path());
  }

  private void addNames(Json json) {
    json.array("workers");
    workers.forEach(json::value);
    json.end().array("jobs");
    jobs.forEach(json::value);
    json.end().array("outcomes");
    for (Outcome outcome : OUTCOMES) {
      json.object().field("name", outcome.name()).field("text", outcome.text).end();
    }
    json.end().array("requests");
    for (List<LockTarget> targets : requests.keySet()) {
      json.array();
      for (LockTarget target : targets) {
        json.array()
            .value(keys.indexOf(target.key()))
            .value(target.mode() == LockMode.EXCLUSIVE ? 1 : 0)
            .end();
      }
      json.end();
    }
    json.end();
  }

  /** Each as: asked, waited until, held until (-1 if never), token (0 if none), worker, job, outcome, request, number. */
  private void addAttempts(Json json) {
    json.array("attempts");
    for (Attempt attempt : attempts) {
      json.array()
          .value(micros(attempt.askedNanos()))
          .value(micros(attempt.waitedUntilNanos()))
          .value(attempt.held().map(held -> micros(held.untilNanos())).orElse(-1L))
          .value(attempt.held().map(Attempt.Held::token).orElse(0L))
          .value(Collections.binarySearch(workers, attempt.worker()))
          .value(Collections.binarySearch(jobs, attempt.job()))
          .value(OUTCOMES.indexOf(attempt.outcome()))
          .value(requests.getOrDefault(attempt.targets(), -1))
          .value(attempt.request())
          .end();
    }
    json.end();
  }

  /** What is neither a hold nor a wait: an operator's word, a write that was refused. */
  private void addMarks(Json json) {
    json.array("marks");
    for (HistoryEvent event : log.history().events()) {
      if (event instanceof HistoryEvent.Revoking revoking) {
        addMark(json, event, keys.indexOf(revoking.key()), Operator.NAME, "forceRelease");
      } else if (event instanceof HistoryEvent.Wrote wrote && !wrote.accepted()) {
        int lane = keys.indexOf(new LockKey.Name(wrote.resource()));
        addMark(json, event, lane, log.asker(wrote.request()).worker(), "late write refused");
      }
    }
    json.end();
  }

  /** What was done to all at once: the server was away, a process was killed. */
  private void addBands(Json json) {
    json.array("bands");
    aftermath
        .death()
        .ifPresent(
            death -> addBand(json, death.atNanos(), death.atNanos(), "kill -9 " + death.process()));
    aftermath
        .outage()
        .ifPresent(outage -> addBand(json, outage.fromNanos(), outage.toNanos(), "kill -9 server"));
    json.end();
  }

  private void addBand(Json json, long fromNanos, long toNanos, String text) {
    json.object()
        .field("from", micros(fromNanos))
        .field("to", micros(toNanos))
        .field("text", text)
        .end();
  }

  /** All that asked, and the operator, who has something to say. */
  private static SortedSet<String> workers(List<Attempt> attempts) {
    SortedSet<String> workers = new TreeSet<>(attempts.stream().map(Attempt::worker).toList());
    workers.add(Operator.NAME);
    return workers;
  }

  private void addMark(Json json, HistoryEvent event, int lane, String worker, String text) {
    json.object()
        .field("at", micros(event.atNanos()))
        .field("lane", lane)
        .field("worker", Collections.binarySearch(workers, worker))
        .field("text", text)
        .end();
  }

  private void addMoments(Json json, List<Moment> moments) {
    json.array("moments");
    for (Moment moment : moments) {
      json.object()
          .field("title", moment.title())
          .field("text", moment.text())
          .field("which", moment.lanes().name().toLowerCase(Locale.ROOT))
          .field("from", micros(moment.fromNanos()))
          .field("to", micros(moment.toNanos()))
          .field("request", moment.request())
          .end();
    }
    json.end();
  }

  private void addFindings(Json json, List<Finding> findings) {
    json.array("findings");
    for (Finding finding : findings) {
      json.object()
          .field("at", micros(finding.atNanos()))
          .field("text", finding.toString())
          .array("requests");
      finding.requests().forEach(json::value);
      json.end().end();
    }
    json.end();
  }

  private long micros(long nanos) {
    return Math.round((nanos - log.originNanos()) / 1000.0);
  }
}
