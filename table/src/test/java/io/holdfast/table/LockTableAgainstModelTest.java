package io.holdfast.table;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random commands, told to a {@link LockTable} and to the plainest table there can be: every event and every answer is the
 * same. {@code -Dholdfast.seed} plays a run again. A failing run is cut down to the commands that it takes.
 */
class LockTableAgainstModelTest {
  private static final int COMMANDS = 100_000;

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES) // which only the cutting down can take
  void theTableDoesWhatTheNaiveOneDoes() {
    long seed = Long.getLong("holdfast.seed", new Random().nextLong());
    System.out.println("LockTableAgainstModelTest: -Dholdfast.seed=" + seed);
    List<Command> told = new ArrayList<>();
    Comparison comparison = new Comparison();
    try {
      run(new RandomCommands(new Random(seed)), comparison, told);
    } catch (AssertionError | RuntimeException e) {
      System.out.println("after %d commands: %s".formatted(told.size(), e));
      List<Command> few = cutDown(told);
      throw new AssertionError(
          "-Dholdfast.seed=%d, after %d commands; these are enough:\n%s"
              .formatted(
                  seed, told.size(), few.stream().map(Object::toString).collect(joining("\n"))),
          failure(few, e));
    }
    comparison.metEverything();
  }

  private static void run(RandomCommands commands, Comparison comparison, List<Command> told) {
    while (told.size() < COMMANDS) {
      Command command = commands.next(comparison.naive);
      told.add(command);
      comparison.tell(command, commands.key());
      if (told.size() % 500 == 0) {
        comparison.restore();
      }
    }

    while (!comparison.naive.live().isEmpty()) {
      Command command = commands.ending(comparison.naive);
      told.add(command);
      comparison.tell(command, commands.key());
    }
    for (long session : comparison.naive.sessions()) {
      // Acknowledges all, itself included, and leaves.
      long request = Long.MAX_VALUE;
      LockTarget target = Requests.name("last");
      Command last =
          new Command.Acquire(
              0, session, request, request, true, List.of(target), HoldData.empty(), 1);
      comparison.tell(last, target.key());
      comparison.tell(new Command.Cancel(0, session, request), target.key());
    }
    assertThat(comparison.table.size())
        .isEqualTo(new TableSize(comparison.naive.sessions().size(), 0, 0, 0, 0));
    comparison.restore();
  }

  /** Leaves out, for a while, whatever may be left out so that what is left still fails. */
  private static List<Command> cutDown(List<Command> failing) {
    List<Command> few = failing;
    int budget = 500_000;
    for (int chunk = few.size() / 2; chunk > 0; chunk /= 2) {
      for (int from = few.size() - chunk; from >= 0 && budget > 0; from -= chunk) {
        budget -= few.size();
        List<Command> fewer = new ArrayList<>(few);
        fewer.subList(from, Math.min(from + chunk, fewer.size())).clear();
        if (failure(fewer, null) != null) {
          few = fewer;
        }
      }
    }
    return few;
  }

  private static Throwable failure(List<Command> commands, Throwable otherwise) {
    Comparison comparison = new Comparison();
    try {
      for (Command command : commands) {
        comparison.tell(command, keyOf(command));
        if (commands.size() < 100) {
          comparison.restore();
        }
      }
      return otherwise;
    } catch (AssertionError | RuntimeException e) {
      return e;
    }
  }

  private static LockKey keyOf(Command command) {
    return command instanceof Command.Acquire acquire
        ? acquire.targets().get(0).key()
        : Requests.read("/").key();
  }

  /** The naive table and three real ones: one that runs through, its twin, and one that is often made from a snapshot. */
  private static final class Comparison {
    final NaiveTable naive = new NaiveTable();
    final LockTable table = new LockTable(0);
    private final LockTable twin = new LockTable(0);
    private LockTable restored = new LockTable(0);
    private final Map<Long, String> requests = new HashMap<>();
    private final Map<String, Integer> seen = new TreeMap<>();
    private long lastToken;

    void tell(Command command, LockKey anyKey) {
      List<Event> expected = naive.apply(command);
      same(table.apply(command), expected, command);
      same(twin.apply(command), expected, command);
      same(restored.apply(command), expected, command);
      for (Event event : expected) {
        seen.merge(kind(event), 1, Integer::sum);
        if (event instanceof Event.Granted granted) {
          rises(granted);
        }
      }
      same(table.size(), naive.size(), command);
      same(table.now(), naive.now(), command);
      same(table.lastToken(), naive.lastToken(), command);
      same(table.lastSession(), naive.lastSession(), command);
      same(table.sessions(), naive.sessions(), command);
      same(table.describe(anyKey), naive.describe(anyKey), command);
      same(restored.describe(anyKey), naive.describe(anyKey), command);
      if (command instanceof Command.Acquire acquire) {
        long session = acquire.session();
        same(table.renewals(session), naive.renewals(session), command);
        same(
            table.holdersInTheWay(session, acquire.request(), 3),
            naive.holdersInTheWay(session, acquire.request(), 3),
            command);
      }
    }

    /** A token is larger than all before, or is told again to whom it was granted. */
    private void rises(Event.Granted granted) {
      String request = granted.session() + "#" + granted.request();
      if (granted.token() > lastToken) {
        lastToken = granted.token();
        requests.put(lastToken, request);
      }
      same(requests.get(granted.token()), request, granted);
    }

    void restore() {
      byte[] snapshot = table.snapshot();
      assertThat(twin.snapshot()).as("the twin").isEqualTo(snapshot);
      assertThat(restored.snapshot()).as("the restored table").isEqualTo(snapshot);
      restored = LockTable.restore(snapshot);
      assertThat(restored.snapshot()).as("a table just restored").isEqualTo(snapshot);
      same(restored.size(), naive.size(), "restore");
      for (String prefix : List.of("", "n")) {
        same(table.list(prefix, 3), naive.list(prefix, 3), "list");
      }
      same(table.listTree(Requests.TREE, 1000), naive.listTree(Requests.TREE, 1000), "list");
      same(table.listTree("files", 2), naive.listTree("files", 2), "list");
      same(table.requestsByArrival().stream().map(Request::view).toList(), naive.live(), "live");
    }

    /** A run that did not meet everything that can happen says little. */
    void metEverything() {
      assertThat(seen)
          .containsOnlyKeys(
              "SessionOpened",
              "SessionEnded",
              "SessionRefused UNKNOWN_SESSION",
              "SessionRefused RENEWED_SINCE",
              "Granted",
              "Queued",
              "Busy",
              "Released",
              "Cancelled",
              "Lost EXPIRED",
              "Lost REVOKED",
              "Lost SESSION_ENDED",
              "Refused UNKNOWN_SESSION",
              "Refused FORGOTTEN_REQUEST",
              "Refused NOT_HOLDER",
              "Refused STALE_TOKEN",
              "Refused NOT_DUE",
              "RevokeRefused NOT_HOLDER",
              "RevokeRefused STALE_TOKEN");
      assertThat(seen.values()).as("%s", seen).allSatisfy(n -> assertThat(n).isGreaterThan(100));
    }

    private static String kind(Event event) {
      String reason = "";
      if (event instanceof Event.SessionRefused refused) {
        reason = " " + refused.reason();
      } else if (event instanceof Event.Refused refused) {
        reason = " " + refused.reason();
      } else if (event instanceof Event.RevokeRefused refused) {
        reason = " " + refused.reason();
      } else if (event instanceof Event.Lost lost) {
        reason = " " + lost.reason();
      }
      return event.getClass().getSimpleName() + reason;
    }

    /** Cheaper than an AssertJ assertion, of which there would be a million. */
    private static void same(Object actual, Object expected, Object after) {
      if (!actual.equals(expected)) {
        assertThat(actual).as("after %s", after).isEqualTo(expected);
      }
    }
  }

  /** Commands that keep a table busy: a crowd of live requests on few keys, of few sessions. */
  private static final class RandomCommands {
    /** About so many requests are live, in turns. */
    private static final int[] CROWDS = {4, 10, 30, 80};

    private static final int TURN = 1000;
    private static final int SESSIONS = 6;

    private static final List<LockKey> KEYS =
        List.of(
            new LockKey.Name("n1"),
            new LockKey.Name("n2"),
            new LockKey.Name("other"),
            Requests.read("/").key(),
            Requests.read("/a").key(),
            Requests.read("/a/b").key(),
            Requests.read("/a/b/c").key(),
            Requests.read("/a/d").key(),
            Requests.read("/e").key(),
            Requests.read("/e/f").key(),
            Player.key("files:/a"),
            Player.key("files:/a/b"));

    private final Random random;
    private long now;
    private long lastRequest;
    private int commands;

    RandomCommands(Random random) {
      this.random = random;
    }

    LockKey key() {
      return KEYS.get(random.nextInt(KEYS.size()));
    }

    Command next(NaiveTable table) {
      now += random.nextInt(3);
      int crowd = CROWDS[commands++ / TURN % CROWDS.length];
      int live = table.size().holds() + table.size().waiters();
      int dice = random.nextInt(100);
      if (table.sessions().isEmpty() || dice < 2) {
        return open(table);
      } else if (dice < 4) {
        return endOfSession(table);
      } else if (dice < 8) {
        return stray(table);
      } else if (dice < 12) {
        return new Command.Revoke(time(), key(), 1 + random.nextLong(table.lastToken() + 1));
      } else if (live > 0 && dice < 12 + 88 * live / (2 * crowd)) {
        return ending(table);
      }
      return acquire(session(table), request(random.nextInt(10) == 0));
    }

    /** Ends, or tries to end, one of the live requests. */
    Command ending(NaiveTable table) {
      List<RequestView> live = table.live();
      RequestView request = live.get(random.nextInt(live.size()));
      if (!request.granted() && random.nextInt(3) > 0) {
        request = live.get(0); // holds, for it is the oldest
      }
      int dice = random.nextInt(10);
      if (dice == 0) {
        now += 20;
        return new Command.ExpireHold(time(), request.session(), request.request());
      } else if (dice == 1) {
        LockKey key = request.targets().get(0).key();
        return new Command.Revoke(time(), key, Math.max(1, request.token()));
      } else if (dice == 2) {
        long token = Math.max(1, request.token() - 1 + random.nextInt(3));
        return new Command.Release(time(), request.session(), request.request(), token);
      } else if (request.granted() && dice < 8) {
        return new Command.Release(time(), request.session(), request.request(), request.token());
      }
      return new Command.Cancel(time(), request.session(), request.request());
    }

    private Command open(NaiveTable table) {
      boolean again = table.sessions().size() == SESSIONS || random.nextInt(4) == 0;
      long session = again ? session(table) : table.lastSession() + random.nextInt(3);
      return new Command.OpenSession(time(), Math.max(1, session), "client " + session);
    }

    private Command endOfSession(NaiveTable table) {
      long session = session(table);
      long renewals = table.renewals(session).orElse(0);
      return switch (random.nextInt(6)) {
        case 0 -> new Command.CloseSession(time(), session);
        case 1 -> new Command.ExpireSession(time(), session, renewals);
        case 2 -> new Command.ExpireSession(time(), session + 1, renewals);
        default -> new Command.ExpireSession(time(), session, renewals - 1);
      };
    }

    /** About a request that most likely has ended, or has not come yet. */
    private Command stray(NaiveTable table) {
      long session = session(table);
      long request = request(true);
      return switch (random.nextInt(4)) {
        case 0 -> new Command.Cancel(time(), session, request);
        case 1 -> new Command.ExpireHold(time(), session, request);
        case 2 -> acquire(session + 1, request);
        default ->
            new Command.Release(
                time(), session, request, 1 + random.nextLong(table.lastToken() + 1));
      };
    }

    private Command acquire(long session, long request) {
      long acknowledged =
          switch (random.nextInt(4)) {
            case 0 -> request;
            case 1 -> Math.max(0, request - 1 - random.nextInt(30));
            default -> 0;
          };
      List<LockTarget> targets =
          IntStream.rangeClosed(0, random.nextInt(5) / 2)
              .mapToObj(
                  i ->
                      new LockTarget(
                          key(), random.nextInt(3) > 0 ? LockMode.SHARED : LockMode.EXCLUSIVE))
              .toList();
      HoldData data = random.nextInt(10) == 0 ? HoldData.of("data " + request) : HoldData.empty();
      long maxHold = random.nextInt(3) == 0 ? 1 + random.nextInt(30) : Command.FOREVER;
      boolean mayWait = random.nextInt(8) > 0;
      return new Command.Acquire(
          time(), session, request, acknowledged, mayWait, targets, data, maxHold);
    }

    private long session(NaiveTable table) {
      List<Long> sessions = table.sessions();
      return sessions.isEmpty() ? 1 : sessions.get(random.nextInt(sessions.size()));
    }

    /** Numbers rise over all sessions, so that any may be the first of one. */
    private long request(boolean usedBefore) {
      return usedBefore ? 1 + Math.max(0, lastRequest - random.nextInt(60)) : ++lastRequest;
    }

    /** Now and then a command is dated too early. */
    private long time() {
      return random.nextInt(10) == 0 ? Math.max(0, now - random.nextInt(20)) : now;
    }
  }
}
