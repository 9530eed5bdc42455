package io.holdfast.server.security;

import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/** A certificate and its private key, from files that fit together. Its time has come and is not over. */
public final class TlsIdentity {
  private final List<X509Certificate> chain;
  private final PrivateKey key;
  private final Instant expiresAt;

  private TlsIdentity(List<X509Certificate> chain, PrivateKey key, Instant expiresAt) {
    this.chain = chain;
    this.key = key;
    this.expiresAt = expiresAt;
  }

  /**
   * Reads the files.
   *
   * @param chain PEM: the certificate, and those between it and an authority's
   * @param key its private key: PEM, PKCS #8, not encrypted, and not for all users of the machine to read
   * @throws ConfigurationException naming the file at fault
   */
  public static TlsIdentity read(Path chain, Path key, Instant now) {
    return of(chain, PemFiles.read(chain), key, PemFiles.read(key), now);
  }

  /** From what was read of the files. */
  static TlsIdentity of(Path chainFile, byte[] chain, Path keyFile, byte[] key, Instant now) {
    PemFiles.refuseReadableByAll(keyFile);
    List<X509Certificate> certificates = PemFiles.certificates(chainFile, chain);
    PrivateKey its = PemFiles.privateKey(keyFile, key, certificates.get(0), chainFile);
    Instant end = Instant.MAX;
    for (X509Certificate certificate : certificates) {
      Instant from = certificate.getNotBefore().toInstant();
      Instant until = certificate.getNotAfter().toInstant();
      if (now.isAfter(until)) {
        throw new ConfigurationException("TLS certificate " + chainFile + " expired at " + until);
      }
      if (now.isBefore(from)) {
        throw new ConfigurationException(
            "TLS certificate " + chainFile + " begins only at " + from);
      }
      end = until.isBefore(end) ? until : end;
    }
    return new TlsIdentity(certificates, its, end);
  }

  /** The certificate, and those between it and an authority's. */
  public X509Certificate[] chain() {
    return chain.toArray(X509Certificate[]::new);
  }

  /** The private key. */
  public PrivateKey key() {
    return key;
  }

  /** When the first of the certificates ends. */
  public Instant expiresAt() {
    return expiresAt;
  }
}
