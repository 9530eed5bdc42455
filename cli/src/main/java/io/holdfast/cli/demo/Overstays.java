package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LossReason;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Holders that take too long over the notice. One an operator throws out, the other runs into its own {@code maxHold}. Each
 * is told at once and stops; then it plays the one that was not told, a process that was paused say, and writes all the
 * same. The notice must refuse. And one holder of something else is killed with its process.
 */
final class Overstays {
  static final String DOOMED_JOB = "count, and be killed";

  /** How long they would go on if nobody stopped them. */
  private static final Duration TOO_LONG = Duration.ofSeconds(3);

  private final NoticeBoard board;
  private final Diary diary;
  private final Gate gate;
  private final Ticker ticker;

  /** Who overstays, from when on, and how. Each is taken out once. */
  private final Map<String, Overstay> overstays = new ConcurrentHashMap<>();

  /** When whose process is to be killed. */
  private final Map<String, Long> deaths = new ConcurrentHashMap<>();

  private record Overstay(
      String job, long dueNanos, Optional<Duration> maxHold, String data, LossReason expected) {}

  Overstays(NoticeBoard board, Diary diary, Gate gate, Ticker ticker) {
    this.board = board;
    this.diary = diary;
    this.gate = gate;
    this.ticker = ticker;
  }

  /** From then on, this worker will hold until somebody throws it out. */
  void revoke(String worker, long dueNanos) {
    overstays.put(
        worker,
        new Overstay(
            "get stuck",
            dueNanos,
            Optional.empty(),
            "stuck, and does not know it",
            LossReason.REVOKED));
  }

  /** From then on, this worker will hold for longer than it said it would. */
  void expire(String worker, long dueNanos, Duration maxHold) {
    overstays.put(
        worker,
        new Overstay(
            "dawdle", dueNanos, Optional.of(maxHold), "slower than it thinks", LossReason.EXPIRED));
  }

  /** From then on, this worker will hold until its process is killed. */
  void die(String worker, long dueNanos) {
    deaths.put(worker, dueNanos);
  }

  /** Plays this worker's part, if it has one and its time has come. Returns whether. */
  boolean runOneOf(String worker, LockClient locks) throws InterruptedException {
    Long death = deaths.get(worker);
    if (death != null && ticker.nanos() - death >= 0) {
      awaitDeath(worker, locks);
    }
    Overstay overstay = overstays.get(worker);
    if (overstay == null || ticker.nanos() - overstay.dueNanos < 0) {
      return false;
    }
    overstays.remove(worker);
    try {
      run(worker, locks, overstay);
    } catch (IOException e) {
      diary.damage(0, "the notice cannot be written: " + e);
    }
    return true;
  }

  /** Whether this worker has a part still to play. */
  boolean isExpectedOf(String worker) {
    return overstays.containsKey(worker) || deaths.containsKey(worker);
  }

  private void run(String worker, LockClient locks, Overstay overstay)
      throws InterruptedException, IOException {
    DistributedLock lock = NoticeBoard.lock(locks);
    HoldOptions options = lock.options().data(overstay.data);
    lock = lock.with(overstay.maxHold.map(options::maxHold).orElse(options));
    long request = diary.asking(worker, overstay.job, lock, Worker.FOREVER);
    AtomicLong token = new AtomicLong();
    try {
      lock.call(
          hold -> {
            token.set(hold.token());
            diary.acquired(request, hold.token());
            hold.onLost(reason -> lost(request, reason));
            board.write(request, hold.token(), worker + " begins to write");
            workUntilInterrupted();
            if (hold.isHeld()) {
              diary.releasing(request);
            }
            return hold;
          });
      diary.released(request);
      diary.damage(
          request,
          worker + " held the notice for " + TOO_LONG.toSeconds() + " s and nobody took it away");
    } catch (HoldLostException e) {
      if (e.reason() != overstay.expected) {
        diary.damage(
            request, worker + " lost the notice: " + e.reason() + ", not " + overstay.expected);
      }
    }
    post(worker, locks); // now there is a later token
    if (board.write(request, token.get(), worker + " writes, too late")) {
      diary.damage(
          request, "the notice took a write of " + worker + ", who had lost it: token " + token);
    }
  }

  /** A client that finds its time over, a little before the store does, gives back what it had. */
  private void lost(long request, LossReason reason) {
    if (reason == LossReason.EXPIRED) {
      diary.releasing(request);
    }
    diary.lost(request, reason);
  }

  private void post(String worker, LockClient locks) throws InterruptedException, IOException {
    DistributedLock lock = NoticeBoard.lock(locks);
    long request = diary.asking(worker, "post", lock, Worker.FOREVER);
    try (Hold hold = Diary.numbered(lock, request).acquire()) {
      diary.acquired(request, hold.token());
      hold.onLost(reason -> diary.lost(request, reason));
      board.write(request, hold.token(), worker + " is told, and posts anew");
      diary.releasing(request);
    }
    diary.released(request);
  }

  /**
   * Holds what is seldom asked for, in the middle of its work: it has read and not written. With the gate shut, nobody else in
   * the process holds or does anything; shut before it asks, so that nobody inside waits for it. Then it waits for its death.
   */
  private void awaitDeath(String worker, LockClient locks) throws InterruptedException {
    gate.shut();
    DistributedLock lock = locks.lock(Counters.lockName(Counters.SELDOM));
    long request = diary.asking(worker, DOOMED_JOB, lock, Worker.FOREVER);
    Hold hold = Diary.numbered(lock, request).acquire();
    diary.acquired(request, hold.token());
    hold.onLost(reason -> diary.lost(request, reason));
    diary.doomed(request);
    new CountDownLatch(1).await();
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
