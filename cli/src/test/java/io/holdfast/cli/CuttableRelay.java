package io.holdfast.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The way to a server, which can be cut: from then on all that either side sends vanishes, and neither is told. Thread-safe.
 */
final class CuttableRelay implements AutoCloseable {
  private final InetSocketAddress target;
  private final ServerSocket entrance;
  private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
  private volatile boolean cut;

  /** Leads to a host:port of this machine. */
  CuttableRelay(String target) throws IOException {
    int colon = target.lastIndexOf(':');
    this.target =
        new InetSocketAddress(
            target.substring(0, colon), Integer.parseInt(target.substring(colon + 1)));
    this.entrance = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    inBackground(this::accept);
  }

  /** Where it begins, host:port. */
  String address() {
    return "127.0.0.1:" + entrance.getLocalPort();
  }

  void cut() {
    cut = true;
  }

  private void accept() throws IOException {
    while (true) {
      Socket from = kept(entrance.accept());
      Socket to = kept(new Socket(target.getAddress(), target.getPort()));
      inBackground(() -> pass(from.getInputStream(), to.getOutputStream()));
      inBackground(() -> pass(to.getInputStream(), from.getOutputStream()));
    }
  }

  private Socket kept(Socket socket) {
    sockets.add(socket);
    return socket;
  }

  private void pass(InputStream in, OutputStream out) throws IOException {
    byte[] bytes = new byte[8192];
    for (int count = in.read(bytes); count >= 0; count = in.read(bytes)) {
      if (!cut) {
        out.write(bytes, 0, count);
      }
    }
    if (!cut) {
      out.close();
    }
  }

  private interface Task {
    void run() throws IOException;
  }

  private static void inBackground(Task task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (IOException e) {
                // somebody has closed it
              }
            },
            "relay");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    entrance.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
