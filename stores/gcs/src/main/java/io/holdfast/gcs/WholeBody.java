package io.holdfast.gcs;

import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;

/**
 * The text of an answer, which is whole within a bound after its first line, or fails: the time-out of a request is over with
 * that line, and what follows may go on for ever.
 */
final class WholeBody implements BodySubscriber<String> {
  private final BodySubscriber<String> text = BodySubscribers.ofString(StandardCharsets.UTF_8);
  private final CompletableFuture<String> whole;

  WholeBody(Duration bound) {
    whole =
        text.getBody()
            .toCompletableFuture()
            .copy()
            .orTimeout(bound.toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public CompletionStage<String> getBody() {
    return whole;
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    text.onSubscribe(subscription);
    CompletableFuture<String> unused =
        whole.whenComplete(
            (body, failure) -> {
              if (failure != null) {
                subscription.cancel(); // else the connection stays, and waits for the rest
              }
            });
  }

  @Override
  public void onNext(List<ByteBuffer> item) {
    text.onNext(item);
  }

  @Override
  public void onError(Throwable failure) {
    text.onError(failure);
  }

  @Override
  public void onComplete() {
    text.onComplete();
  }
}
