package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.TreePath;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * An event of a history as one line of text, for a run of several processes: each writes its lines to a pipe or a file as it
 * goes, and whoever reads all of them has the one history.
 *
 * <p>A line is a word, the time, and what the event carries, with a space between; the word is the name of the event in small
 * letters. Texts are percent-encoded, so a line is ASCII and has no other spaces. A line that was cut short, because its
 * process was killed, may read as another event: leave out what no line break ends.
 *
 * <p>Times are readings of one clock. The processes of one Linux machine share that of {@link System#nanoTime}; Java does not
 * promise it, and two machines never do.
 */
public final class HistoryLine {
  private static final String NONE = "-";

  private HistoryLine() {}

  /** The line of an event, without a line break. */
  public static String write(HistoryEvent event) {
    String line = word(event) + " " + event.atNanos();
    if (event instanceof HistoryEvent.Asked asked) {
      StringBuilder text = new StringBuilder(line);
      text.append(' ').append(asked.request()).append(' ').append(encode(asked.client()));
      text.append(' ').append(asked.maxWait().toNanos()).append(' ');
      text.append(asked.maxHold().map(maxHold -> String.valueOf(maxHold.toNanos())).orElse(NONE));
      asked.targets().forEach(target -> text.append(' ').append(write(target)));
      return text.toString();
    } else if (event instanceof HistoryEvent.Wrote wrote) {
      return line
          + " "
          + wrote.request()
          + " "
          + encode(wrote.resource())
          + " "
          + wrote.token()
          + " "
          + wrote.accepted();
    } else if (event instanceof HistoryEvent.Acquired acquired) {
      return line + " " + acquired.request() + " " + acquired.token();
    } else if (event instanceof HistoryEvent.GaveUp gaveUp) {
      return line + " " + gaveUp.request() + " " + gaveUp.why();
    } else if (event instanceof HistoryEvent.Lost lost) {
      return line + " " + lost.request() + " " + lost.reason();
    } else if (event instanceof HistoryEvent.OfRequest ofRequest) {
      return line + " " + ofRequest.request();
    } else if (event instanceof HistoryEvent.OfClient ofClient) {
      return line + " " + encode(ofClient.client());
    } else if (event instanceof HistoryEvent.Revoking revoking) {
      return line + " " + write(revoking.key()) + " " + revoking.token();
    } else if (event instanceof HistoryEvent.Revoked revoked) {
      return line + " " + write(revoked.key()) + " " + revoked.token();
    } else if (event instanceof HistoryEvent.FaultBegan fault) {
      return line + " " + encode(fault.what());
    } else if (event instanceof HistoryEvent.FaultEnded fault) {
      return line + " " + encode(fault.what());
    } else if (event instanceof HistoryEvent.Happened happened) {
      return line + " " + encode(happened.what());
    }
    throw new IllegalArgumentException("unknown event " + event);
  }

  /**
   * The event of a line.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static HistoryEvent read(String line) {
    try {
      return read(line.split(" ", -1));
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("not an event: " + line, e);
    }
  }

  private static HistoryEvent read(String[] parts) {
    long at = Long.parseLong(parts[1]);
    String third = parts[2];
    return switch (parts[0]) {
      case "asked" -> asked(at, parts);
      case "queued" -> new HistoryEvent.Queued(at, Long.parseLong(third));
      case "acquired" ->
          new HistoryEvent.Acquired(at, Long.parseLong(third), Long.parseLong(parts[3]));
      case "cancelling" -> new HistoryEvent.Cancelling(at, Long.parseLong(third));
      case "gaveup" ->
          new HistoryEvent.GaveUp(at, Long.parseLong(third), HistoryEvent.Why.valueOf(parts[3]));
      case "unknown" -> new HistoryEvent.Unknown(at, Long.parseLong(third));
      case "used" -> new HistoryEvent.Used(at, Long.parseLong(third));
      case "wrote" ->
          new HistoryEvent.Wrote(
              at,
              Long.parseLong(third),
              decode(parts[3]),
              Long.parseLong(parts[4]),
              bool(parts[5]));
      case "releasing" -> new HistoryEvent.Releasing(at, Long.parseLong(third));
      case "released" -> new HistoryEvent.Released(at, Long.parseLong(third));
      case "lost" -> new HistoryEvent.Lost(at, Long.parseLong(third), LossReason.valueOf(parts[3]));
      case "revoking" -> new HistoryEvent.Revoking(at, key(third), Long.parseLong(parts[3]));
      case "revoked" -> new HistoryEvent.Revoked(at, key(third), Long.parseLong(parts[3]));
      case "sessionrenewed" -> new HistoryEvent.SessionRenewed(at, decode(third));
      case "sessionexpired" -> new HistoryEvent.SessionExpired(at, decode(third));
      case "clientclosing" -> new HistoryEvent.ClientClosing(at, decode(third));
      case "clientclosed" -> new HistoryEvent.ClientClosed(at, decode(third));
      case "clientdied" -> new HistoryEvent.ClientDied(at, decode(third));
      case "faultbegan" -> new HistoryEvent.FaultBegan(at, decode(third));
      case "faultended" -> new HistoryEvent.FaultEnded(at, decode(third));
      case "happened" -> new HistoryEvent.Happened(at, decode(third));
      default -> throw new IllegalArgumentException(parts[0]);
    };
  }

  private static HistoryEvent.Asked asked(long at, String[] parts) {
    Optional<Duration> maxHold =
        parts[5].equals(NONE)
            ? Optional.empty()
            : Optional.of(Duration.ofNanos(Long.parseLong(parts[5])));
    List<LockTarget> targets = new ArrayList<>();
    for (int i = 6; i < parts.length; i++) {
      LockMode mode = parts[i].charAt(0) == 's' ? LockMode.SHARED : LockMode.EXCLUSIVE;
      targets.add(new LockTarget(key(parts[i].substring(1)), mode));
    }
    return new HistoryEvent.Asked(
        at,
        Long.parseLong(parts[2]),
        decode(parts[3]),
        targets,
        Duration.ofNanos(Long.parseLong(parts[4])),
        maxHold);
  }

  private static String write(LockTarget target) {
    return (target.mode() == LockMode.SHARED ? "s" : "x") + write(target.key());
  }

  /** {@code =name}, or {@code @tree@path}. */
  private static String write(LockKey key) {
    if (key instanceof LockKey.Node node) {
      return "@" + encode(node.tree()) + "@" + encode(node.path().toString());
    }
    return "=" + encode(((LockKey.Name) key).name());
  }

  private static LockKey key(String text) {
    if (text.charAt(0) == '=') {
      return new LockKey.Name(decode(text.substring(1)));
    }
    int second = text.indexOf('@', 1);
    return new LockKey.Node(
        decode(text.substring(1, second)), TreePath.parse(decode(text.substring(second + 1))));
  }

  private static boolean bool(String text) {
    if (!text.equals("true") && !text.equals("false")) {
      throw new IllegalArgumentException(text);
    }
    return text.equals("true");
  }

  private static String word(HistoryEvent event) {
    return event.getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
