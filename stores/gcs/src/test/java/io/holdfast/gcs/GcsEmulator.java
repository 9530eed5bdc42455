package io.holdfast.gcs;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Instant;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** {@link EmulatedStorage} behind HTTP, on a port of this machine's loopback that nobody else uses. */
public final class GcsEmulator implements AutoCloseable {
  private static final int THREADS = 64;
  private static final int LONGEST_GATE_SECONDS = 30;

  static {
    // Without it every answer of more than a packet waits for an acknowledgement.
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  private final EmulatedStorage storage;
  private final HttpServer server;
  private final ExecutorService threads;

  GcsEmulator() throws IOException {
    this(new EmulatedStorage(Instant::now));
  }

  /** One with an empty bucket, for tests of other modules. */
  public static GcsEmulator withBucket(String bucket) throws IOException {
    GcsEmulator emulator = new GcsEmulator();
    emulator.storage.createBucket(bucket);
    return emulator;
  }

  GcsEmulator(EmulatedStorage storage) throws IOException {
    this.storage = storage;
    this.threads =
        Executors.newFixedThreadPool(
            THREADS,
            task -> {
              Thread thread = new Thread(task, "gcs-emulator");
              thread.setDaemon(true);
              return thread;
            });
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  EmulatedStorage storage() {
    return storage;
  }

  /** Where it listens. */
  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readNBytes(EmulatedStorage.MAX_BODY_BYTES);
      Map<String, String> headers = new HashMap<>();
      exchange
          .getRequestHeaders()
          .forEach(
              (name, values) ->
                  headers.put(name.toLowerCase(Locale.ROOT), String.join(",", values)));
      URI uri = exchange.getRequestURI();
      EmulatedStorage.Call call =
          new EmulatedStorage.Call(
              exchange.getRequestMethod(),
              uri.getRawPath(),
              Optional.ofNullable(uri.getRawQuery()).orElse(""),
              headers,
              body);
      Optional<EmulatedStorage.Reply> reply =
          storage.serve(call).orTimeout(LONGEST_GATE_SECONDS, TimeUnit.SECONDS).join();
      if (reply.isPresent()) { // or the connection is cut
        send(exchange, reply.get());
      }
    } catch (CompletionException e) {
      if (!(e.getCause() instanceof TimeoutException)) {
        throw e;
      }
    }
  }

  private static void send(HttpExchange exchange, EmulatedStorage.Reply reply) throws IOException {
    reply.headers().forEach(exchange.getResponseHeaders()::set);
    exchange.sendResponseHeaders(
        reply.status(), reply.body().length == 0 ? -1 : reply.body().length);
    if (reply.body().length > 0) {
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(reply.body());
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
