package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.LockKey;
import io.holdfast.LockTimeoutException;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.HistoryEvent.Why;
import io.holdfast.testkit.history.HistoryLine;
import io.holdfast.testkit.history.HistoryRecorder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Writes down what somebody sees of the locks and the files, a line at a time, while it happens: the {@link Log} of the demo
 * reads the lines of all processes. Thread-safe if the taker of lines is.
 */
final class Diary {
  /*
   * Besides the lines of the history there are some that only the demo knows:
   *   asker REQUEST WORKER JOB      who in the process asks, and what for
   *   interrupts REQUEST            it is a thread that is interrupted, no future that is cancelled
   *   explains REQUEST TEXT         what the exception said to who lost patience
   *   damage TIME REQUEST TEXT      the files are not as they must be
   *   doomed REQUEST                this holder is ready to be killed
   */
  static final String ASKER = "asker";
  static final String INTERRUPTS = "interrupts";
  static final String EXPLAINS = "explains";
  static final String DAMAGE = "damage";
  static final String DOOMED = "doomed";

  private final String client;
  private final Ticker ticker;
  private final Consumer<String> lines;
  private final HistoryRecorder recorder;

  /**
   * Of one process.
   *
   * @param client the name of its client
   * @param requestsAbove its requests are numbered from the next one on
   * @param lines takes each line, without its break
   */
  Diary(String client, long requestsAbove, Ticker ticker, Consumer<String> lines) {
    this.client = client;
    this.ticker = ticker;
    this.lines = lines;
    this.recorder =
        new HistoryRecorder(
            ticker::nanos, requestsAbove, event -> lines.accept(HistoryLine.write(event)));
  }

  /** Somebody is about to ask for a lock. Returns the number of the request. */
  long asking(String worker, String job, DistributedLock lock, Duration maxWait) {
    long request = recorder.asked(client, lock.targets(), maxWait, lock.options().maxHold());
    lines.accept(ASKER + " " + request + " " + encode(worker) + " " + encode(job));
    return request;
  }

  /** The same lock; the number of the request travels with it, so that whoever looks at the line knows it. */
  static DistributedLock numbered(DistributedLock lock, long request) {
    return lock.with(lock.options().data(String.valueOf(request)));
  }

  void acquired(long request, long token) {
    recorder.acquired(request, token);
  }

  void cancelling(long request) {
    recorder.cancelling(request);
  }

  /** A thread that waits is about to be interrupted. */
  void interrupting(long request) {
    lines.accept(INTERRUPTS + " " + request);
    recorder.cancelling(request);
  }

  void gaveUp(long request, Why why) {
    recorder.gaveUp(request, why);
  }

  /** The same, for want of patience; the message says who was in the way. */
  void timedOut(long request, LockTimeoutException e) {
    lines.accept(EXPLAINS + " " + request + " " + encode(String.valueOf(e.getMessage())));
    recorder.gaveUp(request, Why.TIMED_OUT);
  }

  /** Nobody will ever know what became of it. */
  void unknown(long request) {
    recorder.unknown(request);
  }

  void releasing(long request) {
    recorder.releasing(request);
  }

  void released(long request) {
    recorder.released(request);
  }

  void lost(long request, LossReason reason) {
    recorder.lost(request, reason);
  }

  void queued(long request) {
    recorder.queued(request);
  }

  void revoking(LockKey key, long token) {
    recorder.revoking(key, token);
  }

  void revoked(LockKey key, long token) {
    recorder.revoked(key, token);
  }

  /** A resource that fences decides on a write; it decides on no other meanwhile. */
  void wrote(long request, String resource, long token, boolean accepted) {
    recorder.wrote(request, resource, token, accepted);
  }

  void closing() {
    recorder.clientClosing(client);
  }

  void closed() {
    recorder.clientClosed(client);
  }

  /** A client of another process was killed. */
  void died(String other) {
    recorder.clientDied(other);
  }

  void faultBegan(String what) {
    recorder.faultBegan(what);
  }

  void faultEnded(String what) {
    recorder.faultEnded(what);
  }

  void happened(String what) {
    recorder.happened(what);
  }

  /** The files are not as they must be, as the work of this request finds; 0 if nobody's work. */
  void damage(long request, String what) {
    lines.accept(DAMAGE + " " + ticker.nanos() + " " + request + " " + encode(what));
  }

  /** The holder of this request has shut the gate and waits for its death. */
  void doomed(long request) {
    lines.accept(DOOMED + " " + request);
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }
}
