package io.holdfast.testkit.history;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldLostException;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LossReason;
import io.holdfast.UncertainOutcomeException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** A client that writes down what it sees: the same calls, stamped on the right side. Thread-safe. */
public final class RecordingClient implements AutoCloseable {
  private static final Duration FOR_EVER = Duration.ofDays(365);

  private final HistoryRecorder recorder;
  private final String name;
  private final LockClient client;

  /**
   * Of a client that nobody else uses or closes.
   *
   * @param name what it is called in the history, where no two sessions share a name
   */
  public RecordingClient(HistoryRecorder recorder, String name, LockClient client) {
    this.recorder = recorder;
    this.name = name;
    this.client = client;
  }

  /** The client, to make locks with. */
  public LockClient client() {
    return client;
  }

  /** {@link DistributedLock#acquire()}. */
  public RecordedHold acquire(DistributedLock lock) throws InterruptedException {
    long request = asked(lock, FOR_EVER);
    try {
      return had(request, lock.acquire());
    } catch (InterruptedException e) {
      interrupted(request);
      throw e;
    } catch (RuntimeException e) {
      failed(request, e);
      throw e;
    }
  }

  /** {@link DistributedLock#tryAcquire(Duration)}. */
  public Optional<RecordedHold> tryAcquire(DistributedLock lock, Duration maxWait)
      throws InterruptedException {
    long request = asked(lock, maxWait);
    try {
      return answered(request, maxWait, lock.tryAcquire(maxWait));
    } catch (InterruptedException e) {
      interrupted(request);
      throw e;
    } catch (RuntimeException e) {
      failed(request, e);
      throw e;
    }
  }

  /** {@link DistributedLock#tryAcquire()}. */
  public Optional<RecordedHold> tryAcquire(DistributedLock lock) {
    long request = asked(lock, Duration.ZERO);
    try {
      return answered(request, Duration.ZERO, lock.tryAcquire());
    } catch (RuntimeException e) {
      failed(request, e);
      throw e;
    }
  }

  /**
   * {@link DistributedLock#acquireAsync()}.
   *
   * @param standsInLine whether the store's requests stand in line by the time the call returns
   */
  public RecordedRequest acquireAsync(DistributedLock lock, boolean standsInLine) {
    long request = asked(lock, FOR_EVER);
    CompletableFuture<Hold> asked = lock.acquireAsync();
    if (standsInLine && !asked.isDone()) {
      recorder.queued(request);
    }
    return new RecordedRequest(request, asked);
  }

  /** {@link LockClient#forceRelease}. */
  public boolean forceRelease(String lock, long token) {
    LockKey key = new LockKey.Name(lock);
    recorder.revoking(key, token);
    boolean taken = client.forceRelease(lock, token);
    if (taken) {
      recorder.revoked(key, token);
    }
    return taken;
  }

  /** {@link LockClient#close}. */
  @Override
  public void close() {
    recorder.clientClosing(name);
    client.close();
    recorder.clientClosed(name);
  }

  private long asked(DistributedLock lock, Duration maxWait) {
    return recorder.asked(name, lock.targets(), maxWait, lock.options().maxHold());
  }

  private Optional<RecordedHold> answered(long request, Duration maxWait, Optional<Hold> answer) {
    if (answer.isEmpty()) {
      recorder.gaveUp(
          request, maxWait.isZero() ? HistoryEvent.Why.BUSY : HistoryEvent.Why.TIMED_OUT);
    }
    return answer.map(hold -> had(request, hold));
  }

  private RecordedHold had(long request, Hold hold) {
    long token = token(hold);
    if (!recorder.acquired(request, token, hold::isHeld)) {
      if (endedWithItsClient(hold)) { // handed over by a thread that was slower than who closed it
        throw new IllegalStateException(name + " was closed meanwhile");
      }
      recorder.acquired(request, token); // and lost it at once, as the listener will tell
    }
    hold.onLost(reason -> recorder.lost(request, reason));
    return new RecordedHold(request, token, hold);
  }

  private static long token(Hold hold) {
    try {
      return hold.token();
    } catch (UnsupportedOperationException noneKept) {
      return 0;
    }
  }

  private static boolean endedWithItsClient(Hold hold) {
    try {
      hold.checkHeld();
      return false;
    } catch (HoldLostException lost) {
      return lost.reason() == LossReason.SESSION_ENDED;
    }
  }

  /** Nobody saw when the thread was interrupted: here is where it is known for certain. */
  private void interrupted(long request) {
    recorder.cancelling(request);
    recorder.gaveUp(request, HistoryEvent.Why.CANCELLED);
  }

  /** Whatever is none of the others counts as a refusal, for which the checker wants a reason. */
  private void failed(long request, Throwable failure) {
    if (failure instanceof UncertainOutcomeException) {
      recorder.unknown(request);
    } else if (failure instanceof CancellationException) {
      recorder.gaveUp(request, HistoryEvent.Why.CANCELLED);
    } else if (failure instanceof IllegalStateException) {
      recorder.gaveUp(request, HistoryEvent.Why.CLIENT_CLOSED);
    } else {
      recorder.gaveUp(request, HistoryEvent.Why.REFUSED);
    }
  }

  /** A request on its way. */
  public final class RecordedRequest {
    private final long request;
    private final CompletableFuture<Hold> asked;
    private final CompletableFuture<RecordedHold> answer;

    private RecordedRequest(long request, CompletableFuture<Hold> asked) {
      this.request = request;
      this.asked = asked;
      this.answer = asked.handle(this::note);
    }

    private RecordedHold note(@Nullable Hold hold, @Nullable Throwable failure) {
      Throwable cause = failure;
      if (hold != null) {
        try {
          return had(request, hold);
        } catch (IllegalStateException closed) {
          cause = closed;
        }
      }
      if (cause == null) {
        cause = new IllegalStateException("neither hold nor failure");
      }
      failed(request, cause);
      throw new CompletionException(cause);
    }

    /** What comes of it. */
    public CompletableFuture<RecordedHold> answer() {
      return answer;
    }

    /** Leaves the line. */
    public void cancel() {
      recorder.cancelling(request);
      asked.cancel(false);
    }
  }

  /** A hold whose use is written down. */
  public final class RecordedHold implements AutoCloseable {
    private final long request;
    private final long token;
    private final Hold hold;

    private RecordedHold(long request, long token, Hold hold) {
      this.request = request;
      this.token = token;
      this.hold = hold;
    }

    /** Its number in the history. */
    public long request() {
      return request;
    }

    /** The fencing token; 0 if the store keeps none. */
    public long token() {
      return token;
    }

    /** The hold itself; not to be closed. */
    public Hold hold() {
      return hold;
    }

    /** {@link Hold#isHeld}. */
    public boolean isHeld() {
      return recorder.used(request, hold::isHeld);
    }

    /** {@link Hold#close}, but a loss is not thrown: it is in the history. */
    @Override
    public void close() {
      recorder.releasing(request);
      try {
        hold.close();
      } catch (HoldLostException lost) {
        return; // written down by the callback
      } catch (UncertainOutcomeException e) {
        recorder.unknown(request);
        return;
      }
      try {
        hold.checkHeld(); // of a hold that was lost and told, close says nothing
      } catch (HoldLostException lost) {
        return;
      } catch (IllegalStateException closed) {
        recorder.released(request);
        return;
      }
      throw new IllegalStateException(hold + " is held after it was closed");
    }
  }
}
