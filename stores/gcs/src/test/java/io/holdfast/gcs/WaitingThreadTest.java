package io.holdfast.gcs;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A thread that waits for its lock asks for it itself, and is kept no longer than it is patient. */
@Timeout(60)
class WaitingThreadTest {
  private final EmulatedStorage storage = new EmulatedStorage(Instant::now);
  private final List<String> blocked = new CopyOnWriteArrayList<>();
  private final String me = Thread.currentThread().getName();

  @BeforeEach
  void make() {
    storage.createBucket("bucket");
  }

  private GcsLocks.Builder locks() {
    return GcsLocks.bucket("bucket").http(new Heard());
  }

  private LockClient connect() {
    return locks().anonymous().build(null).client(ClientOptions.defaults());
  }

  private final class Heard extends EmulatedHttp {
    private Heard() {
      super(storage);
    }

    @Override
    public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler) {
      blocked.add(Thread.currentThread().getName());
      return super.send(request, handler);
    }
  }

  @Test
  void whoWaitsAsksItself() throws Exception {
    try (LockClient locks = connect()) {
      locks.lock("a").acquire().close();
      locks.lock("a").tryAcquire().orElseThrow().close();
      assertThat(blocked).containsExactly(me, me, me, me);
      locks.lock("a").acquireAsync().get(20, TimeUnit.SECONDS).closeAsync().join();
      assertThat(blocked).hasSize(4);
    }
  }

  /** Each may take as long as the first. */
  @Test
  void whatFollowsIsAskedByOthers() throws Exception {
    try (LockClient first = connect()) {
      first.lock("a").acquire().close();
    }
    blocked.clear();
    try (LockClient next = connect();
        Hold hold = next.lock("a").acquire()) {
      assertThat(hold.token()).isEqualTo(2);
      assertThat(blocked).as("creates it, which it cannot").containsExactly(me);
    }
  }

  /** They come from a thread of their own, which others wait for, too. */
  @Test
  void whoWaitsForCredentialsBlocksNobody() throws Exception {
    GcsLocks bucket = locks().bearerToken(() -> "secret").build(null);
    try (LockClient locks = bucket.client(ClientOptions.defaults())) {
      locks.lock("a").acquire().close();
    }
    assertThat(blocked).doesNotContain("holdfast-gcs-credentials");
  }

  @Test
  void whoWasInterruptedGivesItsLockBack() throws Exception {
    try (LockClient locks = connect()) {
      Hold hold = locks.lock("a").acquire();
      Thread.currentThread().interrupt();
      hold.close();
      assertThat(Thread.interrupted()).isTrue();
      assertThat(locks.describe("a").holders()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void storeThatIsSilentKeepsNobodyForLongerThanHisPatience(boolean begins) throws Exception {
    try (SilentServer silent = new SilentServer(begins);
        LockClient away = silent.connect()) {
      Ticker clock = Ticker.system();
      Duration patience = LeaseStore.BLOCKS_WITHIN;
      long began = clock.nanos();
      assertThatThrownBy(() -> away.lock("a").acquire(patience)).isInstanceOf(LockException.class);
      long took = clock.nanos() - began;
      assertThat(Duration.ofNanos(took)).isBetween(patience, patience.plusSeconds(2));
      silent.close();
    }
  }

  @Test
  void interruptIsHeardThoughTheStoreIsSilent() throws Exception {
    try (SilentServer silent = new SilentServer(false);
        LockClient away = silent.connect()) {
      CompletableFuture<Hold> asked = new CompletableFuture<>();
      Thread waiting =
          new Thread(
              () -> {
                try {
                  asked.complete(away.lock("a").acquire());
                } catch (Exception e) {
                  asked.completeExceptionally(e);
                }
              });
      waiting.start();
      silent.isAsked.get(20, TimeUnit.SECONDS);
      waiting.interrupt();
      assertThatThrownBy(() -> asked.get(20, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(InterruptedException.class);
      silent.close();
    }
  }

  /** Takes connections and says nothing, or begins to. */
  private static final class SilentServer implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> accepted = new CopyOnWriteArrayList<>();
    final CompletableFuture<Void> isAsked = new CompletableFuture<>();

    SilentServer(boolean begins) throws IOException {
      Thread thread = new Thread(() -> serve(begins), "silent-server");
      thread.setDaemon(true);
      thread.start();
    }

    private void serve(boolean begins) {
      try {
        while (true) {
          Socket socket = server.accept();
          accepted.add(socket);
          if (begins) {
            String head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
            socket.getOutputStream().write(head.getBytes(US_ASCII));
          }
          isAsked.complete(null);
        }
      } catch (IOException e) {
        // the test is over
      }
    }

    LockClient connect() {
      return GcsLocks.bucket("bucket")
          .endpoint(URI.create("http://127.0.0.1:" + server.getLocalPort()))
          .anonymous()
          .build(null)
          .client(ClientOptions.defaults());
    }

    /** Cuts what is under way, so that nobody has to wait for the end of a patience. */
    @Override
    public void close() throws IOException {
      server.close();
      for (Socket socket : accepted) {
        socket.close();
      }
    }
  }
}
