package io.holdfast.cli.demo;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The demo's lock server, {@code holdfast server} in a process of its own; each start is on the same folder and ports. */
final class DemoServer {
  /** Somebody else may take a port between our look and the server's. */
  private static final int MAX_STARTS = 3;

  private static final Duration TO_START = Duration.ofSeconds(30);
  private static final Duration TO_DIE = Duration.ofSeconds(10);

  private final Path data;
  private final Path logs;
  private final String clients;
  private final String self;
  private volatile @Nullable ChildProcess process;
  private volatile boolean closed;

  private DemoServer(Path data, Path logs) throws IOException {
    this.data = data;
    this.logs = logs;
    this.clients = freeAddress();
    this.self = freeAddress();
  }

  /** Starts a server for the first time. */
  static DemoServer start(Path data, Path logs) throws IOException, InterruptedException {
    for (int starts = 1; true; starts++) {
      DemoServer server = new DemoServer(data, logs);
      try {
        server.start();
        return server;
      } catch (IOException e) {
        if (starts == MAX_STARTS) {
          throw e;
        }
      }
    }
  }

  /** What clients connect to. */
  String url(String namespace) {
    return "holdfast://" + clients + "/" + namespace + "?connect-timeout=30s";
  }

  /** Its process; another one after each start. */
  long pid() {
    ChildProcess running = process;
    return running == null ? -1 : running.pid();
  }

  /** SIGKILL. */
  void kill() throws InterruptedException {
    ChildProcess running = process;
    if (running != null) {
      running.kill();
      running.awaitEnd(TO_DIE);
    }
  }

  /** For good. */
  void close() {
    closed = true;
    ChildProcess running = process;
    if (running != null) {
      running.kill();
    }
  }

  /** Starts it, once more if it ran before, and waits until it listens. */
  void start() throws IOException, InterruptedException {
    CountDownLatch listening = new CountDownLatch(1);
    ChildProcess started =
        ChildProcess.start(
            "server",
            logs,
            line -> listening.countDown(),
            List.of(
                "server",
                "--data-dir",
                data.toString(),
                "--listen",
                clients,
                "--peer-listen",
                self,
                "--json"));
    process = started;
    if (closed) {
      started.kill();
    }
    long patience = TO_START.toMillis();
    while (!listening.await(50, TimeUnit.MILLISECONDS)) {
      patience -= 50;
      if (!started.isAlive() || patience < 0) {
        started.kill();
        throw new IOException("the lock server cannot be started: " + started.failure());
      }
    }
  }

  private static String freeAddress() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return "127.0.0.1:" + socket.getLocalPort();
    }
  }
}
