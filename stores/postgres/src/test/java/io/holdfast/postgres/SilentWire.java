package io.holdfast.postgres;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A port in front of a server's that can fall silent, as a network does that drops everything, or reset what is open. */
final class SilentWire implements AutoCloseable {
  private final ServerSocket door;
  private final int target;
  private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
  private volatile boolean silent;

  SilentWire(int target) {
    this.target = target;
    try {
      door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start("accepts", this::accept);
  }

  int port() {
    return door.getLocalPort();
  }

  /** From now on nothing gets through, and nobody is told. */
  void fallSilent() {
    silent = true;
  }

  /** Resets all connections. */
  void reset() {
    for (Socket socket : sockets) {
      try {
        socket.setSoLinger(true, 0);
        socket.close();
      } catch (IOException e) {
        // it is closed
      }
    }
  }

  @Override
  public void close() throws IOException {
    door.close();
    reset();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = door.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        sockets.add(client);
        sockets.add(server);
        start("up", () -> pump(client, server));
        start("down", () -> pump(server, client));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void pump(Socket from, Socket to) {
    byte[] buffer = new byte[8192];
    try (InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        if (!silent) {
          out.write(buffer, 0, read);
        }
      }
    } catch (IOException e) {
      // told by closing both
    }
  }

  private static void start(String what, Runnable work) {
    Thread thread = new Thread(work, "wire-" + what);
    thread.setDaemon(true);
    thread.start();
  }
}
