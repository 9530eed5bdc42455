package io.holdfast.postgres.r2dbc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.holdfast.postgres.r2dbc.R2dbcConnectionLocks.ConnectionHold;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/** Publishes what a body publishes, which begins when the lock is held; ends when the lock has been given back. */
final class Guarded<T> implements Publisher<T> {
  private final Supplier<CompletableFuture<ConnectionHold>> lock;
  private final Supplier<? extends Publisher<? extends T>> body;

  Guarded(
      Supplier<CompletableFuture<ConnectionHold>> lock,
      Supplier<? extends Publisher<? extends T>> body) {
    this.lock = lock;
    this.body = body;
  }

  @Override
  public void subscribe(Subscriber<? super T> subscriber) {
    subscriber.onSubscribe(new Run(Objects.requireNonNull(subscriber, "subscriber")));
  }

  private enum Phase {
    /** Nothing was requested yet. */
    IDLE,
    /** The lock has been asked for. */
    LOCKING,
    /** The lock is held, for the body. */
    HELD,
    /** The body has ended, and the lock is given back; the subscriber will be told. */
    ENDING,
    /** Cancelled, or told all: the subscriber hears nothing any more. */
    OVER
  }

  private final class Run implements Subscription, Subscriber<T> {
    private final Subscriber<? super T> subscriber;
    private final ReentrantLock mutex = new ReentrantLock();

    @GuardedBy("mutex")
    private Phase phase = Phase.IDLE;

    /** What was asked for before there was anybody to pass it on to. */
    @GuardedBy("mutex")
    private long requested;

    @GuardedBy("mutex")
    private @Nullable Subscription source;

    @GuardedBy("mutex")
    private @Nullable ConnectionHold hold;

    Run(Subscriber<? super T> subscriber) {
      this.subscriber = subscriber;
    }

    @Override
    public void request(long n) {
      if (n <= 0) {
        if (leave()) {
          subscriber.onError(new IllegalArgumentException("requested " + n + ", not more than 0"));
        }
        return;
      }
      Subscription open;
      boolean isFirst;
      mutex.lock();
      try {
        isFirst = phase == Phase.IDLE;
        if (isFirst) {
          phase = Phase.LOCKING;
        }
        open = source;
        if (open == null) {
          requested = requested + n < 0 ? Long.MAX_VALUE : requested + n;
        }
      } finally {
        mutex.unlock();
      }
      if (open != null) {
        open.request(n);
      } else if (isFirst) {
        acquire();
      }
    }

    @Override
    public void cancel() {
      leave();
    }

    private void acquire() {
      CompletableFuture<ConnectionHold> acquired;
      try {
        acquired = lock.get();
      } catch (RuntimeException e) {
        acquired = CompletableFuture.failedFuture(e);
      }
      acquired.whenComplete(this::acquired);
    }

    private void acquired(@Nullable ConnectionHold granted, @Nullable Throwable thrown) {
      if (granted == null) {
        if (move(Phase.LOCKING, Phase.OVER)) {
          subscriber.onError(
              thrown == null ? new AssertionError("no answer") : Statements.cause(thrown));
        }
        return;
      }
      mutex.lock();
      try {
        hold = granted;
      } finally {
        mutex.unlock();
      }
      if (!move(Phase.LOCKING, Phase.HELD)) {
        granted.release(); // and no more: the body did not run
        return;
      }
      try {
        body.get().subscribe(this);
      } catch (Throwable e) { // whatever it is, the lock goes back
        onError(e);
      }
    }

    @Override
    public void onSubscribe(Subscription subscription) {
      boolean isWanted;
      long first;
      mutex.lock();
      try {
        isWanted = phase == Phase.HELD && source == null;
        if (isWanted) {
          source = subscription;
        }
        first = requested;
      } finally {
        mutex.unlock();
      }
      if (isWanted) {
        subscription.request(first);
      } else {
        subscription.cancel();
      }
    }

    @Override
    public void onNext(T item) {
      subscriber.onNext(item);
    }

    @Override
    public void onError(Throwable thrown) {
      ConnectionHold ended = end();
      if (ended != null) {
        ended.releaseAfter(thrown).whenComplete((released, suppressed) -> fail(thrown));
      }
    }

    @Override
    public void onComplete() {
      ConnectionHold ended = end();
      if (ended != null) {
        ended
            .release()
            .whenComplete(
                (released, thrown) -> {
                  if (thrown != null) {
                    fail(Statements.cause(thrown));
                  } else if (move(Phase.ENDING, Phase.OVER)) {
                    subscriber.onComplete();
                  }
                });
      }
    }

    private void fail(Throwable thrown) {
      if (move(Phase.ENDING, Phase.OVER)) {
        subscriber.onError(thrown);
      }
    }

    private @Nullable ConnectionHold end() {
      mutex.lock();
      try {
        if (phase != Phase.HELD) {
          return null;
        }
        phase = Phase.ENDING;
        return hold;
      } finally {
        mutex.unlock();
      }
    }

    /** The subscriber goes: the body is cancelled, and the lock given back, now or as soon as it is granted. */
    private boolean leave() {
      Phase before;
      Subscription left;
      ConnectionHold held;
      mutex.lock();
      try {
        before = phase;
        phase = Phase.OVER;
        left = source;
        held = hold;
      } finally {
        mutex.unlock();
      }
      if (before == Phase.HELD) {
        if (left != null) {
          left.cancel();
        }
        if (held != null) {
          held.releaseAfter(new CancellationException());
        }
      }
      return before != Phase.OVER;
    }

    private boolean move(Phase from, Phase to) {
      mutex.lock();
      try {
        boolean isThere = phase == from;
        phase = isThere ? to : phase;
        return isThere;
      } finally {
        mutex.unlock();
      }
    }
  }
}
