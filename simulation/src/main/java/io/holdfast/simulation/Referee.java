package io.holdfast.simulation;

import io.holdfast.LossReason;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import io.holdfast.table.TableSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Looks into the lock tables. After every command: it was carried out exactly as the {@link NaiveTable} says, so
 * holders never conflict, tokens rise, and a request waits if and only if an earlier one is in its way. All replicas
 * say the same (P13). Every so often, and at every restart: their snapshots are equal, and a table restored from one is
 * equal to the one it was made of.
 */
final class Referee {
  /** More than this would be remembered only if acknowledgements were lost on the way. */
  private static final int MOST_REMEMBERED = 500;

  private final World world;
  private NaiveTable naive = new NaiveTable();

  /** By index of the log, from 1: what came of it. */
  private final List<List<Step>> outcomes = new ArrayList<>();

  private final Map<Long, byte[]> snapshots = new HashMap<>();
  private final int compareEvery;

  /** A command of an entry, and what a server's table said to it. */
  record Step(Command command, List<Event> events) {
    @Override
    public String toString() {
      return Transcript.line(command) + " -> " + Transcript.line(events);
    }
  }

  /** @param compareEvery so many entries from one comparison of snapshots to the next */
  Referee(World world, int compareEvery) {
    this.world = world;
    this.compareEvery = compareEvery;
  }

  /** A server has applied an entry of the log: judges the outcome. */
  void applied(LockServer server, long index, List<Step> steps) {
    boolean isFirst = index > outcomes.size();
    if (isFirst) {
      for (Step step : steps) {
        judge(server, index, step.command, step.events);
      }
      outcomes.add(steps);
      if (steps.size() > 1) {
        world.evidence.count(Fact.COMMITTED_TOGETHER);
      }
    } else if (!steps.equals(outcomes.get((int) index - 1))) {
      throw new Breach(
          "P13",
          server
              + ", entry "
              + index
              + ": "
              + steps
              + ", before: "
              + outcomes.get((int) index - 1));
    }
    if (index % compareEvery == 0) {
      compare(server, index, isFirst);
    }
  }

  /** All servers were lost, and restored from copies that end with this entry, so many seconds after the beginning of 2026. */
  void restored(long index, long seconds) {
    for (NaiveTable.Asked lost : naive.live) {
      world.beliefs.ended(lost.session(), lost.request(), "lost with all servers");
    }
    // Of what nobody had applied yet there is no outcome.
    outcomes.subList(Math.min((int) index, outcomes.size()), outcomes.size()).clear();
    snapshots.keySet().removeIf(later -> later > index);
    naive = new NaiveTable();
    outcomes.forEach(steps -> steps.forEach(step -> naive.apply(step.command)));
    naive.beginAgain(seconds << 20);
  }

  /** A server that has caught up has what all have. */
  void compareAtEnd(LockServer server) {
    String difference = TableComparison.difference(ServerSnapshot.table(server.frozen()), naive);
    if (difference != null) {
      throw new Breach("P13", server + " at the end: " + difference);
    }
  }

  /** Whether a request holds, as the table has it. */
  boolean isGranted(long session, long request) {
    NaiveTable.Asked asked = naive.find(session, request);
    return asked != null && asked.isGranted();
  }

  /** Whether a session is open, as the table has it. */
  boolean isOpen(long session) {
    return naive.sessions.containsKey(session);
  }

  /** How much the table should hold. */
  TableSize size() {
    return naive.size();
  }

  /** Who holds or waits. */
  String contents() {
    return Transcript.line(naive);
  }

  private void judge(LockServer server, long index, Command command, List<Event> events) {
    if (command instanceof Command.Acquire retry
        && (naive.find(retry.session(), retry.request()) != null
            || naive.ending(retry.session(), retry.request()) != null)) {
      world.evidence.count(Fact.RETRY_ANSWERED);
    }
    if (command instanceof Command.Cancel && events.get(0) instanceof Event.Released) {
      world.evidence.count(Fact.CANCELLED_TOO_LATE);
    }
    List<Event> expected = naive.apply(command);
    world.trace(index, command, events);
    String difference = TableComparison.difference(events, expected);
    if (difference != null) {
      throw breach("table", server, index, command, difference);
    }
    for (Event event : events) {
      note(command, event);
    }
  }

  private void note(Command command, Event event) {
    if (event instanceof Event.Granted granted) {
      world.evidence.count(Fact.GRANTED);
      world.beliefs.granted(granted.session(), granted.request());
    } else if (event instanceof Event.Lost lost) {
      if (lost.reason() == LossReason.REVOKED) {
        world.evidence.count(Fact.REVOKED);
        world.beliefs.revoked(lost.session(), lost.request(), lost.token());
      } else {
        world.beliefs.ended(lost.session(), lost.request(), "ended: " + lost.reason());
      }
      if (lost.reason() == LossReason.EXPIRED) {
        world.evidence.count(Fact.HOLD_EXPIRED);
      }
    } else if (event instanceof Event.Released released) {
      world.beliefs.ended(released.session(), released.request(), "released");
    } else if (event instanceof Event.RevokeRefused) {
      world.evidence.count(Fact.REVOKE_REFUSED);
    } else if (event instanceof Event.SessionRefused && command instanceof Command.ExpireSession) {
      world.evidence.count(Fact.SESSION_RENEWED_IN_TIME);
    } else if (event instanceof Event.SessionEnded ended) {
      if (command instanceof Command.ExpireSession) {
        world.evidence.count(Fact.SESSION_EXPIRED);
        world.sessionExpired(ended.session());
      } else {
        world.evidence.count(Fact.SESSION_CLOSED);
      }
    }
  }

  private void compare(LockServer server, long index, boolean isFirst) {
    byte[] snapshot = server.frozen();
    byte[] other = snapshots.get(index);
    if (isFirst) {
      byte[] table = ServerSnapshot.table(snapshot);
      String difference = TableComparison.difference(table, naive);
      if (difference != null) {
        throw new Breach("P13", server + ", entry " + index + ": " + difference);
      }
      if (naive.size().remembered() > MOST_REMEMBERED) {
        throw new Breach("table", server + " remembers too much: " + naive.size());
      }
      LockTable restored = LockTable.restore(table);
      if (!restored.size().equals(naive.size())) {
        throw new Breach("table", restored.size() + ", by the rules " + naive.size());
      }
      if (!Arrays.equals(server.readAndWritten(snapshot), snapshot)) {
        throw new Breach("P13", server + ", its snapshot does not survive a restore");
      }
      snapshots.put(index, snapshot);
    } else if (other != null && !Arrays.equals(other, snapshot)) {
      throw new Breach(
          "P13", server + ", entry " + index + ": its snapshot is not that of other replicas");
    }
  }

  private static Breach breach(
      String property, LockServer server, long index, Command command, String difference) {
    return new Breach(
        property,
        server + ", entry " + index + ", " + Transcript.line(command) + ": " + difference);
  }
}
