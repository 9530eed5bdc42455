package io.holdfast.postgres;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Something to be done by a thread that may block, and the future of its end. Whoever waits for the future does it himself
 * if nobody has begun: that saves the way to another thread and back.
 */
final class Errand extends CompletableFuture<Void> implements Runnable {
  private final Runnable work;
  private final AtomicBoolean begun = new AtomicBoolean();

  /**
   * An errand.
   *
   * @param work completes this future itself if it fails
   */
  Errand(Runnable work) {
    this.work = work;
  }

  /** Does it unless somebody has begun. */
  @Override
  public void run() {
    if (begun.compareAndSet(false, true)) {
      try {
        work.run();
        complete(null);
      } catch (RuntimeException | Error e) {
        completeExceptionally(e);
      }
    }
  }

  @Override
  public Void join() {
    help();
    return super.join();
  }

  @Override
  public Void get() throws InterruptedException, ExecutionException {
    help();
    return super.get();
  }

  @Override
  public Void get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return super.get(timeout, unit); // its patience may be less than what the work takes
  }

  private void help() {
    if (Threads.mayBlock()) {
      run();
    }
  }
}
