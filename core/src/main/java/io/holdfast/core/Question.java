package io.holdfast.core;

import io.holdfast.UncertainOutcomeException;
import io.holdfast.spi.Ticker;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One request to the store, with a bound on the wait for its answer. Whatever the store does, who asked is told once: the
 * answer, or what failed, or that none came in time. An answer that comes after that is told as a late one.
 */
final class Question<T> {
  /** What is done with an answer, with the mutex of the place held. */
  interface Hearing<T> {
    /**
     * There is an answer.
     *
     * @param sentNanos a holder's reading from before the request left
     */
    void answered(long sentNanos, T answer);

    /** Or there was no answer in time. */
    void failed(long sentNanos, Throwable failure);

    /** An answer, after {@link #failed} has said that there was none. */
    default void answeredLate(long sentNanos, T answer) {}

    /** The client has closed; there will be no answer. */
    default void dropped() {}

    /** Whether a client that closes waits for the answer: it may bring a grant that is to be given back. */
    default boolean mustBeHeard() {
      return false;
    }
  }

  private final Place place;
  private final LeaseClient client;
  private final long patienceNanos;
  private final Hearing<T> hearing;

  // Guarded by the mutex of the place.
  private long sentNanos;
  private boolean isOpen = true;
  private boolean isDropped;
  private Ticker.@Nullable Alarm alarm;

  Question(Place place, LeaseClient client, long patienceNanos, Hearing<T> hearing) {
    this.place = place;
    this.client = client;
    this.patienceNanos = patienceNanos;
    this.hearing = hearing;
  }

  /** Sends the request, without the mutex. */
  void send(Supplier<CompletableFuture<T>> request) {
    place.within(
        () -> {
          sentNanos = place.ticker.holderNanos();
          if (isOpen) {
            alarm = place.at(place.ticker.nanos() + patienceNanos, this::unanswered);
          }
        });
    CompletableFuture<T> answer;
    try {
      answer = request.get();
    } catch (RuntimeException | Error broken) {
      answer = CompletableFuture.failedFuture(broken);
    }
    answer.whenComplete((told, failure) -> place.within(() -> answered(told, failure)));
  }

  boolean mustBeHeard() {
    return hearing.mustBeHeard();
  }

  /** Nobody wants to know any more. With the mutex held. */
  void drop() {
    isDropped = true;
    close();
    hearing.dropped();
    client.isAnswered(this);
  }

  private void answered(@Nullable T answer, @Nullable Throwable failure) {
    if (isDropped) {
      return;
    }
    boolean isInTime = isOpen;
    close();
    if (answer == null) {
      if (isInTime) {
        hearing.failed(sentNanos, unwrap(failure));
      }
    } else if (isInTime) {
      hearing.answered(sentNanos, answer);
    } else {
      hearing.answeredLate(sentNanos, answer);
    }
    client.isAnswered(
        this); // only now: what the answer is followed by keeps a client from closing, too
  }

  private void unanswered() {
    if (isOpen) {
      close();
      hearing.failed(sentNanos, noAnswer());
      client.isAnswered(this);
    }
  }

  private void close() {
    isOpen = false;
    if (alarm != null) {
      alarm.cancel();
    }
  }

  private UncertainOutcomeException noAnswer() {
    String what =
        "the "
            + client.name()
            + " store has not answered within "
            + patienceNanos / 1_000_000
            + " ms";
    return new UncertainOutcomeException(what, new TimeoutException(what));
  }

  private static Throwable unwrap(@Nullable Throwable failure) {
    if (failure == null) {
      return new IllegalStateException("the store has answered null");
    }
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }
}
