package io.holdfast.table;

import io.holdfast.ClientOptions;
import io.holdfast.HoldData;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a {@link LockTable} is told. A command carries everything it is decided by, time included, and is safe to keep, log
 * and apply again in the same order.
 *
 * <p>{@code now} is table time: nanoseconds from an origin that the table's keeper chose, never less than zero. A command
 * that is dated before an earlier one counts as of the same time.
 *
 * <p>Commands that a client may send twice name a {@code request}: a number of the client's own, never used for two requests
 * of one session. The table answers the second sending like the first.
 */
public sealed interface Command {
  /** Never ends by time alone; as {@link Acquire#maxHoldNanos}. */
  long FOREVER = Long.MAX_VALUE;

  /** When, in table time. */
  long now();

  /** The same command, dated otherwise. */
  Command at(long now);

  /**
   * Begins a session, or renews one that is open. Ids rise: one that is neither open nor larger than all before is that of a
   * session that has ended, and stays ended.
   *
   * @param session its id, above 0
   * @param client the client's name, to be shown; at most {@value ClientOptions#MAX_NAME_BYTES} UTF-8 bytes
   * @param terms those of the first opening stay
   */
  record OpenSession(long now, long session, String client, SessionTerms terms) implements Command {
    /** Opens a session that lives until it is closed. */
    public OpenSession(long now, long session, String client) {
      this(now, session, client, SessionTerms.NONE);
    }

    /** Checks the numbers, and the length of the name: one beyond 64 KiB would be in no snapshot. */
    public OpenSession {
      requireTime(now);
      requirePositive("session", session);
      int bytes = client.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > ClientOptions.MAX_NAME_BYTES) {
        throw new IllegalArgumentException(
            "client has " + bytes + " bytes, at most " + ClientOptions.MAX_NAME_BYTES);
      }
    }

    @Override
    public OpenSession at(long now) {
      return new OpenSession(now, session, client, terms);
    }
  }

  /** Ends a session at its own wish: its holds are lost, its waiters leave. */
  record CloseSession(long now, long session) implements Command {
    /** Checks the numbers. */
    public CloseSession {
      requireTime(now);
      requirePositive("session", session);
    }

    @Override
    public CloseSession at(long now) {
      return new CloseSession(now, session);
    }
  }

  /**
   * Ends a session that was not heard of, unless it was heard of after all. (Compare-and-remove as in Hazelcast's Raft
   * sessions; etcd#15247 tells what happens without.)
   *
   * @param seenRenewals {@link LockTable#renewals} when its time was judged to be over
   */
  record ExpireSession(long now, long session, long seenRenewals) implements Command {
    /** Checks the numbers. */
    public ExpireSession {
      requireTime(now);
      requirePositive("session", session);
    }

    @Override
    public ExpireSession at(long now) {
      return new ExpireSession(now, session, seenRenewals);
    }
  }

  /**
   * Asks for all targets as one. Sent twice, it is answered with what has become of it.
   *
   * @param request its number in the session, above 0
   * @param acknowledged the client has the answers of all its requests up to this number, and will not send anything about
   *     those among them that have ended; what was remembered of these is forgotten. May include this request, if the client
   *     never sends twice.
   * @param mayWait whether to stand in line; if not, and it conflicts with anything, it is {@link Event.Busy}
   * @param targets 1 to {@value LockClient#MAX_TARGETS}; the modes of one key, and those of keys above and below each
   *     other, combine
   * @param data to be shown
   * @param maxHoldNanos how long it may be held once granted, above 0; {@link #FOREVER} without a limit
   */
  record Acquire(
      long now,
      long session,
      long request,
      long acknowledged,
      boolean mayWait,
      List<LockTarget> targets,
      HoldData data,
      long maxHoldNanos)
      implements Command {
    /** Checks the numbers. */
    public Acquire {
      requireTime(now);
      requirePositive("session", session);
      requirePositive("request", request);
      requirePositive("maxHoldNanos", maxHoldNanos);
      if (acknowledged < 0) {
        throw new IllegalArgumentException("acknowledged " + acknowledged + " < 0");
      }
      targets = List.copyOf(targets);
      if (targets.isEmpty() || targets.size() > LockClient.MAX_TARGETS) {
        throw new IllegalArgumentException(
            "targets are " + targets.size() + ", 1 to " + LockClient.MAX_TARGETS);
      }
    }

    @Override
    public Acquire at(long now) {
      return new Acquire(now, session, request, acknowledged, mayWait, targets, data, maxHoldNanos);
    }
  }

  /**
   * Takes a request back, whatever has become of it: a waiter leaves the line, a holder gives back what it was granted, and
   * a request that comes after its own cancellation is not granted.
   */
  record Cancel(long now, long session, long request) implements Command {
    /** Checks the numbers. */
    public Cancel {
      requireTime(now);
      requirePositive("session", session);
      requirePositive("request", request);
    }

    @Override
    public Cancel at(long now) {
      return new Cancel(now, session, request);
    }
  }

  /**
   * Gives back what was granted to a request.
   *
   * @param token that of the grant; any other is refused (etcd#22082 tells why)
   */
  record Release(long now, long session, long request, long token) implements Command {
    /** Checks the numbers. */
    public Release {
      requireTime(now);
      requirePositive("session", session);
      requirePositive("request", request);
      requirePositive("token", token);
    }

    @Override
    public Release at(long now) {
      return new Release(now, session, request, token);
    }
  }

  /** Ends one hold whose {@code maxHold} is over; refused if it is not. */
  record ExpireHold(long now, long session, long request) implements Command {
    /** Checks the numbers. */
    public ExpireHold {
      requireTime(now);
      requirePositive("session", session);
      requirePositive("request", request);
    }

    @Override
    public ExpireHold at(long now) {
      return new ExpireHold(now, session, request);
    }
  }

  /**
   * Takes a lock away from its holder, with all that was granted as one with it.
   *
   * @param key a key that the holder asked for
   * @param token that of the grant
   */
  record Revoke(long now, LockKey key, long token) implements Command {
    /** Checks the numbers. */
    public Revoke {
      requireTime(now);
      requirePositive("token", token);
    }

    @Override
    public Revoke at(long now) {
      return new Revoke(now, key, token);
    }
  }

  private static void requireTime(long now) {
    if (now < 0) {
      throw new IllegalArgumentException("now " + now + " < 0");
    }
  }

  private static void requirePositive(String field, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException(field + " " + value + " < 1");
    }
  }
}
