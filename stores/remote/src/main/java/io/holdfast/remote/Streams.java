package io.holdfast.remote;

import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.Wire;

/** Streams to servers, as gRPC carries them; or a test does. Called by one thread at a time. */
interface Streams extends Wire {
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
