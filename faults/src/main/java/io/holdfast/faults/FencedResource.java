package io.holdfast.faults;

import io.holdfast.testkit.history.HistoryRecorder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the locks guard: counters, one a key, that any process may read and set over TCP. It serves whoever has seen no higher
 * token served, and refuses the others. Whoever reads a counter and sets it to one more under one token must not find that
 * another was in between.
 *
 * <p>A line asks, a line answers: {@code read REQUEST KEY TOKEN} is answered {@code ok VALUE} or {@code no}, {@code write
 * REQUEST KEY TOKEN VALUE} is answered {@code ok} or {@code no}.
 */
final class FencedResource implements AutoCloseable {
  private static final int BACKLOG = 200;

  private final HistoryRecorder recorder;
  private final ServerSocket door;
  private final ReentrantLock mutex = new ReentrantLock();
  private final Map<String, Counter> counters = new HashMap<>();
  private final List<String> damage = new ArrayList<>();
  private long refused;

  private static final class Counter {
    private long value;
    private long highestToken;
  }

  private FencedResource(HistoryRecorder recorder, ServerSocket door) {
    this.recorder = recorder;
    this.door = door;
  }

  /** Opens it at an address, at any port. */
  static FencedResource open(HistoryRecorder recorder, String address) throws IOException {
    ServerSocket door = new ServerSocket();
    door.bind(new InetSocketAddress(InetAddress.getByName(address), 0), BACKLOG);
    FencedResource resource = new FencedResource(recorder, door);
    thread("resource-door", resource::letIn).start();
    return resource;
  }

  /** Where it is: {@code host:port}. */
  String address() {
    return door.getInetAddress().getHostAddress() + ":" + door.getLocalPort();
  }

  /** Updates that were lost, each in a line; there must be none. */
  List<String> damage() {
    mutex.lock();
    try {
      return List.copyOf(damage);
    } finally {
      mutex.unlock();
    }
  }

  /** So often somebody came with a token that was too old. */
  long refused() {
    mutex.lock();
    try {
      return refused;
    } finally {
      mutex.unlock();
    }
  }

  @Override
  public void close() throws IOException {
    door.close();
  }

  /** The answer to one line. */
  String answer(String line) {
    String[] parts = line.split(" ", -1);
    long request = Long.parseLong(parts[1]);
    String key = parts[2];
    long token = Long.parseLong(parts[3]);
    mutex.lock();
    try {
      Counter counter = counters.computeIfAbsent(key, k -> new Counter());
      boolean accepted = token >= counter.highestToken;
      // Written down while nobody else is served: the history has the order in which it was
      // decided.
      recorder.wrote(request, key, token, accepted);
      if (!accepted) {
        refused++;
        return "no";
      }
      counter.highestToken = token;
      if (parts[0].equals("read")) {
        return "ok " + counter.value;
      }
      long value = Long.parseLong(parts[4]);
      if (value != counter.value + 1) {
        damage.add(
            "the counter of "
                + key
                + " was "
                + counter.value
                + " when request "
                + request
                + " set it to "
                + value
                + " with token "
                + token
                + ": an update was lost");
      }
      counter.value = value;
      return "ok";
    } finally {
      mutex.unlock();
    }
  }

  private void letIn() {
    while (!door.isClosed()) {
      try {
        Socket guest = door.accept();
        guest.setTcpNoDelay(true);
        thread("resource-guest", () -> serve(guest)).start();
      } catch (IOException closed) {
        return;
      }
    }
  }

  /** Until the guest leaves, or is killed. */
  private void serve(Socket guest) {
    try (guest;
        BufferedReader in =
            new BufferedReader(
                new InputStreamReader(guest.getInputStream(), StandardCharsets.UTF_8));
        PrintWriter out = new PrintWriter(guest.getOutputStream(), false, StandardCharsets.UTF_8)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.print(answer(line) + "\n");
        out.flush();
      }
    } catch (IOException gone) {
      return; // what it did was written down when it was done
    }
  }

  private static Thread thread(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }
}
