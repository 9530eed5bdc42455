package io.holdfast.server.operations;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The port for operators, over real connections. */
class OperationsHttpTest {
  private final HttpClient client =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(20)).build();
  private volatile Optional<String> missing = Optional.empty();
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private OperationsHttp http;

  @BeforeEach
  void open() throws IOException {
    http =
        new OperationsHttp(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            new ServerMetrics(),
            () -> {
              try {
                gate.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              if (missing == null) {
                throw new IllegalStateException("the log is gone");
              }
              return missing;
            });
  }

  @AfterEach
  void close() {
    http.close();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http.address().getPort() + path))
        .timeout(Duration.ofSeconds(20));
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return client.send(request.build(), BodyHandlers.ofString());
  }

  @Test
  void metricsAreTold() throws Exception {
    HttpResponse<String> answer = send(request("/metrics"));
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/plain");
    assertThat(answer.body()).contains("holdfast_sessions_opened_total 0.0\n");
  }

  @Test
  void aServerThatIsNotReadyIsAliveAndSaysWhatItMisses() throws Exception {
    assertThat(send(request("/readyz")).statusCode()).isEqualTo(200);
    missing = Optional.of("it is not known who leads");
    HttpResponse<String> answer = send(request("/readyz"));
    assertThat(answer.statusCode()).isEqualTo(503);
    assertThat(answer.body()).isEqualTo("it is not known who leads\n");
    assertThat(send(request("/healthz")).statusCode()).isEqualTo(200);
    missing = null;
    HttpResponse<String> unknown = send(request("/readyz"));
    assertThat(unknown.statusCode()).isEqualTo(503);
    assertThat(unknown.body()).isEqualTo("whether it is ready cannot be told\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/metrics/",
        "/metrics/x",
        "/Metrics",
        "//metrics",
        "/metrics%2f",
        "/x/../metrics",
        "/healthz;a"
      })
  void thereIsNothingElse(String path) throws Exception {
    assertThat(send(request(path)).statusCode()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "FOO"})
  void onlyGetIsAnswered(String method) throws Exception {
    HttpResponse<String> answer = send(request("/metrics").method(method, BodyPublishers.noBody()));
    assertThat(answer.statusCode()).isEqualTo(405);
    assertThat(answer.headers().firstValue("Allow")).contains("GET");
  }

  @Test
  void bodiesAreRefused() throws Exception {
    for (HttpRequest.BodyPublisher body :
        List.of(
            BodyPublishers.ofString("x"),
            BodyPublishers.fromPublisher(BodyPublishers.ofString("chunked")))) {
      assertThat(send(request("/metrics").method("GET", body)).statusCode()).isEqualTo(413);
    }
  }

  @Test
  void moreRequestsThanItTakesAtATimeDoNotEndIt() throws Exception {
    gate = new CountDownLatch(1);
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 60; i++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), http.address().getPort());
        socket
            .getOutputStream()
            .write("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        sockets.add(socket);
      }
    } finally {
      gate.countDown();
      for (Socket socket : sockets) {
        socket.close();
      }
    }
    assertThat(send(request("/healthz")).statusCode()).isEqualTo(200);
    missing = null;
    HttpResponse<String> unknown = send(request("/readyz"));
    assertThat(unknown.statusCode()).isEqualTo(503);
    assertThat(unknown.body()).isEqualTo("whether it is ready cannot be told\n");
  }
}
