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
  private final NaiveTable naive = new NaiveTable();

  /** By index of the log, from 1: what came of it. */
  private final List<List<Event>> outcomes = new ArrayList<>();

  private final Map<Long, byte[]> snapshots = new HashMap<>();
  private final int compareEvery;

  /** @param compareEvery so many commands from one comparison of snapshots to the next */
  Referee(World world, int compareEvery) {
    this.world = world;
    this.compareEvery = compareEvery;
  }

  /** Has a server's table carry out a command of the log, and judges the outcome. */
  List<Event> apply(int server, LockTable table, long index, Command command) {
    List<Event> events;
    try {
      events = table.apply(command);
    } catch (RuntimeException e) {
      throw breach("table", server, index, command, "threw " + e);
    }
    if (index > outcomes.size()) {
      judge(server, index, command, events);
    } else if (!events.equals(outcomes.get((int) index - 1))) {
      String before = Transcript.line(outcomes.get((int) index - 1));
      throw breach(
          "P13", server, index, command, "said " + Transcript.line(events) + ", before: " + before);
    }
    if (index % compareEvery == 0) {
      compare(server, table, index, command);
    }
    return events;
  }

  LockTable restore(int server, byte[] snapshot, long index) {
    try {
      return LockTable.restore(snapshot);
    } catch (RuntimeException e) {
      throw new Breach(
          "P13", "server " + server + " cannot restore its snapshot of " + index + ": " + e);
    }
  }

  /** A server that has caught up has what all have. */
  void compareAtEnd(LockServer server) {
    String difference = TableComparison.difference(server.table().snapshot(), naive);
    if (difference != null) {
      throw new Breach("P13", "server " + server.number + " at the end: " + difference);
    }
  }

  /** How much the table should hold. */
  TableSize size() {
    return naive.size();
  }

  /** Who holds or waits. */
  String contents() {
    return Transcript.line(naive);
  }

  private void judge(int server, long index, Command command, List<Event> events) {
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
    outcomes.add(events);
    for (Event event : events) {
      note(command, event);
    }
  }

  private void note(Command command, Event event) {
    if (event instanceof Event.Granted) {
      world.evidence.count(Fact.GRANTED);
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
    } else if (event instanceof Event.SessionEnded ended) {
      if (command instanceof Command.ExpireSession) {
        world.evidence.count(Fact.SESSION_EXPIRED);
        world.sessionExpired(ended.session());
      } else {
        world.evidence.count(Fact.SESSION_CLOSED);
      }
    }
  }

  private void compare(int server, LockTable table, long index, Command command) {
    byte[] snapshot = table.snapshot();
    byte[] other = snapshots.get(index);
    if (other == null) {
      String difference = TableComparison.difference(snapshot, naive);
      if (difference != null) {
        throw breach("P13", server, index, command, difference);
      }
      if (!table.size().equals(naive.size())) {
        throw breach(
            "table", server, index, command, table.size() + ", by the rules " + naive.size());
      }
      if (naive.size().remembered() > MOST_REMEMBERED) {
        throw breach("table", server, index, command, "remembers too much: " + naive.size());
      }
      if (!Arrays.equals(LockTable.restore(snapshot).snapshot(), snapshot)) {
        throw breach("P13", server, index, command, "its snapshot does not survive a restore");
      }
      snapshots.put(index, snapshot);
    } else if (!Arrays.equals(other, snapshot)) {
      throw breach("P13", server, index, command, "its snapshot is not that of other replicas");
    }
  }

  private static Breach breach(
      String property, int server, long index, Command command, String difference) {
    return new Breach(
        property,
        "server "
            + server
            + ", command "
            + index
            + ", "
            + Transcript.line(command)
            + ": "
            + difference);
  }
}
