package io.holdfast.server.security;

import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.grpc.util.AdvancedTlsX509TrustManager.Verification;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the server proves to clients who it is, from PEM files, and, if it has authorities to go by, who may connect at all.
 * TLS 1.2 or 1.3.
 *
 * <p>The files are read again every {@link #PERIOD}; what they say from then on counts for new connections. A set that would
 * be refused at the start is left aside, and the one before goes on being used: so files may be replaced one after the
 * other. Thread-safe.
 */
public final class ServerTls implements AutoCloseable {
  static final Duration PERIOD = Duration.ofSeconds(10);

  private static final Logger LOG = LoggerFactory.getLogger(ServerTls.class);

  private final Path chainFile;
  private final Path keyFile;
  private final Optional<Path> clientAuthorities;
  private final Ticker ticker;

  private final AdvancedTlsX509KeyManager identity = new AdvancedTlsX509KeyManager();
  private final @Nullable AdvancedTlsX509TrustManager trust;
  private final SslContext context;
  private final Repeater repeater;

  // Of the thread that reads.
  private Read used;
  private @Nullable Read leftAside;

  private volatile Instant expiresAt;

  /** What the files said. */
  @SuppressWarnings("ArrayRecordComponent") // compared by isSame
  private record Read(byte[] chain, byte[] key, byte[] authorities) {
    boolean isSame(@Nullable Read other) {
      return other != null
          && Arrays.equals(chain, other.chain)
          && Arrays.equals(key, other.key)
          && Arrays.equals(authorities, other.authorities);
    }
  }

  /**
   * Reads the files.
   *
   * @param chain the server's certificate, and those between it and an authority's
   * @param key its private key: PKCS#8, not encrypted, and not for all users of the machine to read
   * @param clientAuthorities if present, clients must show a certificate from one of these
   * @throws ConfigurationException if they do not fit together, or the certificate's time is over or has not come
   */
  public ServerTls(Path chain, Path key, Optional<Path> clientAuthorities, Ticker ticker) {
    this.chainFile = chain;
    this.keyFile = key;
    this.clientAuthorities = clientAuthorities;
    this.ticker = ticker;
    this.used = read();
    try {
      this.trust =
          clientAuthorities.isPresent()
              ? AdvancedTlsX509TrustManager.newBuilder()
                  .setVerification(Verification.CERTIFICATE_ONLY_VERIFICATION)
                  .build()
              : null;
      this.expiresAt = use(used);
      SslContextBuilder builder =
          GrpcSslContexts.configure(SslContextBuilder.forServer(identity))
              .protocols("TLSv1.3", "TLSv1.2");
      if (trust != null) {
        builder.trustManager(trust).clientAuth(ClientAuth.REQUIRE);
      }
      this.context = builder.build();
    } catch (SSLException | GeneralSecurityException e) {
      throw new ConfigurationException("TLS cannot be set up: " + e.getMessage(), e);
    }
    this.repeater = new Repeater(ticker, "holdfast-tls", this::readAgain);
    repeater.start(PERIOD);
  }

  /** For the server's builder. */
  public SslContext context() {
    return context;
  }

  /** When the certificate in use, or one between it and an authority's, ends. */
  public Instant expiresAt() {
    return expiresAt;
  }

  private Duration readAgain() {
    try {
      Read read = read();
      if (read.isSame(used) || read.isSame(leftAside)) {
        return PERIOD;
      }
      leftAside = read;
      expiresAt = use(read);
      used = read;
      leftAside = null;
      LOG.info("TLS certificate {} read anew, it ends {}", chainFile, expiresAt);
    } catch (RuntimeException | GeneralSecurityException e) {
      LOG.error("TLS files not taken, those of before are used on: {}", e.getMessage());
    }
    return PERIOD;
  }

  private Read read() {
    return new Read(
        PemFiles.read(chainFile),
        PemFiles.read(keyFile),
        clientAuthorities.map(PemFiles::read).orElse(new byte[0]));
  }

  /** Checks first, and only then changes anything. Returns when the first certificate ends. */
  private Instant use(Read read) throws GeneralSecurityException {
    TlsIdentity own =
        TlsIdentity.of(chainFile, read.chain(), keyFile, read.key(), ticker.instant());
    if (trust != null) {
      Path authorities = clientAuthorities.orElseThrow();
      List<X509Certificate> trusted = PemFiles.certificates(authorities, read.authorities());
      try {
        trust.updateTrustCredentials(trusted.toArray(X509Certificate[]::new));
      } catch (IOException e) {
        throw new ConfigurationException(authorities + " cannot be used: " + e.getMessage(), e);
      }
    }
    identity.updateIdentityCredentials(own.chain(), own.key());
    return own.expiresAt();
  }

  @Override
  public void close() {
    repeater.close();
  }
}
