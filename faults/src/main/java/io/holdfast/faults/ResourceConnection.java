package io.holdfast.faults;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/** A client's line to the {@link FencedResource}. For one thread. */
final class ResourceConnection implements AutoCloseable {
  private final Socket socket;
  private final BufferedReader in;
  private final PrintWriter out;

  /**
   * Connects.
   *
   * @param address {@code host:port}
   */
  ResourceConnection(String address) throws IOException {
    int colon = address.lastIndexOf(':');
    socket =
        new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    socket.setTcpNoDelay(true);
    in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    out = new PrintWriter(socket.getOutputStream(), false, StandardCharsets.UTF_8);
  }

  /** The counter of a key; empty if the token is too old. */
  OptionalLong read(long request, String key, long token) {
    String answer = ask("read " + request + " " + key + " " + token);
    return answer.startsWith("ok ")
        ? OptionalLong.of(Long.parseLong(answer.substring(3)))
        : OptionalLong.empty();
  }

  /** Sets the counter; false if the token is too old. */
  boolean write(long request, String key, long token, long value) {
    return ask("write " + request + " " + key + " " + token + " " + value).equals("ok");
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String ask(String line) {
    try {
      out.print(line + "\n");
      out.flush();
      String answer = in.readLine();
      if (answer == null) {
        throw new IOException("the resource is gone");
      }
      return answer;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
