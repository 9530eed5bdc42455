package io.holdfast.cli.demo;

import io.holdfast.cli.demo.Attempt.Outcome;
import io.holdfast.cli.output.Json;
import io.holdfast.testkit.history.HistoryEvent;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The figures of a demo.
 *
 * @param seconds from the first request to the last answer
 * @param outcomes how many attempts ended how
 * @param refusedWrites writes that came with a token too old, and were refused
 * @param files how many there were to check
 * @param violations how many; not all of them are told
 */
record Summary(
    double seconds,
    long granted,
    long highestToken,
    long waitP50Nanos,
    long waitP99Nanos,
    long waitLongestNanos,
    Map<Outcome, Long> outcomes,
    long refusedWrites,
    long files,
    long violations) {

  static Summary of(List<Attempt> attempts, Log log, long files, long violations) {
    Map<Outcome, Long> outcomes = new EnumMap<>(Outcome.class);
    long endNanos = log.originNanos();
    long highestToken = 0;
    for (Attempt attempt : attempts) {
      outcomes.merge(attempt.outcome(), 1L, Long::sum);
      endNanos =
          Math.max(
              endNanos,
              attempt.held().map(Attempt.Held::untilNanos).orElse(attempt.waitedUntilNanos()));
      highestToken = Math.max(highestToken, attempt.held().map(Attempt.Held::token).orElse(0L));
    }
    long[] waits =
        attempts.stream()
            .filter(a -> a.held().isPresent())
            .mapToLong(Attempt::waitedNanos)
            .sorted()
            .toArray();
    long refused =
        log.history().events().stream()
            .filter(event -> event instanceof HistoryEvent.Wrote wrote && !wrote.accepted())
            .count();
    return new Summary(
        (endNanos - log.originNanos()) / 1e9,
        waits.length,
        highestToken,
        percentile(waits, 50),
        percentile(waits, 99),
        percentile(waits, 100),
        outcomes,
        refused,
        files,
        violations);
  }

  long count(Outcome outcome) {
    return outcomes.getOrDefault(outcome, 0L);
  }

  /** What a person reads at the end. */
  List<String> lines() {
    return List.of(
        String.format(
            Locale.ROOT,
            "granted     %,d, %,.0f a second, tokens up to %,d",
            granted,
            granted / Math.max(seconds, 0.001),
            highestToken),
        "waited      p50 "
            + millis(waitP50Nanos)
            + ", p99 "
            + millis(waitP99Nanos)
            + ", longest "
            + millis(waitLongestNanos),
        String.format(
            Locale.ROOT,
            "gave up     %,d timed out, %,d cancelled, %,d interrupted, %,d would not wait",
            count(Outcome.TIMED_OUT),
            count(Outcome.CANCELLED),
            count(Outcome.INTERRUPTED),
            count(Outcome.BUSY)),
        String.format(
            Locale.ROOT,
            "lost        %d revoked, %d expired; %d late writes refused by their token",
            count(Outcome.REVOKED),
            count(Outcome.EXPIRED),
            refusedWrites),
        String.format(Locale.ROOT, "files       %,d checked", files),
        String.format(Locale.ROOT, "violations  %,d", violations));
  }

  Json addTo(Json line) {
    return line.field("seconds", seconds)
        .field("granted", granted)
        .field("highest_token", highestToken)
        .field("wait_p50_ms", waitP50Nanos / 1e6)
        .field("wait_p99_ms", waitP99Nanos / 1e6)
        .field("wait_longest_ms", waitLongestNanos / 1e6)
        .field("timed_out", count(Outcome.TIMED_OUT))
        .field("cancelled", count(Outcome.CANCELLED))
        .field("interrupted", count(Outcome.INTERRUPTED))
        .field("busy", count(Outcome.BUSY))
        .field("revoked", count(Outcome.REVOKED))
        .field("expired", count(Outcome.EXPIRED))
        .field("killed", count(Outcome.KILLED))
        .field("unanswered", count(Outcome.UNANSWERED))
        .field("refused_writes", refusedWrites)
        .field("files", files)
        .field("violations", violations);
  }

  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  static String millis(long nanos) {
    return String.format(Locale.ROOT, nanos < 10_000_000 ? "%.2f ms" : "%,.0f ms", nanos / 1e6);
  }

  private static long percentile(long[] sorted, int percent) {
    if (sorted.length == 0) {
      return 0;
    }
    int index = (int) Math.ceil(sorted.length * percent / 100.0) - 1;
    return Arrays.stream(sorted).skip(index).findFirst().orElseThrow();
  }
}
