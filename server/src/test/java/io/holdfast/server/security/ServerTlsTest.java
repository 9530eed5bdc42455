package io.holdfast.server.security;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates of a server that clients connect to, over real connections. */
class ServerTlsTest {
  @TempDir private Path folder;
  private final ManualTicker ticker = new ManualTicker();
  private TestCertificates certificates;

  @BeforeEach
  void makeAuthority() throws IOException {
    certificates = new TestCertificates(folder.resolve("made"));
  }

  private ServerTls tls(TestCertificates.Pair pair) {
    return new ServerTls(pair.chain(), pair.key(), Optional.empty(), ticker);
  }

  private static Server server(ServerTls tls) throws IOException {
    return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
        .sslContext(tls.context())
        .addService(new HealthStatusManager().getHealthService())
        .build()
        .start();
  }

  private void check(Server server, Optional<TestCertificates.Pair> client) throws Exception {
    SslContextBuilder context =
        GrpcSslContexts.forClient().trustManager(certificates.authority().toFile());
    client.ifPresent(pair -> context.keyManager(pair.chain().toFile(), pair.key().toFile()));
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
            .sslContext(context.build())
            .build();
    try {
      HealthGrpc.newBlockingStub(channel)
          .withDeadlineAfter(20, TimeUnit.SECONDS)
          .check(HealthCheckRequest.getDefaultInstance());
    } finally {
      channel.shutdownNow();
    }
  }

  /** The common name of the certificate that the server shows, in a protocol. */
  private static String shown(Server server, String protocol) throws Exception {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {new Anybody()}, null);
    try (SSLSocket socket =
        (SSLSocket)
            context
                .getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), server.getPort())) {
      socket.setEnabledProtocols(new String[] {protocol});
      socket.setSoTimeout(20_000);
      socket.startHandshake();
      X509Certificate certificate = (X509Certificate) socket.getSession().getPeerCertificates()[0];
      return certificate.getSubjectX500Principal().getName();
    }
  }

  @Test
  void clientsConnectByTls12And13AndNothingOlder() throws Exception {
    try (ServerTls tls = tls(certificates.good("server"))) {
      Server server = server(tls);
      try {
        check(server, Optional.empty());
        assertThat(shown(server, "TLSv1.3")).isEqualTo("CN=server");
        assertThat(shown(server, "TLSv1.2")).isEqualTo("CN=server");
        assertThatThrownBy(() -> shown(server, "TLSv1.1")).isInstanceOf(SSLException.class);
      } finally {
        server.shutdownNow();
      }
    }
  }

  @Test
  void aPlaintextClientGetsNowhere() throws Exception {
    try (ServerTls tls = tls(certificates.good("server"))) {
      Server server = server(tls);
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", server.getPort()).usePlaintext().build();
      try {
        assertThatThrownBy(
                () ->
                    HealthGrpc.newBlockingStub(channel)
                        .withDeadlineAfter(20, TimeUnit.SECONDS)
                        .check(HealthCheckRequest.getDefaultInstance()))
            .isInstanceOfSatisfying(
                StatusRuntimeException.class,
                e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
      } finally {
        channel.shutdownNow();
        server.shutdownNow();
      }
    }
  }

  @Test
  void aNewCertificateIsShownWithoutARestart() throws Exception {
    TestCertificates.Pair first = certificates.good("first");
    TestCertificates.Pair second = certificates.signed("second", "2025/12/01 00:00:00", 4000);
    Path chain = Files.copy(first.chain(), folder.resolve("chain.pem"));
    Path key =
        Files.copy(first.key(), folder.resolve("key.pem"), StandardCopyOption.COPY_ATTRIBUTES);
    try (ServerTls tls = new ServerTls(chain, key, Optional.empty(), ticker)) {
      Server server = server(tls);
      try {
        assertThat(shown(server, "TLSv1.3")).isEqualTo("CN=first");
        var before = tls.expiresAt();
        // The one file, and not yet the other: they do not fit together.
        Files.copy(second.chain(), chain, StandardCopyOption.REPLACE_EXISTING);
        turn();
        turn();
        assertThat(shown(server, "TLSv1.3")).isEqualTo("CN=first");
        assertThat(tls.expiresAt()).isEqualTo(before);
        Files.copy(
            second.key(),
            key,
            StandardCopyOption.REPLACE_EXISTING,
            StandardCopyOption.COPY_ATTRIBUTES);
        turn();
        eventually("read anew", () -> !tls.expiresAt().equals(before));
        for (String protocol : new String[] {"TLSv1.3", "TLSv1.2"}) {
          assertThat(shown(server, protocol)).isEqualTo("CN=second");
        }
        check(server, Optional.empty());
        // What cannot be read is left aside.
        Files.writeString(chain, "nothing");
        turn();
        turn();
        assertThat(shown(server, "TLSv1.3")).isEqualTo("CN=second");
      } finally {
        server.shutdownNow();
      }
    }
  }

  private void turn() {
    eventually("scheduled", () -> ticker.pendingAlarms() == 1);
    ticker.advance(ServerTls.PERIOD);
    eventually("scheduled", () -> ticker.pendingAlarms() == 1);
  }

  @Test
  void clientsMustShowACertificateWhereAuthoritiesAreNamed() throws Exception {
    TestCertificates strangers = new TestCertificates(folder.resolve("strangers"));
    TestCertificates.Pair pair = certificates.good("server");
    Optional<TestCertificates.Pair> client = Optional.of(certificates.good("client"));
    Optional<TestCertificates.Pair> stranger = Optional.of(strangers.good("client"));
    Optional<TestCertificates.Pair> expired =
        Optional.of(certificates.signed("late", "2025/12/01 00:00:00", 1));
    try (ServerTls tls =
        new ServerTls(pair.chain(), pair.key(), Optional.of(certificates.authority()), ticker)) {
      Server server = server(tls);
      try {
        check(server, client);
        for (Optional<TestCertificates.Pair> other :
            List.of(Optional.<TestCertificates.Pair>empty(), stranger, expired)) {
          assertThatThrownBy(() -> check(server, other))
              .isInstanceOfSatisfying(
                  StatusRuntimeException.class,
                  e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
        }
      } finally {
        server.shutdownNow();
      }
    }
  }

  @Test
  void filesThatDoNotFitTogetherAreRefused() throws Exception {
    TestCertificates.Pair pair = certificates.good("server");
    TestCertificates.Pair other = certificates.good("other");
    refuses(pair.chain(), other.key(), "does not belong to certificate");
    refuses(pair.key(), pair.key(), "holds no PEM certificates");
    refuses(pair.chain(), pair.chain(), "holds no `BEGIN PRIVATE KEY`");
    refuses(folder.resolve("none.pem"), pair.key(), "none.pem cannot be read");
    refuses(pair.chain(), key("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"), "is encrypted");
    refuses(
        pair.chain(),
        key("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nAAAA\n"),
        "is encrypted");
    refuses(
        pair.chain(),
        key("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"),
        "openssl pkcs8");
    refuses(
        pair.chain(),
        key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        "is not a EC key");
    assertThat(ticker.pendingAlarms()).isZero();
  }

  private Path key(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("some.key"), text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void certificatesOutOfTheirTimeAreRefused() throws Exception {
    TestCertificates.Pair late = certificates.signed("late", "2025/12/01 00:00:00", 5);
    refuses(late.chain(), late.key(), "expired at 2025-12-06");
    TestCertificates.Pair early = certificates.signed("early", "2026/02/01 00:00:00", 50);
    refuses(early.chain(), early.key(), "begins only at 2026-02-01");
  }

  @Test
  void aKeyThatAllCanReadIsRefused() throws Exception {
    TestCertificates.Pair pair = certificates.good("server");
    Files.setPosixFilePermissions(pair.key(), PosixFilePermissions.fromString("rw-r--r--"));
    refuses(pair.chain(), pair.key(), "chmod 600");
    Files.setPosixFilePermissions(pair.key(), PosixFilePermissions.fromString("rw-r-----"));
    tls(pair).close();
  }

  private void refuses(Path chain, Path key, String why) {
    assertThatThrownBy(() -> new ServerTls(chain, key, Optional.empty(), ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(why)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  private static final class Anybody extends javax.net.ssl.X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] c, String a, Socket s) {}

    @Override
    public void checkServerTrusted(X509Certificate[] c, String a, Socket s) {}

    @Override
    public void checkClientTrusted(X509Certificate[] c, String a, javax.net.ssl.SSLEngine e) {}

    @Override
    public void checkServerTrusted(X509Certificate[] c, String a, javax.net.ssl.SSLEngine e) {}

    @Override
    public void checkClientTrusted(X509Certificate[] c, String a) {}

    @Override
    public void checkServerTrusted(X509Certificate[] c, String a) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
