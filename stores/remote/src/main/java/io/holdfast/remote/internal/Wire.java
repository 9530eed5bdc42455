package io.holdfast.remote.internal;

import io.holdfast.protocol.v1.ClientMessage;

/**
 * Streams to servers. Each call returns at once, and what it asks for happens in the order of the calls. Streams have numbers
 * that rise; what is heard of one is said to {@link ClientCore#received} and, at its end, {@link ClientCore#broken}.
 */
public interface Wire {
  /**
   * Begins a stream.
   *
   * @param address host:port
   */
  void open(long stream, String address);

  /** Says something on it. Lost if the stream is broken by then. */
  void say(long stream, ClientMessage message);

  /** Whether a message may travel with others, which is as the protocol says. */
  static boolean mayBeInBatch(ClientMessage message) {
    return switch (message.getMessageCase()) {
      case ACQUIRE, CANCEL, RELEASE, HEARTBEAT -> true;
      default -> false;
    };
  }

  /** Gives a stream up, with its connection. */
  void close(long stream);
}
