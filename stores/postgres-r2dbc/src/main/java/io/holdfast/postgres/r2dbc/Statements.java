package io.holdfast.postgres.r2dbc;

import io.holdfast.LockException;
import io.holdfast.postgres.AdvisoryLock;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.R2dbcException;
import io.r2dbc.spi.Readable;
import io.r2dbc.spi.Result;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/** Statements on a caller's connection, which run at once and fail with what the driver says. */
final class Statements {
  private Statements() {}

  /** Whether the answer is yes. */
  static CompletableFuture<Boolean> ask(Connection connection, AdvisoryLock.Question question) {
    Answers answers = new Answers(question);
    return started(answers, () -> connection.createStatement(question.sql()).execute());
  }

  /** Rolls back the transaction, if there is one. */
  static CompletableFuture<Boolean> rollback(Connection connection) {
    return started(new Last<>(true), connection::rollbackTransaction);
  }

  private static <T, A> CompletableFuture<A> started(
      Last<T, A> last, Supplier<Publisher<? extends T>> statement) {
    try {
      statement.get().subscribe(last);
    } catch (RuntimeException e) {
      last.onError(e);
    }
    return last.answer;
  }

  static @Nullable String sqlState(Throwable thrown) {
    return thrown instanceof R2dbcException e ? e.getSqlState() : null;
  }

  /** What an error of a statement is to a user. */
  static LockException failure(Throwable thrown) {
    String message = thrown.getMessage() == null ? thrown.toString() : thrown.getMessage();
    return AdvisoryLock.failure(sqlState(thrown), message, thrown);
  }

  /** Without what a stage wraps around it. */
  static Throwable cause(Throwable thrown) {
    return thrown instanceof CompletionException && thrown.getCause() != null
        ? thrown.getCause()
        : thrown;
  }

  /** Keeps the last of what is published, and the first failure; tells when all has ended. */
  private static class Last<T, A> implements Subscriber<T> {
    final CompletableFuture<A> answer = new CompletableFuture<>();
    A last;
    @Nullable Throwable failure;
    @Nullable Subscription source;

    Last(A ifNone) {
      last = ifNone;
    }

    @Override
    public void onSubscribe(Subscription subscription) {
      source = subscription;
      subscription.request(1);
    }

    @Override
    public void onNext(T item) {
      next();
    }

    final void next() {
      if (source != null) {
        source.request(1);
      }
    }

    @Override
    public void onError(Throwable thrown) {
      answer.completeExceptionally(failure == null ? thrown : failure);
    }

    @Override
    public void onComplete() {
      if (failure == null) {
        answer.complete(last);
      } else {
        answer.completeExceptionally(failure);
      }
    }
  }

  /** The results of the statements of one question, each to be read to its end before the next is asked for. */
  private static final class Answers extends Last<Result, Boolean> {
    private final AdvisoryLock.Question question;

    Answers(AdvisoryLock.Question question) {
      super(question.isYes(null));
      this.question = question;
    }

    @Override
    public void onNext(Result result) {
      Function<Readable, String> read =
          row -> {
            String answer =
                question.hasAnswer() ? row.get(question.column() - 1, String.class) : null;
            return answer == null ? "" : answer;
          };
      started(new Rows(), () -> result.map(read))
          .whenComplete(
              (isYes, thrown) -> {
                if (thrown != null) {
                  failure = failure == null ? thrown : failure;
                } else {
                  last = isYes;
                }
                next();
              });
    }

    private final class Rows extends Last<String, Boolean> {
      Rows() {
        super(question.isYes(null));
      }

      @Override
      public void onNext(String row) {
        last = question.isYes(row);
        next();
      }
    }
  }
}
