package io.holdfast.testkit.history;

import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Writes down what clients see, while they see it.
 *
 * <p>Call what ends in -ing, and {@link #asked}, just before the store is asked; what ends in -ed just after it answered.
 * Thread-safe, without mutexes: it orders nothing that the run itself does not order.
 */
public final class HistoryRecorder {
  private final LongSupplier nanos;
  private final AtomicLong requests;
  private final Queue<HistoryEvent> events = new ConcurrentLinkedQueue<>();
  private final Consumer<? super HistoryEvent> sink;

  /**
   * Starts an empty history.
   *
   * @param nanos the one monotonic clock of the run, such as {@code ticker::nanos}
   */
  public HistoryRecorder(LongSupplier nanos) {
    this.nanos = nanos;
    this.requests = new AtomicLong();
    this.sink = events::add;
  }

  /**
   * Hands each event on as it happens, and keeps none: for one process of several, whose events must outlive it.
   *
   * @param nanos the one monotonic clock of the run, the same in all processes
   * @param requestsAbove requests are numbered from the next one on, so that no two processes share a number
   * @param sink takes the events, from any thread
   */
  public HistoryRecorder(
      LongSupplier nanos, long requestsAbove, Consumer<? super HistoryEvent> sink) {
    this.nanos = nanos;
    this.requests = new AtomicLong(requestsAbove);
    this.sink = sink;
  }

  /** A client is about to ask. Returns the number of the request; each is one more than the last. */
  public long asked(String client, List<LockTarget> targets, Duration maxWait) {
    return asked(client, targets, maxWait, Optional.empty());
  }

  /** A client is about to ask for a hold that lasts no longer than {@code maxHold}. Returns the number of the request. */
  public long asked(
      String client, List<LockTarget> targets, Duration maxWait, Optional<Duration> maxHold) {
    long request = requests.incrementAndGet();
    record(new HistoryEvent.Asked(nanos.getAsLong(), request, client, targets, maxWait, maxHold));
    return request;
  }

  /** The request stands in line. */
  public void queued(long request) {
    record(new HistoryEvent.Queued(nanos.getAsLong(), request));
  }

  /** The client has the lock in hand; token 0 if the store keeps none. */
  public void acquired(long request, long token) {
    record(new HistoryEvent.Acquired(nanos.getAsLong(), request, token));
  }

  /**
   * Asks the client whether it holds what it was handed, and writes down that it acquired it if so. The time is read first:
   * a hold may be handed over late, by another thread than that which ends it.
   *
   * @param isHeld such as {@code hold::isHeld}
   * @return what it answered
   */
  public boolean acquired(long request, long token, BooleanSupplier isHeld) {
    long before = nanos.getAsLong();
    boolean held = isHeld.getAsBoolean();
    if (held) {
      record(new HistoryEvent.Acquired(before, request, token));
    }
    return held;
  }

  /** The client is about to leave the line of its own accord. */
  public void cancelling(long request) {
    record(new HistoryEvent.Cancelling(nanos.getAsLong(), request));
  }

  /** The request is over without a grant. */
  public void gaveUp(long request, HistoryEvent.Why why) {
    record(new HistoryEvent.GaveUp(nanos.getAsLong(), request, why));
  }

  /** What was asked last for this request will never be answered. */
  public void unknown(long request) {
    record(new HistoryEvent.Unknown(nanos.getAsLong(), request));
  }

  /**
   * Asks the holder whether it believes it holds the lock, and writes it down if so. The time is read first: who holds the
   * lock when asked has held it since.
   *
   * @param isHeld such as {@code hold::isHeld}
   * @return what it answered
   */
  public boolean used(long request, BooleanSupplier isHeld) {
    long before = nanos.getAsLong();
    boolean held = isHeld.getAsBoolean();
    if (held) {
      record(new HistoryEvent.Used(before, request));
    }
    return held;
  }

  /** A resource decides on a write; to be called by the resource while it decides on no other. */
  public void wrote(long request, String resource, long token, boolean accepted) {
    record(new HistoryEvent.Wrote(nanos.getAsLong(), request, resource, token, accepted));
  }

  /** The holder is about to give the lock back. */
  public void releasing(long request) {
    record(new HistoryEvent.Releasing(nanos.getAsLong(), request));
  }

  /** The lock was given back. */
  public void released(long request) {
    record(new HistoryEvent.Released(nanos.getAsLong(), request));
  }

  /** The holder was told that it lost the lock. */
  public void lost(long request, LossReason reason) {
    record(new HistoryEvent.Lost(nanos.getAsLong(), request, reason));
  }

  /** An operator is about to take a grant away. */
  public void revoking(LockKey key, long token) {
    record(new HistoryEvent.Revoking(nanos.getAsLong(), key, token));
  }

  /** The grant was taken away. */
  public void revoked(LockKey key, long token) {
    record(new HistoryEvent.Revoked(nanos.getAsLong(), key, token));
  }

  /** The store has heard from the client, and the client knows; {@code sentAtNanos} is when it wrote to the store. */
  public void sessionRenewed(long sentAtNanos, String client) {
    record(new HistoryEvent.SessionRenewed(sentAtNanos, client));
  }

  /** The store has given up on the client. */
  public void sessionExpired(String client) {
    record(new HistoryEvent.SessionExpired(nanos.getAsLong(), client));
  }

  /** The client is about to close. */
  public void clientClosing(String client) {
    record(new HistoryEvent.ClientClosing(nanos.getAsLong(), client));
  }

  /** The client is closed. */
  public void clientClosed(String client) {
    record(new HistoryEvent.ClientClosed(nanos.getAsLong(), client));
  }

  /** The client was killed. */
  public void clientDied(String client) {
    record(new HistoryEvent.ClientDied(nanos.getAsLong(), client));
  }

  /** The run begins to do harm. */
  public void faultBegan(String what) {
    record(new HistoryEvent.FaultBegan(nanos.getAsLong(), what));
  }

  /** The run has stopped doing this harm. */
  public void faultEnded(String what) {
    record(new HistoryEvent.FaultEnded(nanos.getAsLong(), what));
  }

  /** Anything else worth showing. */
  public void happened(String what) {
    record(new HistoryEvent.Happened(nanos.getAsLong(), what));
  }

  /** Writes down an event that was stamped elsewhere, with the same clock. */
  public void record(HistoryEvent event) {
    sink.accept(event);
  }

  /** What was written down so far, and kept. */
  public History history() {
    return History.of(events);
  }
}
