package io.holdfast.server.core;

import io.holdfast.table.SessionTerms;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An open session at the leader: where its client is to be reached, and until when it lives. */
final class Desk {
  final Desks room;
  final long session;
  final SessionTerms terms;

  /** Where it was opened or resumed last; null if not yet at this leader, or if that is gone. */
  @Nullable Connection connection;

  /**
   * The number of the heartbeat with which it was resumed last: what resumes it with a lower one comes late, from an
   * older stream.
   */
  long resumedBy;

  /** When it ends unless heard of; elapsed since the leadership began. */
  long deadline;

  /** When it is looked at if nothing is heard of it: it is over then, or its silence is worth an entry; elapsed as above. */
  long lookAt;

  /** That it was silent is in the log, or on its way there: only the log can take that back. */
  boolean isNoted;

  /** Where it stands among what falls due, under a moment to be looked at that it has or had; null if it never ends by itself. */
  @Nullable Due due;

  /** Its end is proposed: the table decides, and heartbeats do not count there. */
  boolean expiring;

  /** By request: those that came into line or were granted under this leader. */
  private @Nullable Map<Long, Live> live;

  /** A request that waits or holds. */
  static final class Live {
    /** When it began to do that; elapsed since the leadership began. */
    long since;

    boolean granted;

    /** When its {@code maxHold} is over; null if it has none. */
    @Nullable Due due;

    Live(long since) {
      this.since = since;
    }
  }

  Desk(Desks room, long session, SessionTerms terms) {
    this.room = room;
    this.session = session;
    this.terms = terms;
  }

  Live liveOrNew(long request, long since) {
    if (live == null) {
      live = new HashMap<>();
    }
    return live.computeIfAbsent(request, first -> new Live(since));
  }

  @Nullable Live remove(long request) {
    return live == null ? null : live.remove(request);
  }

  Iterable<Live> all() {
    return live == null ? Map.<Long, Live>of().values() : live.values();
  }
}
