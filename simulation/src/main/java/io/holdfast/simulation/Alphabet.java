package io.holdfast.simulation;

import io.holdfast.HoldData;
import io.holdfast.LockKey;
import io.holdfast.LockMode;
import io.holdfast.LockTarget;
import io.holdfast.TreePath;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The commands that an {@link Explorer} may give. Each alphabet is about one part of the table and small, so that the
 * sequences of it can be long.
 *
 * @param depth sequences of this length take seconds
 * @param prologue commands that come first, always
 * @param moves what may come next
 * @param keys all keys that occur
 */
record Alphabet(
    String name, int depth, List<Command> prologue, List<Move> moves, List<LockKey> keys) {
  /** Deep enough for an alphabet whose states come to an end. */
  private static final int TO_THE_END = 20;

  private static final long MAX_HOLD = 10;

  /** A command that fits a state; null if in this state there is none that would be worth trying. */
  interface Move {
    @Nullable Command in(NaiveTable table);
  }

  /** Whether no sequence, however long, leads beyond those of {@link #depth} commands. */
  boolean comesToAnEnd() {
    return depth == TO_THE_END;
  }

  @Override
  public String toString() {
    return name;
  }

  /** Sessions that come, go and run out, with a holder, waiters, and everything sent twice. */
  static Alphabet sessions() {
    List<Move> moves = new ArrayList<>();
    for (long session = 1; session <= 3; session++) {
      moves.add(open(session));
      moves.add(close(session));
      moves.add(expire(session, 0));
      moves.add(expire(session, 1));
      moves.add(acquire(session, 1, 0, true, exclusive(name("n"))));
      moves.add(acquire(session, 2, 1, true, shared(name("n"))));
      moves.add(cancel(session, 1));
      moves.add(release(session, 1));
    }
    return new Alphabet("sessions", TO_THE_END, List.of(), moves, List.of(name("n")));
  }

  /** Retries, cancellations that overtake, and releases with tokens right and wrong. */
  static Alphabet retries() {
    List<Move> moves = new ArrayList<>();
    for (long session = 1; session <= 2; session++) {
      moves.add(acquire(session, 1, 0, true, exclusive(name("n"))));
      moves.add(acquire(session, 2, 0, true, shared(name("n"))));
      moves.add(acquire(session, 3, 2, false, shared(name("n"))));
      for (long request = 1; request <= 3; request++) {
        moves.add(cancel(session, request));
        moves.add(release(session, request));
        moves.add(releaseWithLatestToken(session, request));
      }
    }
    return new Alphabet("retries", TO_THE_END, opened(2), moves, List.of(name("n")));
  }

  /** Readers and writers of one name. */
  static Alphabet readersAndWriters() {
    List<Move> moves = new ArrayList<>();
    for (long session = 1; session <= 3; session++) {
      moves.add(acquireNext(session, 3, true, exclusive(name("n"))));
      moves.add(acquireNext(session, 3, true, shared(name("n"))));
      moves.add(acquireNext(session, 3, false, shared(name("n"))));
      moves.add(endEarliest(session));
      moves.add(endLatest(session));
    }
    return new Alphabet("readers and writers", 7, opened(3), moves, List.of(name("n")));
  }

  /** Parents and children of a tree, read and written, also both in one request. */
  static Alphabet tree() {
    List<LockKey> keys = List.of(node("/"), node("/a"), node("/a/b"), node("/a/c"));
    List<Move> moves = new ArrayList<>();
    for (long session = 1; session <= 3; session++) {
      moves.add(acquireNext(session, 2, true, shared(node("/"))));
      moves.add(acquireNext(session, 2, true, shared(node("/a"))));
      moves.add(acquireNext(session, 2, true, exclusive(node("/a"))));
      moves.add(acquireNext(session, 2, true, exclusive(node("/a/b"))));
      moves.add(acquireNext(session, 2, true, shared(node("/a/c"))));
      moves.add(acquireNext(session, 2, true, exclusive(node("/a/c"))));
      moves.add(acquireNext(session, 2, true, shared(node("/a")), exclusive(node("/a/b"))));
      moves.add(acquireNext(session, 2, false, shared(node("/a/b")), exclusive(node("/a/c"))));
      moves.add(endEarliest(session));
      moves.add(endLatest(session));
    }
    return new Alphabet("tree", 5, opened(3), moves, keys);
  }

  /** Several names asked for as one. */
  static Alphabet together() {
    List<LockKey> keys = List.of(name("a"), name("b"), name("c"));
    List<Move> moves = new ArrayList<>();
    for (long session = 1; session <= 3; session++) {
      moves.add(acquireNext(session, 2, true, exclusive(name("a")), exclusive(name("b"))));
      moves.add(acquireNext(session, 2, true, exclusive(name("b")), shared(name("c"))));
      moves.add(acquireNext(session, 2, true, shared(name("a")), exclusive(name("a"))));
      moves.add(acquireNext(session, 2, true, shared(name("c")), shared(name("a"))));
      moves.add(acquireNext(session, 2, false, exclusive(name("c"))));
      moves.add(endEarliest(session));
      moves.add(endLatest(session));
    }
    moves.add(close(1));
    return new Alphabet("together", 6, opened(3), moves, keys);
  }

  /** Holds that run out, and operators who take holds away. */
  static Alphabet expiryAndRevocation() {
    List<LockKey> keys = List.of(node("/"), node("/a"), name("n"));
    List<Move> moves = new ArrayList<>();
    for (long session = 1; session <= 2; session++) {
      moves.add(acquireNext(session, 2, true, exclusive(node("/a")), shared(name("n"))));
      moves.add(acquireNext(session, 2, true, shared(node("/"))));
      for (long request = 1; request <= 2; request++) {
        moves.add(expireHold(session, request, 0));
        moves.add(expireHold(session, request, 1));
        moves.add(release(session, request));
      }
      moves.add(expire(session, 0));
    }
    for (LockKey key : keys) {
      moves.add(revoke(key, 0));
      moves.add(revoke(key, 1));
    }
    return new Alphabet("expiry and revocation", TO_THE_END, opened(2), moves, keys);
  }

  static List<Alphabet> all() {
    return List.of(
        sessions(), retries(), readersAndWriters(), tree(), together(), expiryAndRevocation());
  }

  /** The token that an event is about, 0 if about none. */
  static long token(Event event) {
    if (event instanceof Event.Granted granted) {
      return granted.token();
    } else if (event instanceof Event.Released released) {
      return released.token();
    }
    return event instanceof Event.Lost lost ? lost.token() : 0;
  }

  private static Move open(long session) {
    return table -> new Command.OpenSession(table.now, session, "client");
  }

  private static Move close(long session) {
    return table -> new Command.CloseSession(table.now, session);
  }

  /** @param missed so many renewals were not seen by whoever judged the session dead */
  private static Move expire(long session, int missed) {
    return table -> {
      NaiveTable.NaiveSession known = table.sessions.get(session);
      long renewals = known == null ? 0 : known.renewals;
      return new Command.ExpireSession(table.now, session, renewals - missed);
    };
  }

  private static Move acquire(
      long session, long request, long acknowledged, boolean mayWait, LockTarget... targets) {
    List<LockTarget> all = List.of(targets);
    return table ->
        new Command.Acquire(
            table.now,
            session,
            request,
            acknowledged,
            mayWait,
            all,
            HoldData.empty(),
            Command.FOREVER);
  }

  /**
   * A request that the session has not made yet; at most {@code limit} of it.
   *
   * <p>Sessions come in one order only, for which of them begins makes no difference.
   */
  private static Move acquireNext(long session, int limit, boolean mayWait, LockTarget... targets) {
    List<LockTarget> all = List.of(targets);
    return table -> {
      long next = made(session, table) + 1;
      return next > limit || (session > 1 && made(session - 1, table) == 0)
          ? null
          : new Command.Acquire(
              table.now, session, next, 0, mayWait, all, HoldData.empty(), MAX_HOLD);
    };
  }

  /** How many requests a session has made that numbers them from 1 and acknowledges none. */
  private static long made(long session, NaiveTable table) {
    NaiveTable.NaiveSession known = table.sessions.get(session);
    return (known == null ? 0 : known.endings.size()) + of(session, table).count();
  }

  private static Move cancel(long session, long request) {
    return table -> new Command.Cancel(table.now, session, request);
  }

  private static Move endEarliest(long session) {
    return table ->
        of(session, table)
            .findFirst()
            .map(asked -> new Command.Cancel(table.now, session, asked.request()))
            .orElse(null);
  }

  private static Move endLatest(long session) {
    return table ->
        of(session, table)
            .skip(1)
            .reduce((earlier, later) -> later)
            .map(asked -> new Command.Cancel(table.now, session, asked.request()))
            .orElse(null);
  }

  private static Stream<NaiveTable.Asked> of(long session, NaiveTable table) {
    return table.live.stream().filter(asked -> asked.session() == session);
  }

  /** With the token that it has or had. */
  private static Move release(long session, long request) {
    return table -> {
      long token = token(session, request, table);
      return token == 0 ? null : new Command.Release(table.now, session, request, token);
    };
  }

  /** With the latest token of all, be it somebody else's. */
  private static Move releaseWithLatestToken(long session, long request) {
    return table ->
        table.lastToken == 0 || table.lastToken == token(session, request, table)
            ? null
            : new Command.Release(table.now, session, request, table.lastToken);
  }

  private static long token(long session, long request, NaiveTable table) {
    NaiveTable.Asked asked = table.find(session, request);
    Event ending = table.ending(session, request);
    if (asked != null) {
      return asked.token();
    }
    return ending == null ? 0 : token(ending);
  }

  /** @param early so long before its time is over */
  private static Move expireHold(long session, long request, long early) {
    return table -> {
      NaiveTable.Asked asked = table.find(session, request);
      long due = asked == null || !asked.isGranted() ? table.now : asked.until() - early;
      return new Command.ExpireHold(due, session, request);
    };
  }

  /** @param past so far above the token of whoever holds the key, or a key above or below it */
  private static Move revoke(LockKey key, long past) {
    return table -> {
      long token =
          table.describe(key).holders().stream()
              .mapToLong(holder -> holder.token())
              .max()
              .orElse(1);
      return new Command.Revoke(table.now, key, token + past);
    };
  }

  private static List<Command> opened(int sessions) {
    List<Command> commands = new ArrayList<>();
    for (long session = 1; session <= sessions; session++) {
      commands.add(new Command.OpenSession(0, session, "client"));
    }
    return commands;
  }

  private static LockKey name(String name) {
    return new LockKey.Name(name);
  }

  private static LockKey node(String path) {
    return new LockKey.Node("t", TreePath.parse(path));
  }

  private static LockTarget shared(LockKey key) {
    return new LockTarget(key, LockMode.SHARED);
  }

  private static LockTarget exclusive(LockKey key) {
    return new LockTarget(key, LockMode.EXCLUSIVE);
  }
}
