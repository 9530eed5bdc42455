package io.holdfast.remote;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.testkit.LockContract;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Against a real server with a log on a disk, over real connections, in real time. */
class RemoteContractTest extends LockContract {
  @TempDir static Path folder;

  private static RealServer server;

  private final Map<LockClient, CuttableStreams> streams = new ConcurrentHashMap<>();

  @BeforeAll
  static void start() throws IOException {
    server = new RealServer(folder);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Override
  protected LockClient connect(ClientOptions options) {
    ServerUrl url = ServerUrl.parse("holdfast://" + server.address() + "/contract");
    CuttableStreams[] made = new CuttableStreams[1];
    RemoteStore store =
        RemoteStore.connect(
            url, options, CuttableStreams.over(GrpcStreams.opener(url), it -> made[0] = it));
    LockClient client = LockClient.over(store, options);
    streams.put(client, made[0]);
    return client;
  }

  @Override
  protected boolean kill(LockClient client) {
    streams.get(client).cut();
    return true;
  }

  @Override
  protected boolean restart() {
    try {
      server.close();
      server.start();
      return true;
    } catch (IOException e) {
      throw new AssertionError("the server does not start again", e);
    }
  }

  @Override
  protected int rounds() {
    return 50;
  }

  /** A server knows sessions, not threads; the client knows those of its own. */
  @Override
  protected boolean seesReentrancyOfOtherClients() {
    return false;
  }
}
