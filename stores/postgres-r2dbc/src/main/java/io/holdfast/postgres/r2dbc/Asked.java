package io.holdfast.postgres.r2dbc;

import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/**
 * Publishes the answer to a question, or nothing if that is empty. Each subscriber asks anew, when it first requests something.
 * A subscriber that cancels is told nothing; an answer that it has not seen goes to whoever cleans up.
 */
final class Asked<T> implements Publisher<T> {
  private final Supplier<CompletableFuture<Optional<T>>> question;
  private final Consumer<T> unseen;

  /**
   * @param question asks; what it throws is published as well
   * @param unseen is given the answer for which nobody waits any longer
   */
  Asked(Supplier<CompletableFuture<Optional<T>>> question, Consumer<T> unseen) {
    this.question = question;
    this.unseen = unseen;
  }

  @Override
  public void subscribe(Subscriber<? super T> subscriber) {
    subscriber.onSubscribe(new Asking(Objects.requireNonNull(subscriber, "subscriber")));
  }

  private enum Phase {
    /** Nothing was requested yet. */
    IDLE,
    /** The question is under way. */
    ASKED,
    /** Cancelled, or answered: the subscriber hears nothing any more. */
    OVER
  }

  private final class Asking implements Subscription {
    private final Subscriber<? super T> subscriber;
    private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.IDLE);

    Asking(Subscriber<? super T> subscriber) {
      this.subscriber = subscriber;
    }

    @Override
    public void request(long n) {
      if (n <= 0) {
        if (phase.getAndSet(Phase.OVER) != Phase.OVER) {
          subscriber.onError(new IllegalArgumentException("requested " + n + ", not more than 0"));
        }
      } else if (phase.compareAndSet(Phase.IDLE, Phase.ASKED)) {
        ask();
      }
    }

    @Override
    public void cancel() {
      phase.set(Phase.OVER);
    }

    private void ask() {
      CompletableFuture<Optional<T>> answer;
      try {
        answer = question.get();
      } catch (RuntimeException e) {
        answer = CompletableFuture.failedFuture(e);
      }
      answer.whenComplete(
          (told, thrown) -> {
            if (thrown == null) {
              answered(told);
            } else if (phase.compareAndSet(Phase.ASKED, Phase.OVER)) {
              subscriber.onError(Statements.cause(thrown));
            }
          });
    }

    private void answered(Optional<T> answer) {
      if (phase.compareAndSet(Phase.ASKED, Phase.OVER)) {
        answer.ifPresent(subscriber::onNext);
        subscriber.onComplete();
      } else {
        answer.ifPresent(unseen);
      }
    }
  }
}
