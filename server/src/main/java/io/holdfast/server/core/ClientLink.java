package io.holdfast.server.core;

import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import java.util.Optional;

/**
 * The far end of a stream, as the core sees it. Nothing here blocks. {@link #send}, {@link #flush} and {@link #close}
 * are called by one thread at a time, and the last call is close.
 */
public interface ClientLink {
  /** Who the client's credential says it is; empty where none is asked for. */
  String subject();

  /** Whether the credential allows it. */
  boolean may(Action action, String namespace);

  /** Why the credential, which was good when the stream began, is so no longer; empty while it is. */
  Optional<AuthReason> lapse();

  /** Whether what is sent now would go out soon, rather than wait here. */
  boolean isReady();

  /** Sends this, at the latest when {@link #flush} is called or the link closed. */
  void send(ServerMessage message);

  /**
   * Whether a message may travel with others, which is as the protocol says. What an operator did is not among it: whoever keeps
   * records of it looks no further.
   */
  static boolean mayBeInBatch(ServerMessage message) {
    return switch (message.getMessageCase()) {
      case ALIVE, GRANTED, QUEUED, BUSY, RELEASED, CANCELLED, LOST, REFUSED -> true;
      default -> false;
    };
  }

  /** There is nothing more to be sent for now, or the link is not ready for it. */
  default void flush() {}

  /** Ends the stream, after all that was sent. */
  void close();

  /** Ends the stream and tells why. */
  void close(Problem problem);

  /** The client may say more: an earlier {@link Connection#receive} had returned false. */
  void resume();

  /**
   * Has something run, soon and by the thread that calls this, when the messages that are there already have been received too.
   *
   * @return false if this link cannot tell when that is; then nothing is run
   */
  default boolean afterThese(Runnable task) {
    return false;
  }
}
