package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Reads a history from text, a line an event, milliseconds first:
 *
 * <pre>
 * 0    ann asks 1 for x, r t:/a [waiting 50] [holding 100]      1    ann renewed | expired | closing | closed | died
 * 2    1 queued | cancelling | unknown | used | releasing | released
 * 3    1 acquired 7                     4    1 gave up BUSY      5    1 lost REVOKED
 * 6    1 wrote db 7 [refused]           7    revoking x 7        8    revoked x 7
 * 9    fault netsplit                   10   over netsplit       11   happened election
 * </pre>
 *
 * A target is a name or {@code tree:/path}, with {@code r} in front if shared. Who says no {@code waiting} waits for ever.
 */
final class Transcript {
  private Transcript() {}

  static History read(String text) {
    return History.of(
        text.lines().map(String::strip).filter(l -> !l.isEmpty()).map(Transcript::event).toList());
  }

  private static HistoryEvent event(String line) {
    String[] w = line.split("\\s+");
    long at = (long) (Double.parseDouble(w[0]) * 1_000_000);
    return switch (w[1]) {
      case "revoking" -> new HistoryEvent.Revoking(at, key(w[2]), Long.parseLong(w[3]));
      case "revoked" -> new HistoryEvent.Revoked(at, key(w[2]), Long.parseLong(w[3]));
      case "fault" -> new HistoryEvent.FaultBegan(at, w[2]);
      case "over" -> new HistoryEvent.FaultEnded(at, w[2]);
      case "happened" -> new HistoryEvent.Happened(at, w[2]);
      default ->
          Character.isDigit(w[1].charAt(0))
              ? ofRequest(at, Long.parseLong(w[1]), w)
              : ofClient(at, line, w);
    };
  }

  private static HistoryEvent ofClient(long at, String line, String[] w) {
    return switch (w[2]) {
      case "asks" -> asked(at, line, w);
      case "renewed" -> new HistoryEvent.SessionRenewed(at, w[1]);
      case "expired" -> new HistoryEvent.SessionExpired(at, w[1]);
      case "closing" -> new HistoryEvent.ClientClosing(at, w[1]);
      case "closed" -> new HistoryEvent.ClientClosed(at, w[1]);
      case "died" -> new HistoryEvent.ClientDied(at, w[1]);
      default -> throw new IllegalArgumentException(line);
    };
  }

  private static HistoryEvent ofRequest(long at, long request, String[] w) {
    return switch (w[2]) {
      case "queued" -> new HistoryEvent.Queued(at, request);
      case "cancelling" -> new HistoryEvent.Cancelling(at, request);
      case "unknown" -> new HistoryEvent.Unknown(at, request);
      case "used" -> new HistoryEvent.Used(at, request);
      case "releasing" -> new HistoryEvent.Releasing(at, request);
      case "released" -> new HistoryEvent.Released(at, request);
      case "acquired" -> new HistoryEvent.Acquired(at, request, Long.parseLong(w[3]));
      case "gave" -> new HistoryEvent.GaveUp(at, request, HistoryEvent.Why.valueOf(w[4]));
      case "lost" -> new HistoryEvent.Lost(at, request, LossReason.valueOf(w[3]));
      case "wrote" ->
          new HistoryEvent.Wrote(at, request, w[3], Long.parseLong(w[4]), w.length == 5);
      default -> throw new IllegalArgumentException(String.join(" ", w));
    };
  }

  private static HistoryEvent asked(long at, String line, String[] w) {
    String rest = line.substring(line.indexOf(" for ") + 5);
    List<LockTarget> targets = new ArrayList<>();
    Stream.of(rest.split(" waiting | holding ", 2)[0].split(", ", -1))
        .map(Transcript::target)
        .forEach(targets::add);
    Optional<Duration> waiting = millisAfter(" waiting ", line);
    return new HistoryEvent.Asked(
        at,
        Long.parseLong(w[3]),
        w[1],
        targets,
        waiting.orElse(Duration.ofDays(365)),
        millisAfter(" holding ", line));
  }

  private static Optional<Duration> millisAfter(String word, String line) {
    int at = line.indexOf(word);
    return at < 0
        ? Optional.empty()
        : Optional.of(
            Duration.ofMillis(
                Long.parseLong(line.substring(at + word.length()).split("\\s+", 2)[0])));
  }

  private static LockTarget target(String text) {
    return text.startsWith("r ")
        ? new LockTarget(key(text.substring(2).strip()), LockMode.SHARED)
        : new LockTarget(key(text.strip()), LockMode.EXCLUSIVE);
  }

  private static LockKey key(String text) {
    int colon = text.indexOf(":/");
    return colon < 0
        ? new LockKey.Name(text)
        : new LockKey.Node(text.substring(0, colon), TreePath.parse(text.substring(colon + 1)));
  }
}
