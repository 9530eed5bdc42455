package io.holdfast.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.replication.SoloReplicator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Real connections to a real server. */
@Timeout(60)
class ClientDoorTest {
  private static final int MOST = 3;

  private final Queue<String> refused = new ConcurrentLinkedQueue<>();

  @Test
  void moreConnectionsFromOneAddressAreClosedAtOnceUntilOthersLeave() throws Exception {
    ServerSettings settings =
        ServerSettings.of("one:1", new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0))
            .withLimits(Limits.DEFAULTS.with(Map.of("connections-per-address", MOST)));
    List<Socket> sockets = new ArrayList<>();
    try (LockServer server =
        LockServer.builder(settings, new SoloReplicator("one:1").leadingFromStart())
            .events(
                new CoreEvents() {
                  @Override
                  public void refused(String reason) {
                    refused.add(reason);
                  }
                })
            .start()) {
      for (int i = 0; i < MOST; i++) {
        sockets.add(connect(server, "127.0.0.1"));
        assertThat(isServed(sockets.get(i))).isTrue();
      }
      try (Socket more = connect(server, "127.0.0.1")) {
        assertThat(isServed(more)).isFalse();
      }
      assertThat(refused).containsExactly("TOO_MANY_CONNECTIONS_PER_ADDRESS");
      try (Socket elsewhere = connect(server, "127.0.0.2")) {
        assertThat(isServed(elsewhere)).isTrue();
      }
      sockets.remove(0).close();
      boolean served = false;
      while (!served) { // as soon as the server has heard that one has left
        try (Socket next = connect(server, "127.0.0.1")) {
          served = isServed(next);
        }
      }
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  private static Socket connect(LockServer server, String from) throws IOException {
    int port = Integer.parseInt(server.clientAddress().split(":")[1]);
    return new Socket(InetAddress.getByName("127.0.0.1"), port, InetAddress.getByName(from), 0);
  }

  /** Who is let in is told the server's settings first; who is not is told nothing. */
  private static boolean isServed(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() >= 0;
    } catch (SocketException reset) {
      return false;
    }
  }
}
