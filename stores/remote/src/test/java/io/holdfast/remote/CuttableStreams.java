package io.holdfast.remote;

import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.ServerMessage;

/** Streams that can be cut, for good: nothing is heard on either side any more. */
final class CuttableStreams implements Streams {
  private final Streams streams;
  private volatile boolean isCut;
  private volatile boolean isBroken;
  private volatile long stream;

  private CuttableStreams(Streams.Opener opener, Listener listener) {
    this.streams =
        opener.open(
            new Listener() {
              @Override
              public void received(long stream, ServerMessage message) {
                if (!isCut) {
                  listener.received(stream, message);
                }
              }

              @Override
              public void broken(long stream, Error error, String leader) {
                if (!isCut) {
                  listener.broken(stream, error, leader);
                }
              }
            });
  }

  /** Makes them, and hands them over. */
  static Streams.Opener over(
      Streams.Opener opener, java.util.function.Consumer<CuttableStreams> made) {
    return listener -> {
      CuttableStreams streams = new CuttableStreams(opener, listener);
      made.accept(streams);
      return streams;
    };
  }

  void cut() {
    isCut = true;
    streams.close(stream);
  }

  /** What is said next throws, whatever it is. */
  void breakNext() {
    isBroken = true;
  }

  @Override
  public void open(long number, String address) {
    stream = number;
    if (!isCut) {
      streams.open(number, address);
    }
  }

  @Override
  public void say(long number, ClientMessage message) {
    if (isBroken) {
      isBroken = false;
      throw new IllegalStateException("on purpose");
    }
    if (!isCut) {
      streams.say(number, message);
    }
  }

  @Override
  public void flush() {
    streams.flush();
  }

  @Override
  public boolean soon(Runnable task) {
    return streams.soon(task);
  }

  @Override
  public void close(long number) {
    streams.close(number);
  }
}
