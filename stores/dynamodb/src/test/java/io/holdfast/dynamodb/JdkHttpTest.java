package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.ManualTicker;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;
import software.amazon.awssdk.http.SdkHttpFullRequest;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.async.AsyncExecuteRequest;
import software.amazon.awssdk.http.async.SdkAsyncHttpResponseHandler;
import software.amazon.awssdk.http.async.SdkHttpContentPublisher;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;

/** What becomes of requests when connections die in silence, when there are too many, and at the end. */
class JdkHttpTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Received, but not yet seen to be silent. */
  private static final int STRAGGLERS = 8;

  private static final SdkHttpContentPublisher NOTHING =
      new SdkHttpContentPublisher() {
        @Override
        public Optional<Long> contentLength() {
          return Optional.of(0L);
        }

        @Override
        public void subscribe(Subscriber<? super ByteBuffer> subscriber) {
          throw new UnsupportedOperationException("there is nothing to send");
        }
      };

  private final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 1_000_000_000);
  private final JdkHttp http = new JdkHttp(ticker);
  private final Set<String> received = ConcurrentHashMap.newKeySet();
  private HttpServer server;

  /** Answers what is asked below {@code /answered}, and nothing else, ever. */
  @BeforeEach
  void start() throws Exception {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1_000);
    server.createContext(
        "/",
        exchange -> {
          received.add(exchange.getRequestURI().getPath());
          if (exchange.getRequestURI().getPath().startsWith("/answered")) {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
          }
        });
    server.start();
  }

  @AfterEach
  void stop() {
    http.close();
    server.stop(0);
  }

  private CompletableFuture<Void> ask(String path) {
    return ask(path, "good-header");
  }

  private CompletableFuture<Void> ask(String path, String header) {
    SdkHttpFullRequest request =
        SdkHttpFullRequest.builder()
            .method(SdkHttpMethod.POST)
            .uri(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + path))
            .putHeader(header, "x")
            .build();
    return http.execute(
        AsyncExecuteRequest.builder()
            .request(request)
            .requestContentPublisher(NOTHING)
            .responseHandler(
                new SdkAsyncHttpResponseHandler() {
                  @Override
                  public void onHeaders(SdkHttpResponse headers) {}

                  @Override
                  public void onStream(Publisher<ByteBuffer> stream) {}

                  @Override
                  public void onError(Throwable error) {}
                })
            .build());
  }

  private List<CompletableFuture<Void>> askSilent(String path, int many) {
    List<CompletableFuture<Void>> asked = new ArrayList<>();
    for (int i = 0; i < many; i++) {
      asked.add(ask("/" + path + "/" + i));
    }
    return asked;
  }

  private static void until(BooleanSupplier fact) {
    long end = Ticker.system().nanosIn(PATIENCE);
    while (!fact.getAsBoolean() && Ticker.system().nanos() - end < 0) {
      LockSupport.parkNanos(1_000_000);
    }
    assertThat(fact.getAsBoolean()).isTrue();
  }

  private void untilReceived(int many) {
    until(() -> received.size() >= many);
  }

  @Test
  void connectionsThatFallSilentDoNotKeepTheOthersOut() {
    askSilent("silent", JdkHttp.MOST_CONNECTIONS);
    CompletableFuture<Void> lively = ask("/answered");
    untilReceived(JdkHttp.MOST_CONNECTIONS);
    ticker.advance(JdkHttp.SILENT_AFTER.minusMillis(1));
    assertThat(lively).isNotDone();
    ticker.advance(Duration.ofMillis(1));
    assertThat(lively).succeedsWithin(PATIENCE);
    assertThat(ask("/answered/next")).as("and there is room").succeedsWithin(PATIENCE);
  }

  @Test
  void whatHasWaitedTooLongIsNotSent() {
    int many = JdkHttp.MOST_CONNECTIONS;
    askSilent("silent", 3 * many);
    CompletableFuture<Void> last = ask("/answered/late");
    for (int i = 1; i <= 3; i++) {
      untilReceived(i * many - STRAGGLERS);
      ticker.advance(JdkHttp.SILENT_AFTER);
    }
    until(
        () -> {
          ticker.advance(Duration.ofMillis(10));
          return last.isDone();
        });
    assertThat(last)
        .failsWithin(PATIENCE)
        .withThrowableThat()
        .withCauseInstanceOf(JdkHttp.NotSentException.class);
    assertThat(ask("/answered/next")).succeedsWithin(PATIENCE);
    assertThat(received).contains("/answered/next").doesNotContain("/answered/late");
  }

  @Test
  void requestWithoutAnAnswerEnds() {
    CompletableFuture<Void> silent = ask("/silent");
    untilReceived(1);
    ticker.advance(JdkHttp.ANSWERS_WITHIN.minusMillis(1));
    assertThat(silent).isNotDone();
    ticker.advance(Duration.ofMillis(1));
    assertThat(silent)
        .failsWithin(PATIENCE)
        .withThrowableThat()
        .withCauseInstanceOf(HttpTimeoutException.class);
  }

  @Test
  void whatIsTooMuchIsTurnedAwayAndWhatWaitsAtTheEndFails() {
    askSilent("silent", JdkHttp.MOST_CONNECTIONS);
    List<CompletableFuture<Void>> waiting = askSilent("waiting", JdkHttp.MOST_WAITING);
    assertThat(ask("/answered"))
        .failsWithin(Duration.ZERO)
        .withThrowableThat()
        .withCauseInstanceOf(JdkHttp.NotSentException.class);
    assertThat(waiting).noneMatch(CompletableFuture::isDone);
    http.close();
    assertThat(waiting).allMatch(CompletableFuture::isCompletedExceptionally);
    assertThat(ask("/answered"))
        .failsWithin(Duration.ZERO)
        .withThrowableThat()
        .withCauseInstanceOf(JdkHttp.NotSentException.class);
  }

  /** As many as may wait fail one after the other, at once, and not one within the other. */
  @Test
  void requestsThatFailAtOnceDoNotPileUp() {
    askSilent("silent", JdkHttp.MOST_CONNECTIONS);
    List<CompletableFuture<Void>> refused = new ArrayList<>();
    for (int i = 0; i < JdkHttp.MOST_WAITING; i++) {
      refused.add(ask("/refused", "a bad header")); // by the JDK's client
    }
    ticker.advance(JdkHttp.SILENT_AFTER);
    until(() -> refused.stream().allMatch(CompletableFuture::isCompletedExceptionally));
    assertThat(ask("/answered")).succeedsWithin(PATIENCE);
  }

  @Test
  void clientOfAUrlLeavesNoThreadBehind() {
    Set<Thread> before = Thread.getAllStackTraces().keySet();
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
    try {
      DynamoDbAsyncClient client = DynamoProvider.connect(DynamoUrl.parse(LocalServer.url("any")));
      client.listTables().join();
      assertThat(ofOurs(before)).isPositive();
      client.close();
      until(() -> ofOurs(before) == 0);
    } finally {
      System.clearProperty("aws.accessKeyId");
      System.clearProperty("aws.secretAccessKey");
    }
  }

  private static long ofOurs(Set<Thread> before) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> !before.contains(thread))
        .filter(thread -> thread.getName().startsWith("holdfast-dynamodb-"))
        .count();
  }
}
