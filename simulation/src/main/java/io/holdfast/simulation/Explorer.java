package io.holdfast.simulation;

import io.holdfast.LockTarget;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gives a lock table every sequence of commands of an {@link Alphabet} up to a length, and compares each answer, and
 * all that the table then contains, with a {@link NaiveTable}. What it finds is a shortest sequence that shows the
 * difference.
 */
final class Explorer {
  /*
   * Breadth first. Sequences that lead to the same state are followed up once; the same means equal but for how large
   * tokens, times, arrivals and counts of renewals are, for a table only compares these. That states are told apart by
   * looking at the naive table alone is sound, since each step has shown by an equal snapshot that the real one knows
   * neither more nor less.
   *
   * Each step is tried twice: on a table that has lived through the whole sequence, and on one just restored from a
   * snapshot. The first has structures that grew command by command, the second such that were rebuilt.
   */
  private final Alphabet alphabet;
  private final Map<List<LockTarget>, Integer> targetNumbers = new HashMap<>();
  private final StateSet seen = new StateSet();

  // The states as found; a state is the one it was first reached from, and the move that led to it.
  private int[] parents = new int[1024];
  private byte[] moves = new byte[1024];
  private int states;

  private long steps;

  private Explorer(Alphabet alphabet) {
    this.alphabet = alphabet;
  }

  /**
   * What came of it.
   *
   * @param states so many different states were reached
   * @param steps so many commands were compared, each twice
   * @param complete whether the last level added none: then no sequence, however long, leads anywhere else
   * @param counterexample a transcript whose last line is wrong; null if there is none
   */
  record Result(int states, long steps, boolean complete, @Nullable String counterexample) {}

  static Result explore(Alphabet alphabet, int depth) {
    return new Explorer(alphabet).explore(depth);
  }

  private Result explore(int depth) {
    addState(0, 0);
    seen.add(key(trace(0).table));
    int end = 0;
    for (int level = 0; level < depth && end < states; level++) {
      int begin = end;
      end = states;
      for (int state = begin; state < end; state++) {
        String counterexample = expand(state);
        if (counterexample != null) {
          return new Result(states, steps, false, counterexample);
        }
      }
    }
    return new Result(states, steps, end == states, null);
  }

  private @Nullable String expand(int state) {
    Trace trace = trace(state);
    byte[] snapshot = replay(trace.commands).snapshot();
    for (int move = 0; move < alphabet.moves().size(); move++) {
      Command command = alphabet.moves().get(move).in(trace.table);
      if (command != null) {
        NaiveTable after = new NaiveTable(trace.table);
        Step step = new Step(command, after);
        boolean isNew = seen.add(key(after));
        if (isNew) {
          addState(state, move);
        }
        steps++;
        String difference;
        try {
          LockTable grown = replay(trace.commands);
          difference = step.difference(grown);
          if (difference == null && isNew) {
            difference = TableComparison.difference(grown, after, alphabet.keys());
          }
          if (difference == null) {
            difference = step.difference(LockTable.restore(snapshot));
            if (difference != null) {
              difference += " (the table was restored before this command)";
            }
          }
        } catch (RuntimeException e) {
          difference = "threw " + e;
        }
        if (difference != null) {
          return transcript(trace.commands, command, difference);
        }
      }
    }
    return null;
  }

  /** A command, and what should come of it. */
  private static final class Step {
    private final Command command;
    private final List<Event> expected;
    private final byte[] snapshot;

    Step(Command command, NaiveTable table) {
      this.command = command;
      this.expected = table.apply(command);
      this.snapshot = NaiveSnapshot.of(table);
    }

    @Nullable String difference(LockTable table) {
      String difference = TableComparison.difference(table.apply(command), expected);
      return difference == null && !Arrays.equals(table.snapshot(), snapshot)
          ? "its snapshot is not what it should be"
          : difference;
    }
  }

  private static LockTable replay(List<Command> commands) {
    LockTable table = new LockTable(0);
    commands.forEach(table::apply);
    return table;
  }

  private static String transcript(List<Command> commands, Command last, String difference) {
    StringBuilder lines = new StringBuilder();
    NaiveTable table = new NaiveTable();
    for (Command command : commands) {
      lines.append(Transcript.line(command)).append("\n    ");
      lines.append(Transcript.line(table.apply(command))).append('\n');
    }
    return lines + Transcript.line(last) + "\n    " + difference + "\n";
  }

  /** The commands that lead to a state, and the state. */
  private record Trace(List<Command> commands, NaiveTable table) {}

  private Trace trace(int state) {
    List<Byte> backwards = new ArrayList<>();
    for (int each = state; each != 0; each = parents[each]) {
      backwards.add(moves[each]);
    }
    List<Command> commands = new ArrayList<>(alphabet.prologue());
    NaiveTable table = new NaiveTable();
    commands.forEach(table::apply);
    for (int i = backwards.size() - 1; i >= 0; i--) {
      Command command = alphabet.moves().get(backwards.get(i)).in(table);
      if (command == null) {
        throw new IllegalStateException("a move that was possible is not: " + backwards.get(i));
      }
      commands.add(command);
      table.apply(command);
    }
    return new Trace(commands, table);
  }

  private void addState(int parent, int move) {
    if (states == parents.length) {
      parents = Arrays.copyOf(parents, 2 * states);
      moves = Arrays.copyOf(moves, 2 * states);
    }
    parents[states] = parent;
    moves[states] = (byte) move;
    states++;
  }

  /** A state as a number: equal for states that differ in nothing a table decides by. */
  private long key(NaiveTable table) {
    long key = table.lastSession;
    for (Map.Entry<Long, NaiveTable.NaiveSession> session : table.sessions.entrySet()) {
      key = mix(key, session.getKey());
      key = mix(key, session.getValue().acknowledged);
      for (Map.Entry<Long, Event> ending : session.getValue().endings.entrySet()) {
        key = mix(key, ending.getKey());
        key = mix(key, ending.getValue().getClass().getSimpleName().hashCode());
        key = mix(key, rank(Alphabet.token(ending.getValue()), table));
      }
    }
    for (NaiveTable.Asked asked : table.live) {
      key = mix(key, asked.session());
      key = mix(key, asked.request());
      key = mix(key, targetNumbers.computeIfAbsent(asked.targets(), t -> targetNumbers.size()));
      key = mix(key, rank(asked.token(), table));
      key = mix(key, asked.maxHoldNanos());
      key =
          mix(key, asked.until() == Command.FOREVER ? -1 : Math.max(0, asked.until() - table.now));
    }
    return key;
  }

  /** How many of the tokens that the table knows are smaller. */
  private static long rank(long token, NaiveTable table) {
    long smaller = table.lastToken < token ? 1 : 0;
    for (NaiveTable.Asked asked : table.live) {
      smaller += asked.token() < token ? 1 : 0;
    }
    for (NaiveTable.NaiveSession session : table.sessions.values()) {
      for (Event ending : session.endings.values()) {
        smaller += Alphabet.token(ending) < token ? 1 : 0;
      }
    }
    return token == table.lastToken ? -1 : smaller;
  }

  private static long mix(long key, long value) {
    long mixed = key * 0xBF58476D1CE4E5B9L + value + 0x9E3779B97F4A7C15L;
    mixed = (mixed ^ (mixed >>> 32)) * 0xD6E8FEB86659FD93L;
    return mixed ^ (mixed >>> 29);
  }

  /** A set of numbers that takes eight bytes for each, and some air. */
  private static final class StateSet {
    private long[] slots = new long[1 << 16];
    private int size;

    boolean add(long key) {
      long nonZero = key == 0 ? 1 : key;
      int slot = (int) nonZero & (slots.length - 1);
      while (slots[slot] != 0) {
        if (slots[slot] == nonZero) {
          return false;
        }
        slot = (slot + 1) & (slots.length - 1);
      }
      slots[slot] = nonZero;
      if (++size > slots.length / 2) {
        long[] old = slots;
        slots = new long[2 * old.length];
        size = 0;
        for (long each : old) {
          if (each != 0) {
            add(each);
          }
        }
      }
      return true;
    }
  }
}
