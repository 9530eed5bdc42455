package io.holdfast.gcs;

import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * An HTTP client whose server is an {@link EmulatedStorage} in the same JVM, without a network: it answers at once, in the
 * thread that asks, so time that is turned by hand does not run away from it.
 */
class EmulatedHttp extends HttpClient {
  private static final EmulatedStorage.Reply CUT =
      new EmulatedStorage.Reply(401, Map.of(), new byte[0]);

  private final EmulatedStorage storage;

  EmulatedHttp(EmulatedStorage storage) {
    this.storage = storage;
  }

  /** Whether no request reaches the server any more: each is refused. */
  boolean isCut() {
    return false;
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler) {
    if (isCut()) {
      return response(request, CUT, handler);
    }
    Map<String, String> headers = new HashMap<>();
    request
        .headers()
        .map()
        .forEach(
            (name, values) -> headers.put(name.toLowerCase(Locale.ROOT), String.join(",", values)));
    EmulatedStorage.Call call =
        new EmulatedStorage.Call(
            request.method(),
            request.uri().getRawPath(),
            Optional.ofNullable(request.uri().getRawQuery()).orElse(""),
            headers,
            request.bodyPublisher().map(EmulatedHttp::bytes).orElse(new byte[0]));
    return storage
        .serve(call)
        .thenCompose(
            reply ->
                reply
                    .map(it -> response(request, it, handler))
                    .orElseGet(
                        () -> CompletableFuture.failedFuture(new IOException("connection reset"))));
  }

  private static byte[] bytes(HttpRequest.BodyPublisher publisher) {
    BodySubscriber<byte[]> whole = HttpResponse.BodySubscribers.ofByteArray();
    publisher.subscribe(
        new Flow.Subscriber<>() {
          @Override
          public void onSubscribe(Flow.Subscription subscription) {
            whole.onSubscribe(subscription);
          }

          @Override
          public void onNext(ByteBuffer item) {
            whole.onNext(List.of(item));
          }

          @Override
          public void onError(Throwable failure) {
            whole.onError(failure);
          }

          @Override
          public void onComplete() {
            whole.onComplete();
          }
        });
    return whole.getBody().toCompletableFuture().join();
  }

  private static <T> CompletableFuture<HttpResponse<T>> response(
      HttpRequest request, EmulatedStorage.Reply reply, BodyHandler<T> handler) {
    Map<String, List<String>> fields = new HashMap<>();
    reply.headers().forEach((name, value) -> fields.put(name, List.of(value)));
    HttpHeaders headers = HttpHeaders.of(fields, (name, value) -> true);
    BodySubscriber<T> body =
        handler.apply(
            new ResponseInfo() {
              @Override
              public int statusCode() {
                return reply.status();
              }

              @Override
              public HttpHeaders headers() {
                return headers;
              }

              @Override
              public Version version() {
                return Version.HTTP_1_1;
              }
            });
    body.onSubscribe(
        new Flow.Subscription() {
          @Override
          public void request(long n) {}

          @Override
          public void cancel() {}
        });
    if (reply.body().length > 0) {
      body.onNext(List.of(ByteBuffer.wrap(reply.body())));
    }
    body.onComplete();
    return body.getBody()
        .<HttpResponse<T>>thenApply(read -> new Answered<>(request, reply.status(), headers, read))
        .toCompletableFuture();
  }

  private record Answered<T>(HttpRequest request, int statusCode, HttpHeaders headers, T body)
      implements HttpResponse<T> {
    @Override
    public Optional<HttpResponse<T>> previousResponse() {
      return Optional.empty();
    }

    @Override
    public Optional<javax.net.ssl.SSLSession> sslSession() {
      return Optional.empty();
    }

    @Override
    public java.net.URI uri() {
      return request.uri();
    }

    @Override
    public Version version() {
      return Version.HTTP_1_1;
    }
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> pushes) {
    return sendAsync(request, handler);
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler) {
    return sendAsync(request, handler).join();
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return Optional.empty();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return Optional.empty();
  }

  @Override
  public Redirect followRedirects() {
    return Redirect.NEVER;
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return Optional.empty();
  }

  @Override
  public SSLContext sslContext() {
    throw new UnsupportedOperationException("there is no network");
  }

  @Override
  public SSLParameters sslParameters() {
    throw new UnsupportedOperationException("there is no network");
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return Optional.empty();
  }

  @Override
  public Version version() {
    return Version.HTTP_1_1;
  }

  @Override
  public Optional<Executor> executor() {
    return Optional.empty();
  }
}
