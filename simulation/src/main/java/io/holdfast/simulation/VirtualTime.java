package io.holdfast.simulation;

import java.util.PriorityQueue;

/**
 * The time of a simulated world, and the one queue of all that is to happen in it. What is due at the same moment
 * happens in the order in which it was planned.
 */
final class VirtualTime {
  /** A run that needs more than this is going round in circles. */
  private static final long MOST_EVENTS = 50_000_000;

  private final PriorityQueue<Planned> queue = new PriorityQueue<>(256);
  private long now;
  private long planned;
  private long happened;

  private record Planned(long at, long sequence, Runnable task) implements Comparable<Planned> {
    @Override
    public int compareTo(Planned other) {
      return at != other.at ? Long.compare(at, other.at) : Long.compare(sequence, other.sequence);
    }
  }

  /** Nanoseconds since the world began. */
  long now() {
    return now;
  }

  /** So many events have happened. */
  long happened() {
    return happened;
  }

  void at(long time, Runnable task) {
    queue.add(new Planned(Math.max(time, now), planned++, task));
  }

  void after(long nanos, Runnable task) {
    at(now + nanos, task);
  }

  /** Lets everything happen that is due until then. */
  void runUntil(long end) {
    for (Planned next = queue.peek(); next != null && next.at <= end; next = queue.peek()) {
      queue.remove();
      now = next.at;
      if (++happened > MOST_EVENTS) {
        throw new IllegalStateException("more than " + MOST_EVENTS + " events");
      }
      next.task.run();
    }
    now = end;
  }
}
