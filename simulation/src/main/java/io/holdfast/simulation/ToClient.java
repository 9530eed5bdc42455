package io.holdfast.simulation;

import io.holdfast.LockKey;
import io.holdfast.table.Event;
import io.holdfast.table.KeyView;
import java.util.List;

/** What a server sends to a client or an operator. May be lost, come twice, and overtake others. */
sealed interface ToClient {
  /**
   * There is a session.
   *
   * @param nonce that of the wish
   * @param tableNow table time after the wish was heard
   */
  record Opened(long nonce, long session, long tableNow) implements ToClient {}

  /**
   * A heartbeat was heard by a leader that was leader then, for certain.
   *
   * @param number that of the heartbeat
   * @param tableNow table time after it was heard
   * @param granted of the requests that it named, those that hold
   * @param ended of the requests that it named, those that neither wait nor hold any more
   */
  record Alive(
      long session, long number, long tableNow, List<Event.Granted> granted, List<Long> ended)
      implements ToClient {}

  /** Something has become of a request. */
  record Told(Event event) implements ToClient {}

  /** There is no such session, and never will be again. */
  record Gone(long session) implements ToClient {}

  /**
   * Not carried out, for this server is no leader.
   *
   * @param leader who may be, -1 if it knows of none
   */
  record NotLeader(int leader) implements ToClient {}

  /** Who holds a key and who waits. */
  record Described(KeyView view) implements ToClient {}

  /**
   * A hold was taken away, or not.
   *
   * @param done whether there was such a hold
   */
  record Revoked(LockKey key, long token, boolean done) implements ToClient {}
}
