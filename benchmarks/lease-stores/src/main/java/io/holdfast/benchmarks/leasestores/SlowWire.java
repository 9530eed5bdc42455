package io.holdfast.benchmarks.leasestores;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.TimeUnit;

/**
 * A way to a server of this machine on which each answer takes as long as one says. Threads enough
 * for some hundred connections.
 */
final class SlowWire implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  private final ServerSocket listening;
  private final int target;
  private volatile long delayMillis;

  SlowWire(int target) throws IOException {
    this.target = target;
    this.listening = new ServerSocket(0, 1_000, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  /** The way without it. */
  int target() {
    return target;
  }

  int port() {
    return listening.getLocalPort();
  }

  /** From now on an answer takes so much longer. */
  void delay(long millis) {
    delayMillis = millis;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket client = listening.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        start(() -> pump(client, server, false));
        start(() -> pump(server, client, true));
      } catch (IOException e) {
        // closed, or a connection that did not come about
      }
    }
  }

  /** An answer of several packets is late once: what has come meanwhile goes with the first. */
  private void pump(Socket from, Socket to, boolean isLate) {
    byte[] buffer = new byte[BUFFER];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
        if (isLate && delayMillis > 0) {
          TimeUnit.MILLISECONDS.sleep(delayMillis);
          length += in.read(buffer, length, Math.min(in.available(), BUFFER - length));
        }
        out.write(buffer, 0, length);
        out.flush();
      }
    } catch (IOException e) {
      // one side has gone
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void start(Runnable body) {
    Thread thread = new Thread(body, "slow-wire");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listening.close();
  }
}
