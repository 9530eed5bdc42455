package io.holdfast;

import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Something to acquire: a name, one side of a read/write lock, sub-trees, or several of these as one. It costs nothing to
 * make, does no I/O until asked to acquire, holds no state, and may be used any number of times from any thread.
 *
 * <p><b>Waiting.</b> {@code acquire} waits and says so by exception when its patience ends; {@code tryAcquire} answers. A
 * request waits for the earlier requests it conflicts with, and for nobody else, where the store is {@linkplain
 * Capability#FAIR fair}. When a waiting thread is interrupted, a future cancelled, or {@code maxWait} over, the line is left
 * at once, and a grant that was under way is given back.
 *
 * <p><b>Not reentrant.</b> A thread that waits without bound for a lock that it acquired itself, and that is still open,
 * gets an {@link IllegalStateException} at once, where the store can see it. A wait with a bound runs to its end, for another
 * thread may close the hold; its {@link LockTimeoutException} tells.
 *
 * <p><b>Errors</b> of all methods that acquire: a {@link LockException} of the store's, {@link IllegalStateException} if the
 * client is closed before or meanwhile.
 */
public final class DistributedLock {
  private final LockClient client;
  private final List<LockTarget> targets;
  private final HoldOptions options;

  DistributedLock(LockClient client, List<LockTarget> targets, HoldOptions options) {
    this.client = client;
    this.targets = targets;
    this.options = options;
  }

  /**
   * The same lock, to be held in another way.
   *
   * @throws UnsupportedOperationException if the options carry data and the store cannot
   */
  public DistributedLock with(HoldOptions options) {
    Objects.requireNonNull(options, "options");
    client.requireFor(targets, options);
    return new DistributedLock(client, targets, options);
  }

  /** What is acquired as one, in the order asked for. */
  public List<LockTarget> targets() {
    return targets;
  }

  /** How it will be held. */
  public HoldOptions options() {
    return options;
  }

  /**
   * Waits for the lock, for as long as it takes (365 days, to be exact).
   *
   * @throws InterruptedException if the thread is interrupted while it waits, or was before; nothing is held
   * @throws IllegalStateException if this very thread holds what it would wait for
   */
  public Hold acquire() throws InterruptedException {
    return acquired(await(AcquireRequest.LONGEST_WAIT_NANOS), AcquireRequest.LONGEST_WAIT_NANOS);
  }

  /**
   * Waits for the lock, for at most so long.
   *
   * @param maxWait zero to take it only if it is free now; more than 365 days counts as 365 days
   * @throws LockTimeoutException if it could not be had in time; says who holds it, since when, with which token
   * @throws InterruptedException if the thread is interrupted while it waits, or was before; nothing is held
   * @throws InvalidRequestException if {@code maxWait} is negative
   */
  public Hold acquire(Duration maxWait) throws InterruptedException {
    long waitNanos = Durations.waitNanos(maxWait);
    return acquired(await(waitNanos), waitNanos);
  }

  /** Takes the lock if it is free now and nobody waits for it; never waits for another holder, and ignores interrupts. */
  public Optional<Hold> tryAcquire() {
    return granted(join(ask(0, Thread.currentThread().getId())));
  }

  /**
   * Takes the lock if it can be had within {@code maxWait}.
   *
   * @param maxWait zero to answer at once; more than 365 days counts as 365 days
   * @return empty if it is busy
   * @throws InterruptedException if the thread is interrupted while it waits, or was before; nothing is held
   * @throws InvalidRequestException if {@code maxWait} is negative
   */
  public Optional<Hold> tryAcquire(Duration maxWait) throws InterruptedException {
    return granted(await(Durations.waitNanos(maxWait)));
  }

  /** Waits like {@link #acquire()}, without a thread. Cancelling the future, or completing it in any other way, leaves the line. */
  public CompletableFuture<Hold> acquireAsync() {
    return acquireAsync(AcquireRequest.LONGEST_WAIT_NANOS);
  }

  /**
   * Waits like {@link #acquire(Duration)}, without a thread: the future fails with {@link LockTimeoutException}. Cancelling
   * it, or completing it in any other way, leaves the line.
   *
   * @throws InvalidRequestException if {@code maxWait} is negative
   */
  public CompletableFuture<Hold> acquireAsync(Duration maxWait) {
    return acquireAsync(Durations.waitNanos(maxWait));
  }

  /**
   * Acquires the lock, runs the body in this thread, and releases the lock. If the hold is lost meanwhile the thread is
   * interrupted, and when the body returns or throws, the loss is what is thrown.
   *
   * <p>An interrupt that arrives from elsewhere after the loss cannot be told from that of the loss, and ends with it.
   *
   * @return what the body returned
   * @throws X what the body threw, while the lock was held throughout
   * @throws HoldLostException if the hold was lost before the body was done; what the body threw is suppressed in it
   * @throws InterruptedException if the thread is interrupted while it waits for the lock
   */
  public <T extends @Nullable Object, X extends Exception> T call(HoldBody<T, X> body)
      throws X, InterruptedException {
    return run(acquire(), body);
  }

  /**
   * Does the same with a bound on the wait.
   *
   * @param maxWait as in {@link #acquire(Duration)}
   * @return what the body returned
   * @throws X what the body threw, while the lock was held throughout
   * @throws LockTimeoutException if the lock could not be had in time; the body did not run
   * @throws HoldLostException if the hold was lost before the body was done; what the body threw is suppressed in it
   * @throws InterruptedException if the thread is interrupted while it waits for the lock
   */
  public <T extends @Nullable Object, X extends Exception> T call(
      Duration maxWait, HoldBody<T, X> body) throws X, InterruptedException {
    return run(acquire(maxWait), body);
  }

  /** What would be acquired. */
  @Override
  public String toString() {
    return targets.toString();
  }

  LockClient client() {
    return client;
  }

  /** Waits like {@link #acquire()}, whatever interrupts come; they are left for the caller to see. */
  Hold acquireUninterruptibly() {
    long waitNanos = AcquireRequest.LONGEST_WAIT_NANOS;
    return acquired(join(ask(waitNanos, Thread.currentThread().getId())), waitNanos);
  }

  /** What failed, as the caller shall see it. */
  static RuntimeException unwrap(Exception wrapper) {
    Throwable cause = wrapper.getCause();
    if (cause instanceof RuntimeException failure) {
      return failure;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(cause);
  }

  private CompletableFuture<AcquireOutcome> ask(long waitNanos, long callerThread) {
    LockStore store = client.store();
    return store.acquire(new AcquireRequest(targets, waitNanos, options, callerThread));
  }

  private AcquireOutcome await(long waitNanos) throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    CompletableFuture<AcquireOutcome> answer = ask(waitNanos, Thread.currentThread().getId());
    try {
      return answer.get();
    } catch (InterruptedException e) {
      if (!answer.cancel(false)) {
        giveBack(answer);
      }
      throw e;
    } catch (ExecutionException e) {
      throw unwrap(e);
    }
  }

  private static AcquireOutcome join(CompletableFuture<AcquireOutcome> answer) {
    try {
      return answer.join();
    } catch (CompletionException e) {
      throw unwrap(e);
    }
  }

  /** Gives back a grant that nobody is left to take. */
  private void giveBack(CompletableFuture<AcquireOutcome> answer) {
    answer.thenAccept(
        outcome -> {
          if (outcome instanceof AcquireOutcome.Granted granted) {
            Hold.of(this, granted.lease()).closeAsync();
          }
        });
  }

  private CompletableFuture<Hold> acquireAsync(long waitNanos) {
    CompletableFuture<AcquireOutcome> answer = ask(waitNanos, 0);
    CompletableFuture<Hold> result = new CompletableFuture<>();
    if (answer.isDone()) {
      hand(answer, waitNanos, result);
      return result;
    }
    // Whoever else completes the result leaves the line; what was granted before is then given back
    // by the hand-over.
    result.whenComplete((hold, failure) -> answer.cancel(false));
    // The thread that completes the answer may be one that releases somebody else's lock: it shall
    // not run our user's code.
    answer.whenComplete(
        (outcome, failure) -> {
          try {
            client.handOver(() -> hand(answer, waitNanos, result));
          } catch (RejectedExecutionException refused) {
            result.completeExceptionally(
                new IllegalStateException("the client's executor is shut down", refused));
            giveBack(answer);
          }
        });
    return result;
  }

  private void hand(
      CompletableFuture<AcquireOutcome> answer, long waitNanos, CompletableFuture<Hold> result) {
    if (answer.isCancelled()) {
      return; // by way of the result, which is done
    }
    try {
      Hold hold = acquired(join(answer), waitNanos);
      if (!result.complete(hold)) {
        hold.closeAsync();
      }
    } catch (RuntimeException | Error e) {
      result.completeExceptionally(e);
    }
  }

  private Hold acquired(AcquireOutcome outcome, long waitNanos) {
    if (outcome instanceof AcquireOutcome.Granted granted) {
      return Hold.of(this, granted.lease());
    }
    AcquireOutcome.Busy busy = (AcquireOutcome.Busy) outcome;
    throw new LockTimeoutException(
        targets, Duration.ofNanos(waitNanos), busy.holders(), busy.hint());
  }

  private Optional<Hold> granted(AcquireOutcome outcome) {
    return outcome instanceof AcquireOutcome.Granted granted
        ? Optional.of(Hold.of(this, granted.lease()))
        : Optional.empty();
  }

  private static <T extends @Nullable Object, X extends Exception> T run(
      Hold hold, HoldBody<T, X> body) throws X {
    InterruptOnLoss watch = new InterruptOnLoss(hold, Thread.currentThread());
    T result;
    try {
      result = body.run(hold);
    } catch (Throwable thrown) {
      watch.disarm();
      closeAfter(hold, thrown);
      throw thrown;
    }
    watch.disarm();
    hold.closeOrThrowLoss();
    return result;
  }

  /** Releases after a body that threw. What it threw goes on, unless the lock was lost: then it may be a mere consequence. */
  private static void closeAfter(Hold hold, Throwable thrown) {
    try {
      hold.closeOrThrowLoss();
    } catch (HoldLostException loss) {
      loss.addSuppressed(thrown);
      throw loss;
    } catch (RuntimeException failedRelease) {
      thrown.addSuppressed(failedRelease);
    }
  }
}
