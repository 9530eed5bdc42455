package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.table.Event;
import io.holdfast.table.LockTable;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Finds the difference between a {@link LockTable} and what a {@link NaiveTable} says it should be, in words. */
final class TableComparison {
  private TableComparison() {}

  /** Of what a command's outcome was and should have been; null if there is no difference. */
  static @Nullable String difference(List<Event> said, List<Event> expected) {
    for (int i = 0; i < Math.max(said.size(), expected.size()); i++) {
      Event one = i < said.size() ? said.get(i) : null;
      Event other = i < expected.size() ? expected.get(i) : null;
      if (!agree(one, other)) {
        return "said " + Transcript.line(said) + ", by the rules " + Transcript.line(expected);
      }
    }
    return null;
  }

  /** Of all that is in a table; null if there is no difference. */
  static @Nullable String difference(byte[] snapshot, NaiveTable expected) {
    return Arrays.equals(snapshot, NaiveSnapshot.of(expected))
        ? null
        : "its snapshot is not that of " + Transcript.line(expected);
  }

  /** Of what a table tells about these keys, and about its size. */
  static @Nullable String difference(LockTable table, NaiveTable expected, List<LockKey> keys) {
    if (!table.size().equals(expected.size())) {
      return "its size is " + table.size() + ", by the rules " + expected.size();
    }
    if (!table.sessions().equals(List.copyOf(expected.sessions.keySet()))) {
      return "its sessions are "
          + table.sessions()
          + ", by the rules "
          + expected.sessions.keySet();
    }
    for (LockKey key : keys) {
      if (!table.describe(key).equals(expected.describe(key))) {
        return "it describes " + table.describe(key) + ", by the rules " + expected.describe(key);
      }
    }
    return null;
  }

  private static boolean agree(@Nullable Event said, @Nullable Event expected) {
    if (said instanceof Event.Queued queued && expected instanceof Event.Queued last) {
      // Which of its nodes counts is the table's own affair.
      return queued.session() == last.session()
          && queued.request() == last.request()
          && 1 <= queued.position()
          && queued.position() <= last.position();
    }
    return Objects.equals(said, expected);
  }
}
