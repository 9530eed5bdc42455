package io.holdfast.remote;

import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.Wire;

/** Streams to servers, as gRPC carries them; or a test does. What is a {@link Wire}'s is called by one thread at a time. */
interface Streams extends Wire {
  /** What was said goes now; before, it need not. */
  void flush();

  /**
   * Has something run soon, by a thread that serves the stream, so that what others have to say until then is said at one go. Called by
   * any thread.
   *
   * @return false if there is no such thread now; then nothing is run
   */
  boolean soon(Runnable task);

  /** Hears of streams, from any thread. */
  interface Listener {
    void received(long stream, ServerMessage message);

    /** At the end of a stream that was not closed from here; perhaps of one that was. */
    void broken(long stream, Error error, String leader);
  }

  /** Makes them, once there is somebody to hear of them. */
  interface Opener {
    Streams open(Listener listener);
  }
}
