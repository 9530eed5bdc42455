package io.holdfast.table;

import io.holdfast.LockKey;
import io.holdfast.LossReason;
import java.util.List;

/**
 * What a {@link LockTable} says in return: the answer to a command, then the grants that follow from it, in the order of
 * arrival. The answer is one event, but for the end of a session, which ends all its requests first.
 */
public sealed interface Event {
  /** The session that this is about; 0 if it is about none. */
  default long session() {
    return 0;
  }

  /** The number, in its session, of the request that this is about; 0 if it is about none. */
  default long request() {
    return 0;
  }

  /** A session is open, now or still. */
  record SessionOpened(long session) implements Event {}

  /** A session has ended. Events that end its requests come first. */
  record SessionEnded(long session) implements Event {}

  /** A session could not be opened, ended or expired. */
  record SessionRefused(long session, Refusal reason) implements Event {}

  /**
   * A request holds all its targets.
   *
   * @param token larger than every earlier one of this table
   * @param until when its {@code maxHold} ends, in table time; {@link Command#FOREVER} if it has none
   */
  record Granted(long session, long request, long token, long until) implements Event {}

  /**
   * A request stands in line.
   *
   * @param position its place among the requests that wait at the first of its nodes that is not free, from 1
   */
  record Queued(long session, long request, int position) implements Event {}

  /**
   * A request that was not to wait found its targets held or waited for.
   *
   * @param holders some of those who must leave first; empty when told again
   */
  record Busy(long session, long request, List<RequestView> holders) implements Event {}

  /** A hold was given back. */
  record Released(long session, long request, long token) implements Event {}

  /** A request has left the line, or never came into it. */
  record Cancelled(long session, long request) implements Event {}

  /** A hold ended against its holder's will. */
  record Lost(long session, long request, long token, LossReason reason) implements Event {}

  /** A command about a request was not carried out; nothing has changed. */
  record Refused(long session, long request, Refusal reason) implements Event {}

  /** A revocation found no such grant; nothing has changed. */
  record RevokeRefused(LockKey key, long token, Refusal reason) implements Event {}
}
