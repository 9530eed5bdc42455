package io.holdfast.cli.demo;

import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockTimeoutException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.history.HistoryEvent.Why;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Does one job after the other, each under its lock, and waits for locks in all the ways there are: without bound, for so
 * long at most, not at all, until it thinks better of it, until somebody interrupts it.
 */
final class Worker implements Runnable {
  /** What {@code acquire()} means by no bound. */
  static final Duration FOREVER = Duration.ofNanos(AcquireRequest.LONGEST_WAIT_NANOS);

  private static final Duration PATIENT = Duration.ofSeconds(5);

  /** After a failure it does not ask again at once. */
  private static final Duration BREATH = Duration.ofMillis(100);

  private final String name;
  private final LockClient locks;
  private final FileWorld world;
  private final Diary diary;
  private final Gate gate;
  private final Ticker ticker;
  private final SplittableRandom random;
  private final Overstays overstays;
  private final long endNanos;

  Worker(
      String name,
      LockClient locks,
      FileWorld world,
      Diary diary,
      Gate gate,
      Ticker ticker,
      SplittableRandom random,
      Overstays overstays,
      long endNanos) {
    this.name = name;
    this.locks = locks;
    this.world = world;
    this.diary = diary;
    this.gate = gate;
    this.ticker = ticker;
    this.random = random;
    this.overstays = overstays;
    this.endNanos = endNanos;
  }

  @Override
  public void run() {
    while (ticker.nanos() - endNanos < 0 || overstays.isExpectedOf(name)) {
      try {
        if (!overstays.runOneOf(name, locks)) {
          gate.enter();
          try {
            attempt(world.job(locks, random));
          } finally {
            gate.leave();
          }
        }
        Thread.sleep(random.nextInt(12));
      } catch (InterruptedException e) {
        diary.damage(0, name + " was interrupted when nobody had a reason to");
      } catch (RuntimeException e) {
        diary.damage(0, name + " failed: " + e);
      }
    }
  }

  private void attempt(Job job) throws InterruptedException {
    int dice = random.nextInt(100);
    if (dice < 25) {
      waitWithoutBound(job);
    } else if (dice < 60) {
      waitFor(job, PATIENT);
    } else if (dice < 70) {
      waitFor(job, Duration.ofMillis(3 + random.nextInt(20)));
    } else if (dice < 80) {
      tryOnce(job);
    } else if (dice < 90) {
      waitUntilItThinksBetter(job, Duration.ofMillis(3 + random.nextInt(20)));
    } else {
      waitUntilInterrupted(job, Duration.ofMillis(3 + random.nextInt(20)));
    }
  }

  private void waitWithoutBound(Job job) throws InterruptedException {
    long request = diary.asking(name, job.name(), job.lock(), FOREVER);
    Hold hold;
    try {
      hold = Diary.numbered(job.lock(), request).acquire();
    } catch (LockException e) {
      failed(request, e);
      return;
    }
    work(job, request, hold);
  }

  private void waitFor(Job job, Duration maxWait) throws InterruptedException {
    long request = diary.asking(name, job.name(), job.lock(), maxWait);
    Hold hold;
    try {
      hold = Diary.numbered(job.lock(), request).acquire(maxWait);
    } catch (LockTimeoutException e) {
      diary.timedOut(request, e);
      return;
    } catch (LockException e) {
      failed(request, e);
      return;
    }
    work(job, request, hold);
  }

  private void tryOnce(Job job) throws InterruptedException {
    long request = diary.asking(name, job.name(), job.lock(), Duration.ZERO);
    Optional<Hold> hold;
    try {
      hold = Diary.numbered(job.lock(), request).tryAcquire();
    } catch (LockException e) {
      failed(request, e);
      return;
    }
    if (hold.isPresent()) {
      work(job, request, hold.get());
    } else {
      diary.gaveUp(request, Why.BUSY);
    }
  }

  private void waitUntilItThinksBetter(Job job, Duration after) throws InterruptedException {
    long request = diary.asking(name, job.name(), job.lock(), FOREVER);
    CompletableFuture<Hold> asked = Diary.numbered(job.lock(), request).acquireAsync();
    Hold hold;
    try {
      hold = grantedWithin(asked, after);
      if (hold == null) {
        diary.cancelling(request);
        asked.cancel(true); // does nothing if the grant was faster
        hold = grantedWithin(asked, Duration.ZERO);
      }
    } catch (LockException e) {
      failed(request, e);
      return;
    }
    if (hold == null) {
      diary.gaveUp(request, Why.CANCELLED);
    } else {
      work(job, request, hold);
    }
  }

  private void waitUntilInterrupted(Job job, Duration after) throws InterruptedException {
    long request = diary.asking(name, job.name(), job.lock(), PATIENT);
    Hold hold;
    try (Interrupter interrupter =
        new Interrupter(ticker, after, () -> diary.interrupting(request))) {
      hold = Diary.numbered(job.lock(), request).acquire(PATIENT);
    } catch (InterruptedException e) {
      diary.gaveUp(request, Why.CANCELLED);
      return;
    } catch (LockTimeoutException e) {
      diary.timedOut(request, e);
      return;
    } catch (LockException e) {
      failed(request, e);
      return;
    }
    work(job, request, hold);
  }

  /** Of a server that is away. */
  private void failed(long request, LockException failure) throws InterruptedException {
    if (failure instanceof UncertainOutcomeException) {
      diary.unknown(request);
    } else {
      diary.gaveUp(request, Why.REFUSED);
    }
    Thread.sleep(BREATH.toMillis());
  }

  private void work(Job job, long request, Hold hold) throws InterruptedException {
    diary.acquired(request, hold.token());
    hold.onLost(reason -> diary.lost(request, reason));
    try {
      if (hold.isHeld()) {
        job.body().run(new Job.Turn(request, hold, random));
      }
    } catch (DamageException | IOException | UncheckedIOException e) {
      // Whoever was thrown out may see others at work. Who holds the lock must not.
      if (hold.isHeld()) {
        diary.damage(
            request,
            e instanceof DamageException damage ? damage.what() : "vanished or broken: " + e);
      }
    } finally {
      giveBack(request, hold);
    }
  }

  private void giveBack(long request, Hold hold) {
    boolean held = hold.isHeld();
    if (held) {
      diary.releasing(request);
    }
    try {
      hold.close();
    } catch (HoldLostException e) {
      return; // onLost has written it down
    } catch (LockException e) {
      diary.unknown(request);
      return;
    }
    if (held) {
      diary.released(request);
    }
  }

  private static @Nullable Hold grantedWithin(CompletableFuture<Hold> asked, Duration patience)
      throws InterruptedException {
    try {
      return asked.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | CancellationException e) {
      return null;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof LockException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    }
  }
}
