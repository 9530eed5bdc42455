package io.holdfast.cli.demo;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockTimeoutException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.HistoryEvent.Why;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Does the harm of a demo: a worker process is killed while it holds a lock, then the server is killed and started again. What
 * shows that it was done so goes into the history, for a run without it proves nothing. In a thread of its own.
 */
final class Harm implements Runnable {
  static final String KILLED_IN_MID_HOLD = "a worker process was killed in mid-hold";
  static final String PASSED_ON = "the lock of the killed process passed on";
  static final String RESTARTED = "the server was killed and started again";

  /** The fault that the history tells of. */
  static final String SERVER_AWAY = "server away";

  static final String HEIR = "heir";

  /** From the beginning of the work, as shares of its duration. */
  private static final double RESTART_AT = 0.6;

  private static final double RESTART_BY = 0.75;

  private static final Duration LOOK_EVERY = Duration.ofMillis(5);
  private static final Duration BREATH = Duration.ofMillis(100);
  private static final Duration TO_DIE = Duration.ofSeconds(10);

  /** A lease, and once more for a server that started anew and grants it to everybody; and time to spare. */
  private static final Duration TO_INHERIT = DemoSettings.LEASE.multipliedBy(4);

  private final DemoServer server;
  private final ChildProcess victim;
  private final LockClient locks;
  private final Diary diary;
  private final Log log;
  private final Ticker ticker;
  private final long durationNanos;

  /**
   * To be done once the work has begun.
   *
   * @param locks a client that sees what the victim holds
   */
  Harm(
      DemoServer server,
      ChildProcess victim,
      LockClient locks,
      Diary diary,
      Log log,
      Ticker ticker,
      Duration duration) {
    this.server = server;
    this.victim = victim;
    this.locks = locks;
    this.diary = diary;
    this.log = log;
    this.ticker = ticker;
    this.durationNanos = duration.toNanos();
  }

  @Override
  public void run() {
    try {
      killWorker();
      Thread heir = new Thread(this::inherit, HEIR);
      heir.setDaemon(true);
      heir.start();
      // Nobody shall have to play a part without a server.
      waitUntil(log.originNanos() + durationNanos, () -> log.refused.sum() >= 2);
      waitUntil(log.originNanos() + (long) (durationNanos * RESTART_AT), () -> false);
      // One thing after the other, if there is time: a new leader grants the dead a lease anew.
      waitUntil(log.originNanos() + (long) (durationNanos * RESTART_BY), () -> !heir.isAlive());
      restartServer();
      heir.join();
    } catch (InterruptedException e) {
      // the demo is over before its time
    } catch (IOException | LockException e) {
      diary.damage(0, "harm could not be done: " + e.getMessage());
    }
  }

  private void killWorker() throws InterruptedException {
    long latest = log.originNanos() + durationNanos + TO_DIE.toNanos();
    waitUntil(latest, () -> log.doomed().isPresent());
    Optional<Long> token = log.doomed().flatMap(log::heldBy);
    boolean holds =
        token.isPresent()
            && locks.describe(Counters.lockName(Counters.SELDOM)).holders().stream()
                .anyMatch(holder -> holder.token().orElseThrow() == token.get());
    boolean alive = victim.isAlive();
    victim.kill();
    boolean dead = victim.awaitEnd(TO_DIE);
    diary.died(victim.name());
    if (holds && alive && dead) {
      diary.happened(KILLED_IN_MID_HOLD);
    }
  }

  /** Stands in line behind the dead, to see when its lock passes on; anew if the server was away for too long. */
  private void inherit() {
    long latestNanos = ticker.nanosIn(TO_INHERIT);
    try {
      while (!hasInherited() && ticker.nanos() - latestNanos < 0) {
        Thread.sleep(BREATH.toMillis());
      }
    } catch (InterruptedException e) {
      // the demo is over before its time
    }
  }

  private boolean hasInherited() throws InterruptedException {
    DistributedLock lock = locks.lock(Counters.lockName(Counters.SELDOM));
    long request = diary.asking(HEIR, "inherit", lock, TO_INHERIT);
    Hold hold;
    try {
      hold = Diary.numbered(lock, request).acquire(TO_INHERIT);
    } catch (LockTimeoutException e) {
      diary.timedOut(request, e);
      return false;
    } catch (UncertainOutcomeException e) {
      diary.unknown(request);
      return false;
    } catch (LockException e) {
      diary.gaveUp(request, Why.REFUSED);
      return false;
    }
    diary.acquired(request, hold.token());
    hold.onLost(reason -> diary.lost(request, reason));
    diary.happened(PASSED_ON);
    diary.releasing(request);
    try {
      hold.close();
      diary.released(request);
    } catch (HoldLostException e) {
      // onLost has written it down
    } catch (LockException e) {
      diary.unknown(request);
    }
    return true;
  }

  private void restartServer() throws IOException, InterruptedException {
    long before = server.pid();
    diary.faultBegan(SERVER_AWAY);
    server.kill();
    server.start();
    locks.describe(Counters.lockName(Counters.SELDOM)); // it answers once it leads
    diary.faultEnded(SERVER_AWAY);
    if (server.pid() != before) {
      diary.happened(RESTARTED);
    }
  }

  private void waitUntil(long latestNanos, BooleanSupplier so) throws InterruptedException {
    while (!so.getAsBoolean() && ticker.nanos() - latestNanos < 0) {
      Thread.sleep(LOOK_EVERY.toMillis());
    }
  }
}
