package io.holdfast.faults;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockTimeoutException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.testkit.history.HistoryEvent.Why;
import io.holdfast.testkit.history.HistoryRecorder;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * Wants one lock after the other, in all the ways there are, holds each for a while, uses what it guards, and gives it back;
 * writes down what it sees of it. One thread.
 */
final class Worker {
  /** What {@code acquire()} means by no bound. */
  static final Duration FOREVER = Duration.ofNanos(AcquireRequest.LONGEST_WAIT_NANOS);

  private static final Duration LOOK_EVERY = Duration.ofMillis(20);

  /** After a failure it does not ask again at once. */
  private static final Duration BREATH = Duration.ofMillis(100);

  private final String client;
  private final LockClient locks;
  private final HistoryRecorder recorder;
  private final ResourceConnection resource;
  private final ScheduledExecutorService timer;
  private final SplittableRandom dice;
  private final BooleanSupplier goesOn;

  /**
   * A worker of a client.
   *
   * @param goesOn whether to begin another thing
   */
  Worker(
      String client,
      LockClient locks,
      HistoryRecorder recorder,
      ResourceConnection resource,
      ScheduledExecutorService timer,
      SplittableRandom dice,
      BooleanSupplier goesOn) {
    this.client = client;
    this.locks = locks;
    this.recorder = recorder;
    this.resource = resource;
    this.timer = timer;
    this.dice = dice;
    this.goesOn = goesOn;
  }

  /** Wants what others want too. */
  void contend() throws InterruptedException {
    while (goesOn.getAsBoolean()) {
      Wish wish = Wish.any(dice);
      Optional<Duration> maxHold =
          dice.nextInt(25) == 0 ? Optional.of(millis(100, 3_000)) : Optional.empty();
      attempt(wish.lock().apply(locks), maxHold, someWhile());
      Wait.pass(millis(0, 30));
    }
  }

  /** Wants what nobody else wants, again and again, for as short as can be: the pulse of the service. */
  void beat(String name, Duration every) throws InterruptedException {
    DistributedLock lock = locks.lock(name);
    while (goesOn.getAsBoolean()) {
      waitFor(lock, Optional.empty(), Duration.ofSeconds(20), Duration.ZERO);
      Wait.pass(every);
    }
  }

  /** Wants one thing, and never gives it back of its own accord. */
  void cling(String name) throws InterruptedException {
    waitFor(locks.lock(name), Optional.empty(), Duration.ofHours(1), Duration.ofHours(1));
  }

  private void attempt(DistributedLock lock, Optional<Duration> maxHold, Duration use)
      throws InterruptedException {
    int way = dice.nextInt(100);
    if (way < 40) {
      waitFor(lock, maxHold, Duration.ofSeconds(20), use);
    } else if (way < 60) {
      waitFor(lock, maxHold, millis(20, 1_500), use);
    } else if (way < 70) {
      tryOnce(lock, maxHold, use);
    } else if (way < 80) {
      waitUntilInterrupted(lock, maxHold, millis(10_000, 20_000), use);
    } else if (way < 90) {
      waitUntilInterrupted(lock, maxHold, millis(5, 300), use);
    } else {
      waitUntilItThinksBetter(lock, maxHold, millis(5, 300), use);
    }
  }

  private void waitFor(
      DistributedLock lock, Optional<Duration> maxHold, Duration maxWait, Duration use)
      throws InterruptedException {
    long request = recorder.asked(client, lock.targets(), maxWait, maxHold);
    Hold hold;
    try {
      hold = with(lock, request, maxHold).acquire(maxWait);
    } catch (LockTimeoutException e) {
      recorder.gaveUp(request, Why.TIMED_OUT);
      return;
    } catch (LockException | IllegalStateException e) {
      failed(request, e);
      return;
    }
    use(hold, request, use);
  }

  private void tryOnce(DistributedLock lock, Optional<Duration> maxHold, Duration use)
      throws InterruptedException {
    long request = recorder.asked(client, lock.targets(), Duration.ZERO, maxHold);
    Optional<Hold> hold;
    try {
      hold = with(lock, request, maxHold).tryAcquire();
    } catch (LockException | IllegalStateException e) {
      failed(request, e);
      return;
    }
    if (hold.isPresent()) {
      use(hold.get(), request, use);
    } else {
      recorder.gaveUp(request, Why.BUSY);
    }
  }

  private void waitUntilInterrupted(
      DistributedLock lock, Optional<Duration> maxHold, Duration after, Duration use)
      throws InterruptedException {
    long request = recorder.asked(client, lock.targets(), FOREVER, maxHold);
    Hold hold;
    try (Interrupter interrupter =
        new Interrupter(timer, after, () -> recorder.cancelling(request))) {
      hold = with(lock, request, maxHold).acquire();
    } catch (InterruptedException e) {
      recorder.gaveUp(request, Why.CANCELLED);
      return;
    } catch (LockException | IllegalStateException e) {
      failed(request, e);
      return;
    }
    use(hold, request, use);
  }

  private void waitUntilItThinksBetter(
      DistributedLock lock, Optional<Duration> maxHold, Duration after, Duration use)
      throws InterruptedException {
    long request = recorder.asked(client, lock.targets(), FOREVER, maxHold);
    CompletableFuture<Hold> asked = with(lock, request, maxHold).acquireAsync();
    try {
      Hold hold;
      try {
        hold = asked.get(after.toNanos(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        recorder.cancelling(request);
        if (asked.cancel(true)) {
          recorder.gaveUp(request, Why.CANCELLED);
          return;
        }
        hold = asked.get(); // the grant was faster
      }
      use(hold, request, use);
    } catch (CancellationException e) {
      recorder.gaveUp(request, Why.CANCELLED);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        failed(request, failure);
      } else {
        throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** The request's number travels with it, so that whoever looks at the line knows it. */
  private DistributedLock with(DistributedLock lock, long request, Optional<Duration> maxHold) {
    HoldOptions options = lock.options().data(String.valueOf(request));
    return lock.with(maxHold.map(options::maxHold).orElse(options));
  }

  private void failed(long request, RuntimeException failure) throws InterruptedException {
    if (failure instanceof UncertainOutcomeException) {
      recorder.unknown(request);
    } else if (failure instanceof LockException) {
      recorder.gaveUp(request, Why.REFUSED);
    } else {
      recorder.gaveUp(request, Why.CLIENT_CLOSED);
    }
    System.out.println("request " + request + " failed: " + failure);
    Wait.pass(BREATH);
  }

  private void use(Hold hold, long request, Duration howLong) throws InterruptedException {
    recorder.acquired(request, hold.token());
    hold.onLost(reason -> recorder.lost(request, reason));
    long until = System.nanoTime() + howLong.toNanos();
    boolean held = recorder.used(request, hold::isHeld);
    Optional<String> key = Wish.guarded(hold.targets(), dice);
    if (held && key.isPresent()) {
      raise(key.get(), request, hold, howLong);
    }
    while (held && goesOn.getAsBoolean() && System.nanoTime() - until < 0) {
      Wait.pass(LOOK_EVERY);
      held = recorder.used(request, hold::isHeld);
    }
    giveBack(hold, request);
  }

  /** Reads a counter, takes its time, and sets it to one more. */
  private void raise(String key, long request, Hold hold, Duration howLong)
      throws InterruptedException {
    OptionalLong value = resource.read(request, key, hold.token());
    if (value.isPresent()) {
      Wait.pass(howLong.dividedBy(4));
      if (recorder.used(request, hold::isHeld)) {
        resource.write(request, key, hold.token(), value.getAsLong() + 1);
      }
    }
  }

  private void giveBack(Hold hold, long request) {
    if (!hold.isHeld()) {
      // Lost: onLost writes it down. Closing says so once, and that is all there is to it.
      try {
        hold.close();
      } catch (HoldLostException lost) {
        return;
      }
      return;
    }
    recorder.releasing(request);
    try {
      hold.close();
      recorder.released(request);
    } catch (HoldLostException lost) {
      return;
    } catch (LockException | IllegalStateException e) {
      recorder.unknown(request);
      System.out.println("release of request " + request + " failed: " + e);
    }
  }

  /** Most are short, a few are longer than a lease. */
  private Duration someWhile() {
    int which = dice.nextInt(1_000);
    if (which < 2) {
      return millis(11_000, 14_000);
    }
    return which < 20 ? millis(1_000, 4_000) : which < 150 ? millis(100, 500) : millis(1, 60);
  }

  private Duration millis(long least, long most) {
    return Duration.ofMillis(dice.nextLong(least, most + 1));
  }
}
