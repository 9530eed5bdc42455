package io.holdfast.dynamodb;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.FlowAdapters;
import software.amazon.awssdk.core.async.SdkPublisher;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.async.AsyncExecuteRequest;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;

/**
 * The SDK's requests over the JDK's HTTP client, for those who bring no client of their own: no thread waits for an answer,
 * and no jar is added. Thread-safe.
 */
final class JdkHttp implements SdkAsyncHttpClient {
  /** So many requests are under way at a time, each on a connection of its own. */
  static final int MOST_CONNECTIONS = 128;

  /** So many more wait for a connection; what comes beyond is turned away. */
  static final int MOST_WAITING = 20_000;

  static final Duration CONNECTS_WITHIN = Duration.ofSeconds(2);

  /** The engine gives up a write before that, and whoever reads a page of a list can wait no longer. */
  static final Duration ANSWERS_WITHIN = Duration.ofSeconds(7);

  /** What has waited so long for a connection is sent no more: nobody has an ear for the answer. */
  static final Duration WAITS_WITHIN = Duration.ofSeconds(5);

  private static final int THREADS = 2;

  /** The JDK's client writes these itself, and refuses to be told. */
  private static final Set<String> WRITTEN_BY_THE_JDK =
      Set.of("host", "content-length", "connection", "expect", "upgrade", "transfer-encoding");

  private final ExecutorService threads;
  private final HttpClient client;
  private final ReentrantLock mutex = new ReentrantLock();

  // Guarded by the mutex.
  private final Queue<Waiting> waiting = new ArrayDeque<>();
  private int underWay;

  private final Ticker ticker;

  JdkHttp() {
    this(Ticker.system());
  }

  JdkHttp(Ticker ticker) {
    this.ticker = ticker;

    AtomicInteger made = new AtomicInteger();
    this.threads =
        Executors.newFixedThreadPool(
            THREADS,
            task -> {
              Thread thread = new Thread(task, "holdfast-dynamodb-" + made.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECTS_WITHIN)
            .followRedirects(HttpClient.Redirect.NEVER)
            .executor(threads)
            .build();
  }

  private record Waiting(
      AsyncExecuteRequest request, CompletableFuture<Void> done, long uselessAtNanos) {
    void fail(String why) {
      JdkHttp.fail(request, done, new NotSentException(why));
    }
  }

  /** Nothing has left this machine. */
  static final class NotSentException extends IOException {
    private static final long serialVersionUID = 1L;

    NotSentException(String message) {
      super(message);
    }
  }

  @Override
  public CompletableFuture<Void> execute(AsyncExecuteRequest request) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    boolean isNow = false;
    boolean isTooMany = false;
    mutex.lock();
    try {
      if (underWay < MOST_CONNECTIONS) {
        underWay++;
        isNow = true;
      } else if (waiting.size() < MOST_WAITING) {
        waiting.add(new Waiting(request, done, ticker.nanosIn(WAITS_WITHIN)));
      } else {
        isTooMany = true;
      }
    } finally {
      mutex.unlock();
    }
    if (isNow) {
      send(request, done);
    } else if (isTooMany) {
      fail(
          request,
          done,
          new NotSentException("waiting for a connection are " + MOST_WAITING + " requests"));
    }
    return done;
  }

  @Override
  public String clientName() {
    return "JdkHttp";
  }

  /** What has not been sent is not sent any more. */
  @Override
  public void close() {
    List<Waiting> unsent;
    mutex.lock();
    try {
      unsent = List.copyOf(waiting);
      waiting.clear();
    } finally {
      mutex.unlock();
    }
    unsent.forEach(one -> one.fail("the client was closed"));
    threads.shutdown();
  }

  private void send(AsyncExecuteRequest request, CompletableFuture<Void> done) {
    CompletableFuture<HttpResponse<byte[]>> answer;
    try {
      answer = client.sendAsync(request(request), BodyHandlers.ofByteArray());
    } catch (RuntimeException e) {
      answer = CompletableFuture.failedFuture(e);
    }
    answer.whenComplete(
        (response, failure) -> {
          next();
          if (response == null) {
            fail(request, done, failure == null ? new IOException("no answer") : failure);
          } else {
            answer(request, done, response);
          }
        });
  }

  private void next() {
    @Nullable Waiting next;
    List<Waiting> late = new ArrayList<>();
    mutex.lock();
    try {
      next = waiting.poll();
      while (next != null && ticker.nanos() - next.uselessAtNanos >= 0) {
        late.add(next);
        next = waiting.poll();
      }
      if (next == null) {
        underWay--;
      }
    } finally {
      mutex.unlock();
    }
    late.forEach(
        one -> one.fail("no connection was free within " + WAITS_WITHIN.toSeconds() + " s"));
    if (next != null) {
      send(next.request, next.done);
    }
  }

  private static void answer(
      AsyncExecuteRequest request, CompletableFuture<Void> done, HttpResponse<byte[]> response) {
    SdkHttpResponse.Builder head = SdkHttpResponse.builder().statusCode(response.statusCode());
    response.headers().map().forEach(head::putHeader);
    try {
      request.responseHandler().onHeaders(head.build());
      request
          .responseHandler()
          .onStream(SdkPublisher.fromIterable(List.of(ByteBuffer.wrap(response.body()))));
      done.complete(null);
    } catch (RuntimeException e) {
      fail(request, done, e);
    }
  }

  private static void fail(
      AsyncExecuteRequest request, CompletableFuture<Void> done, Throwable failure) {
    Throwable cause = Failures.unwrap(failure);
    request.responseHandler().onError(cause);
    done.completeExceptionally(cause);
  }

  private static HttpRequest request(AsyncExecuteRequest asked) {
    SdkHttpRequest request = asked.request();
    HttpRequest.Builder built =
        HttpRequest.newBuilder(request.getUri())
            .timeout(ANSWERS_WITHIN)
            .method(request.method().name(), body(asked));
    request.forEachHeader(
        (name, values) -> {
          if (!WRITTEN_BY_THE_JDK.contains(name.toLowerCase(Locale.ROOT))) {
            values.forEach(value -> built.header(name, value));
          }
        });
    return built.build();
  }

  private static BodyPublisher body(AsyncExecuteRequest asked) {
    long length = asked.requestContentPublisher().contentLength().orElse(0L);
    return length == 0
        ? BodyPublishers.noBody()
        : BodyPublishers.fromPublisher(
            FlowAdapters.toFlowPublisher(asked.requestContentPublisher()), length);
  }
}
