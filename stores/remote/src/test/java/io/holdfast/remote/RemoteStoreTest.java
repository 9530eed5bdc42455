package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a client does when its server goes and comes back, or will not have it. */
@Timeout(60)
class RemoteStoreTest {
  private static final Duration SHORT = Duration.ofMillis(300);

  @TempDir Path folder;

  private RealServer server;
  private final List<LockClient> clients = new ArrayList<>();

  @BeforeEach
  void start() throws IOException {
    server = new RealServer(folder);
  }

  @AfterEach
  void stop() {
    clients.forEach(LockClient::close);
    server.close();
  }

  @Test
  void whereNobodyListensTheServersThatWereTriedAreNamed() {
    server.close();
    assertThatThrownBy(
            () ->
                LockClient.connect(
                    "holdfast://" + server.address() + ",127.0.0.1:1?connect-timeout=500ms"))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining(server.address())
        .hasMessageContaining("127.0.0.1:1")
        .hasMessageContaining("refused");
  }

  @Test
  void aDeadServerAmongLivingOnesIsPassed() throws Exception {
    LockClient ann = connect("holdfast://127.0.0.1:1," + server.address() + "/n");
    ann.lock("name").acquire().close();
  }

  @Test
  void aStreamThatThrowsIsReplacedAndNothingElseStops() throws Exception {
    ClientOptions options = ClientOptions.defaults();
    CuttableStreams[] made = new CuttableStreams[1];
    LockClient ann =
        LockClient.over(
            RemoteStore.connect(
                ServerUrl.parse("holdfast://" + server.address() + "/n"),
                options,
                CuttableStreams.over(
                    GrpcStreams.opener(ServerUrl.parse("holdfast://" + server.address() + "/n")),
                    it -> made[0] = it)),
            options);
    clients.add(ann);
    Hold hold = ann.lock("name").acquire();
    for (int i = 0; i < 3; i++) {
      made[0].breakNext();
      ann.lock("other").acquire(Duration.ofSeconds(20)).close();
    }
    assertThat(hold.isHeld()).isTrue();
    hold.close();
  }

  @Test
  void namespacesHaveNothingToDoWithEachOther() throws Exception {
    LockClient one = connect("holdfast://" + server.address() + "/one");
    LockClient two = connect("holdfast://" + server.address() + "/two");
    try (Hold hold = one.lock("name").acquire()) {
      assertThat(two.lock("name").tryAcquire()).isPresent();
      assertThat(one.lock("name").tryAcquire()).isEmpty();
    }
  }

  @Test
  void holdsAndPlacesInLineOutliveAServerThatIsStartedAgain() throws Exception {
    LockClient ann = connect();
    LockClient bob = connect();
    LockClient cid = connect();
    Hold hold = ann.lock("name").acquire();
    CompletableFuture<Hold> first = bob.lock("name").acquireAsync();
    until(() -> ann.describe("name").waiters().size() == 1);
    CompletableFuture<Hold> second = cid.lock("name").acquireAsync();
    until(() -> ann.describe("name").waiters().size() == 2);

    server.close();
    server.start();

    until(() -> ann.describe("name").waiters().size() == 2);
    assertThat(hold.isHeld()).isTrue();
    assertThat(first).isNotDone();
    hold.close();
    Hold next = first.get(10, TimeUnit.SECONDS);
    assertThat(next.token()).isGreaterThan(hold.token());
    assertThat(second).isNotDone();
    next.close();
    second.get(10, TimeUnit.SECONDS).close();
  }

  @Test
  void aReleaseWhileThereIsNoServerIsDoneWhenThereIsOneAgain() throws Exception {
    LockClient ann = connect();
    LockClient bob = connect();
    Hold hold = ann.lock("name").acquire();
    server.close();
    CompletableFuture<Void> released = hold.closeAsync();
    assertThat(hold.isHeld()).isFalse();
    assertThat(released).isNotDone();
    server.start();
    released.get(10, TimeUnit.SECONDS);
    assertThat(bob.lock("name").tryAcquire()).isPresent();
  }

  @Test
  void whoseLeaseEndsWhileThereIsNoServerLosesItsHoldAndMayAskAgain() throws Exception {
    HoldOptions options = HoldOptions.defaults().leaseDuration(HoldOptions.MIN_LEASE);
    LockClient ann = connect(ClientOptions.defaults().holds(options));
    Hold lost = ann.lock("name").acquire();
    Hold given = ann.lock("other").acquire();
    CompletableFuture<LossReason> told = lost.lost().toCompletableFuture();
    server.close();
    CompletableFuture<Void> released = given.closeAsync();

    assertThat(told.get(5, TimeUnit.SECONDS)).isEqualTo(LossReason.EXPIRED);
    assertThat(lost.isHeld()).isFalse();
    assertThatThrownBy(() -> released.get(5, TimeUnit.SECONDS))
        .hasCauseInstanceOf(UncertainOutcomeException.class);
    CompletableFuture<Hold> patient = ann.lock("name").acquireAsync();
    server.start();

    Hold next = patient.get(20, TimeUnit.SECONDS);
    assertThat(next.token()).isGreaterThan(lost.token());
    assertThat(lost.isHeld()).isFalse();
    next.close();
  }

  @Test
  void whoCannotBeHeardWaitsForItsPatienceAndNoLonger() {
    LockClient ann = connect();
    server.close();
    assertThatThrownBy(() -> ann.lock("name").acquire(SHORT))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining(server.address());
  }

  @Test
  void closingDoesNotWaitLongForAServerThatIsGone() throws Exception {
    LockClient ann = connect();
    Hold hold = ann.lock("name").acquire();
    server.close();
    CompletableFuture<Void> closed = CompletableFuture.runAsync(ann::close);
    closed.get(5, TimeUnit.SECONDS);
    assertThat(hold.isHeld()).isFalse();
  }

  @Test
  void moreDifferentLeasesThanAllowedAreRefusedByName() throws Exception {
    LockClient ann = connect();
    for (int i = 1; i < RemoteStore.MAX_LEASES; i++) {
      ann.lock("name").with(lease(i)).acquire().close();
    }
    assertThatThrownBy(() -> ann.lock("name").with(lease(100)).acquire())
        .isInstanceOf(LockRefusedException.class)
        .hasMessage("TOO_MANY_LEASES: different leaseDurations in use are 16, at most 16");
    ann.lock("name").with(lease(3)).acquire().close();
  }

  @Test
  void aClientThatIsNotWantedIsToldSoAtOnce() {
    server.refuse("CREDENTIAL_MISSING");
    assertThatThrownBy(this::connect)
        .isInstanceOf(LockRefusedException.class)
        .hasMessage("CREDENTIAL_MISSING: refused on purpose");
  }

  @Test
  void soAreRequestsOfOneThatIsNotWantedAnyMore() throws Exception {
    LockClient ann = connect();
    server.close();
    CompletableFuture<Hold> asked = ann.lock("name").acquireAsync();
    server.refuse("EXPIRED");
    server.start();
    assertThatThrownBy(() -> asked.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(LockRefusedException.class)
        .hasMessageContaining("EXPIRED");
  }

  @Test
  void theCredentialIsReadAgainForEachConnection() throws Exception {
    Path token = folder.resolve("token");
    Files.writeString(token, "one\n");
    Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-------"));
    LockClient ann = connect("holdfast://" + server.address() + "/n?token-file=" + token);
    assertThat(server.authorization()).isEqualTo("Bearer one");
    Files.writeString(token, "two");
    server.close();
    server.start();
    ann.lock("name").acquire().close();
    assertThat(server.authorization()).isEqualTo("Bearer two");
  }

  @Test
  void whoSpeaksTlsToAServerThatDoesNotIsToldSo() {
    assertThatThrownBy(
            () -> connect("holdfast://" + server.address() + "?tls=on&connect-timeout=2s"))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("does not speak TLS");
  }

  @Test
  void whoDoesNotSpeakTlsToAServerThatDoesIsToldSo() throws Exception {
    byte[] alert = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46};
    try (ServerSocket tls = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread answers =
          new Thread(
              () -> {
                while (!tls.isClosed()) {
                  try (Socket caller = tls.accept();
                      OutputStream out = caller.getOutputStream()) {
                    out.write(alert);
                    out.flush();
                  } catch (IOException closed) {
                    // the test is through
                  }
                }
              });
      answers.setDaemon(true);
      answers.start();
      assertThatThrownBy(
              () -> connect("holdfast://127.0.0.1:" + tls.getLocalPort() + "?connect-timeout=2s"))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("expects TLS");
    }
  }

  private static HoldOptions lease(int seconds) {
    return HoldOptions.defaults().leaseDuration(Duration.ofSeconds(20 + seconds));
  }

  private LockClient connect() {
    return connect(ClientOptions.defaults());
  }

  private LockClient connect(ClientOptions options) {
    LockClient client = LockClient.connect("holdfast://" + server.address() + "/n", options);
    clients.add(client);
    return client;
  }

  private LockClient connect(String url) {
    LockClient client = LockClient.connect(url);
    clients.add(client);
    return client;
  }

  private static void until(BooleanSupplier isSo) throws InterruptedException {
    for (int i = 0; i < 2_000 && !isSo.getAsBoolean(); i++) {
      TimeUnit.MILLISECONDS.sleep(5);
    }
    assertThat(isSo.getAsBoolean()).isTrue();
  }
}
