package io.holdfast.server.operations;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A small HTTP port for operators: {@code /metrics}; {@code /healthz}, the process lives; {@code /readyz}, clients may be sent
 * here. Nothing else, nothing but GET, and no bodies.
 *
 * <p>It asks for no credential and speaks no TLS, so it belongs on loopback or a network of the operators' own. A few threads,
 * and a short line before them: slow readers keep others out of this port, and of nothing else. Thread-safe.
 */
public final class OperationsHttp implements AutoCloseable {
  private static final int THREADS = 4;
  private static final int MAX_WAITING = 32;
  private static final int BACKLOG = 16;

  private static final String TEXT = "text/plain; charset=utf-8";
  private static final Logger LOG = LoggerFactory.getLogger(OperationsHttp.class);

  private final ServerMetrics metrics;
  private final Supplier<Optional<String>> missing;
  private final HttpServer server;
  private final ThreadPoolExecutor threads;

  /**
   * Listens.
   *
   * @param missing what the server misses to be ready, see {@link Readiness}
   * @throws IOException if the address is taken, or not this machine's
   */
  public OperationsHttp(
      InetSocketAddress listen, ServerMetrics metrics, Supplier<Optional<String>> missing)
      throws IOException {
    this.metrics = metrics;
    this.missing = missing;
    this.server = HttpServer.create(listen, BACKLOG);
    AtomicInteger number = new AtomicInteger();
    this.threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MAX_WAITING),
            task -> {
              Thread thread = new Thread(task, "holdfast-http-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
      exchange.getResponseHeaders().set("Cache-Control", "no-store");
      // A body is not read, so nothing else can come on this connection.
      boolean body =
          exchange.getRequestHeaders().containsKey("Transfer-Encoding")
              || !exchange
                  .getRequestHeaders()
                  .getOrDefault("Content-Length", List.of("0"))
                  .equals(List.of("0"));
      if (body) {
        exchange.getResponseHeaders().set("Connection", "close");
        answer(exchange, 413, TEXT, "no bodies here\n");
      } else if (!exchange.getRequestMethod().equals("GET")) {
        exchange.getResponseHeaders().set("Allow", "GET");
        answer(exchange, 405, TEXT, "only GET\n");
      } else {
        get(exchange);
      }
    } catch (RuntimeException e) {
      LOG.error("A request for {} failed", exchange.getRequestURI().getRawPath(), e);
      throw e;
    }
  }

  private void get(HttpExchange exchange) throws IOException {
    switch (exchange.getRequestURI().getRawPath()) {
      case "/metrics" -> {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        metrics.write(text);
        answer(exchange, 200, metrics.contentType(), text.toByteArray());
      }
      case "/healthz" -> answer(exchange, 200, TEXT, "alive\n");
      case "/readyz" -> {
        Optional<String> misses = missing();
        answer(exchange, misses.isEmpty() ? 200 : 503, TEXT, misses.orElse("ready") + "\n");
      }
      default -> answer(exchange, 404, TEXT, "not found\n");
    }
  }

  /** What cannot tell that it is ready is not. */
  private Optional<String> missing() {
    try {
      return missing.get();
    } catch (RuntimeException e) {
      LOG.error("Whether the server is ready cannot be told", e);
      return Optional.of("whether it is ready cannot be told");
    }
  }

  private static void answer(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    answer(exchange, status, type, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void answer(HttpExchange exchange, int status, String type, byte[] body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
    } else {
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  /** Breaks off what is being answered. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
