package io.holdfast.postgres;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * Something to be done by a thread that may block, and the future of its end. Whoever waits for the future, or for a stage
 * that depends on it, does it himself if nobody has begun: that saves the way to another thread and back. Whoever rather wants
 * to be told sends it on its way. If nobody does either, whoever made it must, after a while.
 */
final class Errand extends CompletableFuture<Void> implements Runnable {
  private final Runnable work;
  private final Executor threads;
  private final AtomicBoolean begun = new AtomicBoolean();

  /**
   * An errand.
   *
   * @param threads may block
   */
  Errand(Runnable work, Executor threads) {
    this.threads = threads;
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

  /** Sees to it that it is done soon, by one of the threads. */
  void send() {
    if (!begun.get()) {
      try {
        threads.execute(this);
      } catch (RejectedExecutionException e) {
        run(); // the client is closed: what is left to do is done here
      }
    }
  }

  /** For the stages that depend on it. */
  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new Stage<>(this);
  }

  @Override
  public CompletableFuture<Void> whenComplete(BiConsumer<? super Void, ? super Throwable> action) {
    send();
    return super.whenComplete(action);
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
    send(); // its patience may be less than what the work takes
    return super.get(timeout, unit);
  }

  private void help() {
    if (Threads.mayBlock()) {
      run();
    } else {
      send();
    }
  }

  /** What depends on an errand: waiting for it is waiting for the errand. */
  private static final class Stage<T> extends CompletableFuture<T> {
    private final Errand errand;

    Stage(Errand errand) {
      this.errand = errand;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new Stage<>(errand);
    }

    @Override
    public CompletableFuture<T> whenComplete(BiConsumer<? super T, ? super Throwable> action) {
      errand.send();
      return super.whenComplete(action);
    }

    @Override
    public T join() {
      errand.help();
      return super.join();
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
      errand.help();
      return super.get();
    }

    @Override
    public T get(long timeout, TimeUnit unit)
        throws InterruptedException, ExecutionException, TimeoutException {
      errand.send();
      return super.get(timeout, unit);
    }
  }
}
