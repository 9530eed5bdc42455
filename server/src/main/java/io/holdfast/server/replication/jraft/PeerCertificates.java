package io.holdfast.server.replication.jraft;

import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.holdfast.server.replication.ReplicationException;
import io.holdfast.server.security.ConfigurationException;
import io.holdfast.server.security.TlsIdentity;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.cert.Certificate;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The certificates of this server, and what it believes those of others. Follows the files while they change. Thread-safe. */
final class PeerCertificates implements AutoCloseable {
  private static final int SUBJECT_DNS_NAME = 2;
  private static final int SUBJECT_IP_ADDRESS = 7;
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};

  private static final Logger LOG = LoggerFactory.getLogger(PeerCertificates.class);

  private final PeerTls tls;
  private final AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
  private final AdvancedTlsX509TrustManager trust;
  private final Ticker ticker = Ticker.system();
  private final Future<?> looking;

  /** Of all files, when they were read. Only on the thread that looks. */
  private List<FileTime> seen;

  private volatile Instant expiresAt = Instant.MIN;

  /**
   * Reads the files, and goes on looking at them on the executor.
   *
   * @throws ReplicationException if they are not what they should be
   */
  PeerCertificates(PeerTls tls, ScheduledExecutorService executor, Duration lookEvery) {
    this.tls = tls;
    try {
      trust =
          AdvancedTlsX509TrustManager.newBuilder()
              .setVerification(
                  AdvancedTlsX509TrustManager.Verification.CERTIFICATE_AND_HOST_NAME_VERIFICATION)
              .build();
      seen = written();
      read();
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new ReplicationException(
          "the certificates for peers cannot be used: "
              + (e instanceof ConfigurationException ? e.getMessage() : tls + ": " + e),
          e);
    }
    looking =
        executor.scheduleWithFixedDelay(
            this::look, lookEvery.toMillis(), lookEvery.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void look() {
    try {
      List<FileTime> now = written();
      if (!now.equals(seen)) {
        read();
        seen = now;
        LOG.info(
            "Took up the changed certificates of {}, they end {}",
            tls.certificateChain(),
            expiresAt);
      }
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      // Perhaps half of them are written. The old ones serve until the next look.
      LOG.warn(
          "The changed certificates for peers are not taken, those of before are used on: {}",
          e.toString());
    }
  }

  private List<FileTime> written() throws IOException {
    return List.of(
        Files.getLastModifiedTime(tls.certificateChain()),
        Files.getLastModifiedTime(tls.privateKey()),
        Files.getLastModifiedTime(tls.authorities()));
  }

  private void read() throws IOException, GeneralSecurityException {
    TlsIdentity own = TlsIdentity.read(tls.certificateChain(), tls.privateKey(), ticker.instant());
    trust.updateTrustCredentials(tls.authorities().toFile());
    keys.updateIdentityCredentials(own.chain(), own.key());
    expiresAt = own.expiresAt();
  }

  /** When the certificate in use, or one between it and an authority's, ends. */
  Instant expiresAt() {
    return expiresAt;
  }

  /** For the side that listens: it asks for a certificate, and takes nobody without. */
  SslContext forServer() {
    return context(SslContextBuilder.forServer(keys).clientAuth(ClientAuth.REQUIRE));
  }

  /** For the side that calls: the certificate must be for the host that was called. */
  SslContext forClient() {
    return context(SslContextBuilder.forClient().keyManager(keys));
  }

  private SslContext context(SslContextBuilder builder) {
    try {
      return GrpcSslContexts.configure(builder).trustManager(trust).protocols(PROTOCOLS).build();
    } catch (SSLException e) {
      throw new ReplicationException("TLS between peers cannot be set up", e);
    }
  }

  /** Whether a certificate is for one of the hosts. Only subject alternative names count. */
  static boolean isForOneOf(Certificate certificate, Set<String> hosts) {
    if (!(certificate instanceof X509Certificate x509)) {
      return false;
    }
    try {
      Collection<List<?>> names = x509.getSubjectAlternativeNames();
      if (names == null) {
        return false;
      }
      for (List<?> name : names) {
        if (name.get(0) instanceof Integer type
            && (type == SUBJECT_DNS_NAME || type == SUBJECT_IP_ADDRESS)
            && name.get(1) instanceof String text
            && hosts.stream().anyMatch(host -> covers(text, host))) {
          return true;
        }
      }
      return false;
    } catch (CertificateParsingException e) {
      return false;
    }
  }

  /** A star stands for one label, the first: {@code *.lock.svc} covers {@code lock-0.lock.svc}. */
  private static boolean covers(String name, String host) {
    String pattern = name.toLowerCase(Locale.ROOT);
    String wanted = host.toLowerCase(Locale.ROOT);
    if (pattern.startsWith("*.")) {
      int dot = wanted.indexOf('.');
      return dot > 0 && wanted.substring(dot).equals(pattern.substring(1));
    }
    return pattern.equals(wanted);
  }

  /** Looks at the files no more. */
  @Override
  public void close() {
    looking.cancel(false);
  }
}
