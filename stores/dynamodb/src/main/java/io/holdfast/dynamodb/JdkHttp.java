package io.holdfast.dynamodb;

import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
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
  /*
   * Nobody calls a request back, so each one ends here: by its answer, or when nobody waits for the answer any more. What the
   * engine has given up must not be sent, for a lock that is taken then is held by nobody. And requests on connections that
   * have died in silence must not keep out those that would go by new ones: what is silent no longer counts as under way.
   */

  /** So many requests are under way at a time, each on a connection of its own, beside those that have fallen silent. */
  static final int MOST_CONNECTIONS = 128;

  /** So many more wait for a connection; what comes beyond is turned away. */
  static final int MOST_WAITING = 20_000;

  /** What has waited for longer is not sent: the engine has given it up. */
  static final Duration WAITS_WITHIN = Duration.ofSeconds(5);

  static final Duration CONNECTS_WITHIN = Duration.ofSeconds(2);

  /** A request that is not answered within so long makes room for another. */
  static final Duration SILENT_AFTER = Duration.ofSeconds(2);

  /** Longer than the engine waits for a write; a page of a list may take it, and a table that is made. */
  static final Duration ANSWERS_WITHIN = Duration.ofSeconds(10);

  private static final int THREADS = 2;

  /** The JDK's client writes these itself, and refuses to be told. */
  private static final Set<String> WRITTEN_BY_THE_JDK =
      Set.of("host", "content-length", "connection", "expect", "upgrade", "transfer-encoding");

  private final ExecutorService threads;
  private final HttpClient client;
  private final Ticker ticker;
  private final ReentrantLock mutex = new ReentrantLock();

  // Guarded by the mutex.
  private final Queue<Sending> waiting = new ArrayDeque<>();
  private int underWay;
  private boolean isSendingOn;
  private boolean isClosed;

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

  /** Nothing has left this machine. */
  static final class NotSentException extends IOException {
    private static final long serialVersionUID = 1L;

    NotSentException(String message) {
      super(message);
    }
  }

  @Override
  public CompletableFuture<Void> execute(AsyncExecuteRequest request) {
    Sending sending = new Sending(request);
    boolean isNow = false;
    Optional<String> refusal = Optional.empty();
    mutex.lock();
    try {
      if (isClosed) {
        refusal = Optional.of("the client is closed");
      } else if (underWay < MOST_CONNECTIONS) {
        underWay++;
        isNow = true;
      } else if (waiting.size() < MOST_WAITING) {
        waiting.add(sending);
      } else {
        refusal = Optional.of("waiting for a connection are " + MOST_WAITING + " requests");
      }
    } finally {
      mutex.unlock();
    }
    if (isNow) {
      sending.send();
    } else {
      refusal.ifPresent(why -> sending.fail(new NotSentException(why)));
    }
    return sending.done;
  }

  @Override
  public String clientName() {
    return "JdkHttp";
  }

  /** What has not been sent fails. */
  @Override
  public void close() {
    List<Sending> unsent;
    mutex.lock();
    try {
      isClosed = true;
      unsent = List.copyOf(waiting);
      waiting.clear();
    } finally {
      mutex.unlock();
    }
    unsent.forEach(sending -> sending.fail(new NotSentException("the client is closed")));
    threads.shutdown();
  }

  /** Sends what waits, while there is room; one thread at a time, so that those that fail at once do not pile up. */
  private void sendOn() {
    boolean isFirst = true;
    for (Sending next = next(isFirst); next != null; next = next(isFirst)) {
      isFirst = false;
      next.send();
    }
  }

  /** The next to send, with room for it; null if there is none, or another thread is at it. */
  private @Nullable Sending next(boolean isFirst) {
    List<Sending> late = new ArrayList<>();
    @Nullable Sending next = null;
    mutex.lock();
    try {
      if (isFirst && isSendingOn) {
        return null;
      }
      while (underWay < MOST_CONNECTIONS && next == null && !waiting.isEmpty()) {
        Sending oldest = waiting.remove();
        if (ticker.nanos() - oldest.uselessAtNanos < 0) {
          next = oldest;
          underWay++;
        } else {
          late.add(oldest);
        }
      }
      isSendingOn = next != null;
    } finally {
      mutex.unlock();
    }
    late.forEach(it -> it.fail(new NotSentException("no connection was free in time")));
    return next;
  }

  /** Not in the thread of the timers, unless the client is closed. */
  private void soon(Runnable task) {
    try {
      threads.execute(task);
    } catch (RejectedExecutionException e) {
      task.run();
    }
  }

  /** A request, from being asked for to its end. */
  private final class Sending {
    private final AsyncExecuteRequest request;
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private final long uselessAtNanos = ticker.nanosIn(WAITS_WITHIN);
    private final AtomicBoolean hasRoom = new AtomicBoolean(true);

    private Sending(AsyncExecuteRequest request) {
      this.request = request;
    }

    private void send() {
      CompletableFuture<HttpResponse<byte[]>> asked;
      try {
        asked = client.sendAsync(request(request), BodyHandlers.ofByteArray());
      } catch (RuntimeException e) {
        asked = CompletableFuture.failedFuture(e);
      }
      CompletableFuture<HttpResponse<byte[]>> answer = asked;
      Ticker.Alarm silence = ticker.schedule(ticker.nanosIn(SILENT_AFTER), () -> isSilent(answer));
      answer.whenComplete(
          (response, failure) -> {
            silence.cancel();
            makeRoom();
            if (response == null) {
              fail(failure == null ? new IOException("no answer") : failure);
            } else {
              answer(response);
            }
          });
    }

    private void isSilent(CompletableFuture<HttpResponse<byte[]>> answer) {
      if (!answer.isDone()) {
        Ticker.Alarm unused =
            ticker.schedule(
                ticker.nanosIn(ANSWERS_WITHIN.minus(SILENT_AFTER)),
                () -> soon(() -> answer.cancel(true)));
        soon(this::makeRoom);
      }
    }

    private void makeRoom() {
      if (!hasRoom.getAndSet(false)) {
        return;
      }
      mutex.lock();
      try {
        underWay--;
      } finally {
        mutex.unlock();
      }
      sendOn();
    }

    private void answer(HttpResponse<byte[]> response) {
      SdkHttpResponse.Builder head = SdkHttpResponse.builder().statusCode(response.statusCode());
      response.headers().map().forEach(head::putHeader);
      try {
        request.responseHandler().onHeaders(head.build());
        request
            .responseHandler()
            .onStream(SdkPublisher.fromIterable(List.of(ByteBuffer.wrap(response.body()))));
        done.complete(null);
      } catch (RuntimeException e) {
        fail(e);
      }
    }

    private void fail(Throwable failure) {
      Throwable cause = Failures.unwrap(failure);
      if (cause instanceof CancellationException) {
        cause = new HttpTimeoutException("no answer within " + ANSWERS_WITHIN.toSeconds() + " s");
      }
      try {
        request.responseHandler().onError(cause);
      } catch (RuntimeException e) {
        cause.addSuppressed(e);
      }
      done.completeExceptionally(cause);
    }
  }

  private static HttpRequest request(AsyncExecuteRequest asked) {
    SdkHttpRequest request = asked.request();
    HttpRequest.Builder built =
        HttpRequest.newBuilder(request.getUri()).method(request.method().name(), body(asked));
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
