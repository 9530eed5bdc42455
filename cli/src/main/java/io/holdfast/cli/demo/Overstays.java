package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.HoldLostException;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Holders that take too long over the notice. One an operator throws out, the other runs into its own {@code maxHold}. Each
 * is told at once and stops; then it plays the one that was not told, a process that was paused say, and writes all the
 * same. The notice must refuse.
 */
final class Overstays {
  /** How long they would go on if nobody stopped them. */
  private static final Duration TOO_LONG = Duration.ofSeconds(3);

  private final NoticeBoard board;
  private final Operator operator;
  private final Log log;
  private final Ticker ticker;

  /** Who overstays, from when on, and how. Each is taken out once. */
  private final Map<String, Overstay> overstays = new ConcurrentHashMap<>();

  private record Overstay(String job, long dueNanos, HoldOptions options, LossReason expected) {}

  Overstays(NoticeBoard board, Operator operator, Log log, Ticker ticker) {
    this.board = board;
    this.operator = operator;
    this.log = log;
    this.ticker = ticker;
  }

  /** From then on, this worker will hold until somebody throws it out. */
  void revoke(String worker, long dueNanos) {
    HoldOptions options = HoldOptions.defaults().data("stuck, and does not know it");
    overstays.put(worker, new Overstay("get stuck", dueNanos, options, LossReason.REVOKED));
  }

  /** From then on, this worker will hold for longer than it said it would. */
  void expire(String worker, long dueNanos, Duration maxHold) {
    HoldOptions options = HoldOptions.defaults().maxHold(maxHold).data("slower than it thinks");
    overstays.put(worker, new Overstay("dawdle", dueNanos, options, LossReason.EXPIRED));
  }

  /** Plays this worker's part, if it has one and its time has come. Returns whether. */
  boolean runOneOf(String worker, LockClient locks) throws InterruptedException {
    Overstay overstay = overstays.get(worker);
    if (overstay == null || ticker.nanos() - overstay.dueNanos < 0) {
      return false;
    }
    overstays.remove(worker);
    try {
      run(worker, locks, overstay);
    } catch (IOException e) {
      log.damage(0, "the notice cannot be written: " + e);
    }
    return true;
  }

  /** Whether this worker has a part still to play. */
  boolean isExpectedOf(String worker) {
    return overstays.containsKey(worker);
  }

  private void run(String worker, LockClient locks, Overstay overstay)
      throws InterruptedException, IOException {
    DistributedLock lock = NoticeBoard.lock(locks).with(overstay.options);
    long request = log.asking(worker, overstay.job, lock, Worker.FOREVER);
    AtomicLong token = new AtomicLong();
    try {
      lock.call(
          hold -> {
            token.set(hold.token());
            log.acquired(request, hold.token());
            hold.onLost(reason -> log.lost(request, reason));
            board.write(request, hold.token(), worker + " begins to write");
            workUntilInterrupted();
            if (hold.isHeld()) {
              log.releasing(request);
            }
            return hold;
          });
      log.released(request);
      log.damage(
          request,
          worker + " held the notice for " + TOO_LONG.toSeconds() + " s and nobody took it away");
    } catch (HoldLostException e) {
      if (e.reason() != overstay.expected) {
        log.damage(
            request, worker + " lost the notice: " + e.reason() + ", not " + overstay.expected);
      }
    }
    operator.post(); // now there is a later token
    if (board.write(request, token.get(), worker + " writes, too late")) {
      log.damage(
          request, "the notice took a write of " + worker + ", who had lost it: token " + token);
    }
  }

  /** {@code call} interrupts its body when the lock is lost. */
  private static void workUntilInterrupted() {
    try {
      Thread.sleep(TOO_LONG.toMillis());
    } catch (InterruptedException e) {
      // this worker listens: it stops at once
    }
  }
}
