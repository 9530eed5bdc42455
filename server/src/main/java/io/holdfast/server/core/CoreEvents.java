package io.holdfast.server.core;

import io.holdfast.table.Command;
import io.holdfast.table.Event;
import java.util.List;

/**
 * Hears what a server does, to count it. Called with the core's mutex held: it counts, and does nothing that takes time or calls
 * back. Only what happens while this server leads is told, but for {@link #leads} and {@link #applied}.
 */
public interface CoreEvents {
  /** Counts nothing. */
  CoreEvents NONE = new CoreEvents() {};

  /** An entry of the log was applied on the server that proposed it, so long after. */
  default void committed(int operations, long nanos) {}

  /** A request holds what it asked for, after it stood in line for so long. */
  default void granted(long waitedNanos) {}

  /** A hold has ended, after so long. */
  default void ended(long heldNanos) {}

  /** Something was not done. On any thread, with the mutex or without. */
  default void refused(String reason) {}

  default void sessionOpened() {}

  /**
   * A session is over.
   *
   * @param expired it was not heard of for its lease
   */
  default void sessionEnded(boolean expired) {}

  /**
   * A command was carried out, here as on every server that follows the log, whether it leads or not; and again when this
   * server starts and reads its log. The whole truth, for whoever wants to check it.
   */
  default void applied(String namespace, Command command, List<Event> happened) {}

  /** This server begins to serve as the leader, or no longer is it. */
  default void leads(boolean leads) {}
}
