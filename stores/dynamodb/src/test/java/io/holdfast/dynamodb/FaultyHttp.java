package io.holdfast.dynamodb;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.reactivestreams.Publisher;
import software.amazon.awssdk.core.async.SdkPublisher;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.async.AsyncExecuteRequest;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.http.async.SdkAsyncHttpResponseHandler;

/** Real requests that go wrong when they are told to, and are counted by their action. Thread-safe. */
final class FaultyHttp implements SdkAsyncHttpClient {
  /** What becomes of a request. */
  enum Fault {
    /** Nothing special. */
    NONE,
    /** No connection comes about. */
    NOT_CONNECTED,
    /** It is carried out, and the answer is lost. */
    ANSWER_LOST,
    /** It is carried out twice, one after the other; the second answer counts. */
    TWICE,
    /** Turned away for its throughput. */
    THROTTLED,
    /** Turned away for a permission. */
    DENIED,
    /** The server says that it has failed, and has not done it. */
    SERVER_FAILED
  }

  private final SdkAsyncHttpClient real = new JdkHttp(Ticker.system());
  private final Map<String, AtomicInteger> counted = new ConcurrentHashMap<>();
  private final AtomicInteger times = new AtomicInteger();
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicReference<Predicate<String>> on = new AtomicReference<>(it -> false);
  private volatile Fault fault = Fault.NONE;
  private volatile Duration delay = Duration.ZERO;

  /** The next so many requests of an action go wrong. */
  void next(int many, String action, Fault what) {
    fault = what;
    on.set(action::equals);
    times.set(many);
  }

  /** Each request takes so long before it is sent. */
  void delay(Duration before) {
    delay = before;
  }

  int count(String action) {
    return counted.getOrDefault(action, new AtomicInteger()).get();
  }

  /** Requests of all actions. */
  int count() {
    return counted.values().stream().mapToInt(AtomicInteger::get).sum();
  }

  /** Requests by their action. */
  Map<String, Integer> counts() {
    Map<String, Integer> counts = new TreeMap<>();
    counted.forEach((action, count) -> counts.put(action, count.get()));
    return counts;
  }

  void forgetCounts() {
    counted.clear();
  }

  /** Whether all that was asked is answered. */
  boolean isQuiet() {
    return underWay.get() == 0;
  }

  @Override
  public CompletableFuture<Void> execute(AsyncExecuteRequest request) {
    underWay.incrementAndGet();
    return counted(request).whenComplete((done, failure) -> underWay.decrementAndGet());
  }

  private CompletableFuture<Void> counted(AsyncExecuteRequest request) {
    String target = request.request().firstMatchingHeader("X-Amz-Target").orElse(".");
    String action = target.substring(target.indexOf('.') + 1);
    counted.computeIfAbsent(action, it -> new AtomicInteger()).incrementAndGet();
    Fault now =
        on.get().test(action) && times.getAndUpdate(it -> Math.max(0, it - 1)) > 0
            ? fault
            : Fault.NONE;
    if (delay.isZero()) {
      return execute(request, now);
    }
    Executor later = CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS);
    return CompletableFuture.supplyAsync(() -> null, later)
        .thenCompose(it -> execute(request, now));
  }

  private CompletableFuture<Void> execute(AsyncExecuteRequest request, Fault now) {
    return switch (now) {
      case NONE -> real.execute(request);
      case NOT_CONNECTED -> fail(request, new ConnectException("refused by the test"));
      case ANSWER_LOST ->
          real.execute(silent(request))
              .handle((done, failure) -> new IOException("lost by the test"))
              .thenCompose(lost -> fail(request, lost));
      case TWICE -> real.execute(silent(request)).thenCompose(it -> real.execute(request));
      case THROTTLED ->
          answer(
              request,
              400,
              "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException");
      case DENIED -> answer(request, 400, "com.amazon.coral.service#AccessDeniedException");
      case SERVER_FAILED ->
          answer(request, 500, "com.amazonaws.dynamodb.v20120810#InternalServerError");
    };
  }

  private static CompletableFuture<Void> fail(AsyncExecuteRequest request, Throwable failure) {
    request.responseHandler().onError(failure);
    return CompletableFuture.failedFuture(failure);
  }

  private static CompletableFuture<Void> answer(
      AsyncExecuteRequest request, int status, String type) {
    byte[] body =
        ("{\"__type\":\"" + type + "\",\"message\":\"said by the test\"}")
            .getBytes(StandardCharsets.UTF_8);
    request
        .responseHandler()
        .onHeaders(
            SdkHttpResponse.builder()
                .statusCode(status)
                .putHeader("Content-Type", "application/x-amz-json-1.0")
                .putHeader("Content-Length", String.valueOf(body.length))
                .build());
    request.responseHandler().onStream(SdkPublisher.fromIterable(List.of(ByteBuffer.wrap(body))));
    return CompletableFuture.completedFuture(null);
  }

  /** The same request with nobody to hear the answer. */
  private static AsyncExecuteRequest silent(AsyncExecuteRequest request) {
    return AsyncExecuteRequest.builder()
        .request(request.request())
        .requestContentPublisher(request.requestContentPublisher())
        .responseHandler(
            new SdkAsyncHttpResponseHandler() {
              @Override
              public void onHeaders(SdkHttpResponse headers) {}

              @Override
              public void onStream(Publisher<ByteBuffer> stream) {}

              @Override
              public void onError(Throwable error) {}
            })
        .build();
  }

  @Override
  public void close() {
    real.close();
  }
}
