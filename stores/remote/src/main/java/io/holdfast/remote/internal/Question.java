package io.holdfast.remote.internal;

import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.spi.Ticker;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Something asked by number, outside of any session: of the state of locks, or to take one away. */
public final class Question {
  /** Who asked. Called once. */
  public interface Asker {
    /** What was told of locks, and whether there are more. */
    void told(List<LockState> locks, boolean truncated);

    /** A hold was taken away, or there was none. */
    void taken(boolean released);

    /** The server will not say, or do it. */
    void refused(Error error);

    /**
     * No answer came in time.
     *
     * @param wasPerhapsDone whether it was to change something, and perhaps has
     */
    void unanswered(boolean wasPerhapsDone);
  }

  final ClientMessage message;
  final Asker asker;

  /** The parts of a list that have come. */
  final List<LockState> parts = new ArrayList<>();

  boolean wasSent;

  /** It may have been carried out before it was sent last. */
  boolean wasPerhapsDone;

  boolean isAwaited;
  long sentAtNanos;
  Ticker.@Nullable Alarm patience;

  void unanswered() {
    asker.unanswered(message.hasForceRelease() && wasSent);
  }

  Question(ClientMessage message, Asker asker) {
    this.message = message;
    this.asker = asker;
  }
}
