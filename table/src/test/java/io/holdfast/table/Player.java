package io.holdfast.table;

import static java.util.stream.Collectors.joining;

import io.holdfast.HoldData;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Plays commands that are written as in the files of {@code transcripts/} on a table, and says in the same manner what the
 * table answers, one event a line.
 *
 * <pre>
 * open ann                          begins a session, or renews it; session=3 to choose its id
 * close ann                         ends it
 * expire ann [renewals=3]           ends it, unless it was heard of since
 * acquire KEYS by=ann               asks for all keys as one. A key with a slash in front is a node of the tree "tree",
 *                                   files:/a one of the tree "files", all others are plain names. Further words:
 *     shared                        all keys shared; or, key by key, read=KEY write=KEY instead of KEY
 *     try                           without waiting
 *     maxHold=10s data=TEXT
 *     acknowledged=2                the answers up to ann#2 have arrived
 *     by=ann#7                      a request number of the caller's choice; by=ann takes the next
 * release ann#1 [token=7]           with the token it was granted, or another
 * cancel ann#1
 * expire ann#1                      ends a hold whose maxHold is over
 * revoke KEY token=7
 * advance 10s                       turns the clock of all commands that follow; advance -10s back
 * describe KEY, list PREFIX, list-tree TREE, in-the-way ann#1, renewals ann, size
 * snapshot                          goes on with a table restored from a snapshot of this one
 * </pre>
 *
 * A name of digits instead of {@code ann} is a session's id as it is.
 */
final class Player {
  private static final String TREE = "tree";

  private final Map<String, Long> sessions = new HashMap<>();
  private final Map<Long, String> names = new HashMap<>();
  private final Map<Long, Long> lastRequests = new HashMap<>();

  /** By request, as written: the token of its latest grant. */
  private final Map<String, Long> tokens = new HashMap<>();

  private LockTable table;
  private long now;

  Player() {
    this(new LockTable(0));
  }

  Player(LockTable table) {
    this.table = table;
  }

  LockTable table() {
    return table;
  }

  /** Carries out one command. */
  String play(String line) {
    Words words = new Words(line);
    try {
      String said = play(words);
      if (words.hasNext()) {
        throw new AssertionError("too many words: " + line);
      }
      return said;
    } catch (InvalidRequestException e) {
      throw new AssertionError(line, e); // the line's fault; the table knows no such exception
    } catch (IllegalArgumentException e) {
      return "invalid: " + e.getMessage();
    }
  }

  private String play(Words words) {
    return switch (words.verb) {
      case "advance" -> advance(words.next());
      case "describe" -> lines(describe(table.describe(key(words.next()))));
      case "list" ->
          lines(table.list(words.nextOr(""), words.limit()).stream().map(this::summary).toList());
      case "list-tree" ->
          lines(
              table.listTree(words.nextOr(TREE), words.limit()).stream()
                  .map(this::summary)
                  .toList());
      case "in-the-way" -> inTheWay(words.next(), words.limit());
      case "renewals" -> renewals(words.next());
      case "size" -> size();
      case "snapshot" -> restore();
      default -> apply(command(words));
    };
  }

  private Command command(Words words) {
    return switch (words.verb) {
      case "open" -> open(words.next(), words.number("session", 0), words.number("lease", 0));
      case "close" -> new Command.CloseSession(now, session(words.next()));
      case "expire" -> expire(words);
      case "acquire" -> acquire(words);
      case "release" -> {
        String request = words.next();
        long token = words.number("token", tokens.getOrDefault(request, 1L));
        yield new Command.Release(now, session(request), number(request), token);
      }
      case "cancel" -> {
        String request = words.next();
        yield new Command.Cancel(now, session(request), number(request));
      }
      case "revoke" -> new Command.Revoke(now, key(words.next()), words.number("token", 0));
      default -> throw new AssertionError("no such command: " + words.line);
    };
  }

  private Command open(String name, long id, long lease) {
    long session = id;
    if (session == 0) {
      session = sessions.getOrDefault(name, 0L);
      if (table.renewals(session).isEmpty()) {
        session = table.lastSession() + 1;
      }
    }
    sessions.put(name, session);
    names.put(session, name);
    return new Command.OpenSession(
        now,
        session,
        name,
        lease == 0
            ? SessionTerms.NONE
            : new SessionTerms(lease, session, name.hashCode(), "subject of " + name));
  }

  private Command expire(Words words) {
    String who = words.next();
    if (who.contains("#")) {
      return new Command.ExpireHold(now, session(who), number(who));
    }
    long session = session(who);
    return new Command.ExpireSession(
        now, session, words.number("renewals", table.renewals(session).orElse(0)));
  }

  private Command acquire(Words words) {
    String by = words.option("by", "");
    long session = session(by);
    long request = by.contains("#") ? number(by) : lastRequests.getOrDefault(session, 0L) + 1;
    lastRequests.merge(session, request, Math::max);
    boolean shared = words.flag("shared");
    boolean mayWait = !words.flag("try");
    long acknowledged = words.number("acknowledged", 0);
    String maxHold = words.option("maxHold", "");
    String data = words.option("data", "");
    List<LockTarget> targets = new ArrayList<>();
    while (words.hasNext()) {
      String word = words.next();
      boolean reads = word.startsWith("read=") || (shared && !word.startsWith("write="));
      targets.add(
          new LockTarget(
              key(word.replaceFirst("^(read|write)=", "")),
              reads ? LockMode.SHARED : LockMode.EXCLUSIVE));
    }
    return new Command.Acquire(
        now,
        session,
        request,
        acknowledged,
        mayWait,
        targets,
        HoldData.of(data),
        maxHold.isEmpty() ? Command.FOREVER : nanos(maxHold));
  }

  private String apply(Command command) {
    List<Event> events = table.apply(command);
    for (Event event : events) {
      if (event instanceof Event.Granted granted) {
        tokens.put(request(granted), granted.token());
      }
    }
    return lines(events.stream().map(this::show).toList());
  }

  private String show(Event event) {
    if (event instanceof Event.SessionOpened opened) {
      return "opened " + name(opened.session()) + " session=" + opened.session();
    } else if (event instanceof Event.SessionEnded ended) {
      return "ended " + name(ended.session());
    } else if (event instanceof Event.SessionRefused refused) {
      return "refused " + name(refused.session()) + " " + word(refused.reason());
    } else if (event instanceof Event.Granted granted) {
      return "granted " + request(granted) + " token=" + granted.token() + until(granted.until());
    } else if (event instanceof Event.Queued queued) {
      return "queued " + request(queued) + " position=" + queued.position();
    } else if (event instanceof Event.Busy busy) {
      return "busy "
          + request(busy)
          + (busy.holders().isEmpty() ? "" : ": " + holders(busy.holders()));
    } else if (event instanceof Event.Released released) {
      return "released " + request(released) + " token=" + released.token();
    } else if (event instanceof Event.Cancelled cancelled) {
      return "cancelled " + request(cancelled);
    } else if (event instanceof Event.Lost lost) {
      return "lost " + request(lost) + " token=" + lost.token() + " " + word(lost.reason());
    } else if (event instanceof Event.Refused refused) {
      return "refused " + request(refused) + " " + word(refused.reason());
    } else if (event instanceof Event.RevokeRefused refused) {
      return "refused "
          + show(refused.key())
          + " token="
          + refused.token()
          + " "
          + word(refused.reason());
    }
    throw new AssertionError(event);
  }

  private List<String> describe(KeyView view) {
    List<String> all = new ArrayList<>();
    view.holders().forEach(holder -> all.add(show(holder)));
    view.waiters().forEach(waiter -> all.add(show(waiter)));
    return all;
  }

  private String show(RequestView view) {
    String state = view.granted() ? " holds token=" + view.token() : " waits";
    return request(view.session(), view.request())
        + state
        + " since="
        + time(view.since())
        + until(view.until())
        + (view.data().isEmpty() ? "" : " data=" + view.data().text())
        + ": "
        + view.targets().stream().map(Player::show).collect(joining(", "));
  }

  private String summary(KeyView view) {
    return show(view.key())
        + " holders="
        + view.holders().size()
        + " waiters="
        + view.waiters().size();
  }

  private String inTheWay(String request, int limit) {
    List<RequestView> holders = table.holdersInTheWay(session(request), number(request), limit);
    return holders.isEmpty() ? "nobody" : holders(holders);
  }

  private String holders(List<RequestView> holders) {
    return holders.stream()
        .map(holder -> request(holder.session(), holder.request()) + " token=" + holder.token())
        .collect(joining(", "));
  }

  private String advance(String by) {
    now += nanos(by);
    return "now " + time(now);
  }

  private String renewals(String name) {
    long session = session(name);
    return table.renewals(session).isPresent()
        ? String.valueOf(table.renewals(session).getAsLong())
        : "no session";
  }

  private String size() {
    TableSize size = table.size();
    return "sessions=%d holds=%d waiters=%d nodes=%d remembered=%d"
        .formatted(size.sessions(), size.holds(), size.waiters(), size.nodes(), size.remembered());
  }

  private String restore() {
    byte[] snapshot = table.snapshot();
    table = LockTable.restore(snapshot);
    if (!Arrays.equals(snapshot, table.snapshot())) {
      throw new AssertionError("a restored table has another snapshot");
    }
    return "restored";
  }

  private long session(String who) {
    String name = who.replaceFirst("#.*", "");
    if (name.matches("\\d+")) {
      return Long.parseLong(name);
    }
    Long id = sessions.get(name);
    if (id == null) {
      throw new AssertionError("never opened: " + who);
    }
    return id;
  }

  private static long number(String request) {
    return Long.parseLong(request.replaceFirst(".*#", ""));
  }

  private String name(long session) {
    return names.getOrDefault(session, String.valueOf(session));
  }

  private String request(Event event) {
    return request(event.session(), event.request());
  }

  private String request(long session, long request) {
    return name(session) + "#" + request;
  }

  static LockKey key(String word) {
    if (word.contains("=")) {
      throw new AssertionError("no such option: " + word);
    }
    int slash = word.indexOf('/');
    if (slash == 0) {
      return new LockKey.Node(TREE, TreePath.parse(word));
    }
    return slash > 0 && word.charAt(slash - 1) == ':'
        ? new LockKey.Node(word.substring(0, slash - 1), TreePath.parse(word.substring(slash)))
        : new LockKey.Name(word);
  }

  private static String show(LockKey key) {
    return key instanceof LockKey.Node node && node.tree().equals(TREE)
        ? node.path().toString()
        : key.toString();
  }

  private static String show(LockTarget target) {
    return show(target.key()) + (target.mode() == LockMode.SHARED ? " shared" : "");
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static String until(long until) {
    return until == Command.FOREVER ? "" : " until=" + time(until);
  }

  private static String time(long nanos) {
    Duration time = Duration.ofNanos(nanos);
    return time.toMillisPart() == 0 ? time.toSeconds() + "s" : time.toMillis() + "ms";
  }

  private static long nanos(String text) {
    if (text.equals("forever")) {
      return Command.FOREVER;
    }
    return text.endsWith("ms")
        ? Duration.ofMillis(Long.parseLong(text.replace("ms", ""))).toNanos()
        : Duration.ofSeconds(Long.parseLong(text.replace("s", ""))).toNanos();
  }

  private static String lines(List<String> lines) {
    return lines.isEmpty() ? "nobody" : String.join("\n", lines);
  }

  /** The words of a command after its verb; each may be taken once. */
  private static final class Words {
    final String line;
    final String verb;
    private final List<String> rest;

    Words(String line) {
      this.line = line;
      List<String> words = new ArrayList<>(List.of(line.trim().split("\\s+")));
      verb = words.remove(0);
      rest = words;
    }

    boolean hasNext() {
      return !rest.isEmpty();
    }

    String next() {
      if (rest.isEmpty()) {
        throw new AssertionError("a word is missing: " + line);
      }
      return rest.remove(0);
    }

    String nextOr(String otherwise) {
      return rest.isEmpty() || rest.get(0).contains("=") ? otherwise : rest.remove(0);
    }

    boolean flag(String name) {
      return rest.remove(name);
    }

    String option(String name, String otherwise) {
      for (String word : rest) {
        if (word.startsWith(name + "=")) {
          rest.remove(word);
          return word.substring(name.length() + 1);
        }
      }
      return otherwise;
    }

    long number(String name, long otherwise) {
      return Long.parseLong(option(name, String.valueOf(otherwise)));
    }

    int limit() {
      return (int) number("limit", 100);
    }
  }
}
