package io.holdfast.server.security;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Certificates and private keys in PEM files, with the mistakes that are made with them told by name. */
final class PemFiles {
  private static final Pattern PRIVATE_KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

  private PemFiles() {}

  /**
   * All certificates of a file, at least one.
   *
   * @throws ConfigurationException if there are none
   */
  static List<X509Certificate> certificates(Path file) {
    return certificates(file, read(file));
  }

  static List<X509Certificate> certificates(Path file, byte[] pem) {
    List<X509Certificate> found = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (Certificate certificate : factory.generateCertificates(new ByteArrayInputStream(pem))) {
        found.add((X509Certificate) certificate);
      }
    } catch (CertificateException e) {
      throw new ConfigurationException(file + " holds no PEM certificates", e);
    }
    if (found.isEmpty()) {
      throw new ConfigurationException(file + " holds no PEM certificates");
    }
    return found;
  }

  /**
   * The private key that belongs to a certificate.
   *
   * @throws ConfigurationException if it is encrypted, in another form than PKCS#8, or another certificate's
   */
  static PrivateKey privateKey(Path file, byte[] pem, X509Certificate certificate, Path chain) {
    String text = new String(pem, StandardCharsets.US_ASCII);
    if (text.contains("ENCRYPTED")) {
      throw new ConfigurationException(
          "TLS key "
              + file
              + " is encrypted, and there is no password: write it as plain PKCS#8, mode 0600");
    }
    Matcher found = PRIVATE_KEY.matcher(text);
    if (!found.find()) {
      throw new ConfigurationException(
          "TLS key "
              + file
              + " holds no `BEGIN PRIVATE KEY`; convert it: openssl pkcs8 -topk8 -nocrypt -in KEY");
    }
    PublicKey of = certificate.getPublicKey();
    PrivateKey key;
    try {
      byte[] encoded = Base64.getMimeDecoder().decode(found.group(1));
      key =
          KeyFactory.getInstance(of.getAlgorithm())
              .generatePrivate(new PKCS8EncodedKeySpec(encoded));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new ConfigurationException(
          "TLS key "
              + file
              + " is not a "
              + of.getAlgorithm()
              + " key, as certificate "
              + chain
              + " needs",
          e);
    }
    if (!belongs(key, of)) {
      throw new ConfigurationException(
          "TLS key " + file + " does not belong to certificate " + chain);
    }
    return key;
  }

  private static boolean belongs(PrivateKey key, PublicKey to) {
    String algorithm =
        switch (to.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> to.getAlgorithm();
        };
    try {
      byte[] sample = new byte[32];
      new SecureRandom().nextBytes(sample);
      Signature signing = Signature.getInstance(algorithm);
      signing.initSign(key);
      signing.update(sample);
      byte[] signature = signing.sign();
      Signature checking = Signature.getInstance(algorithm);
      checking.initVerify(to);
      checking.update(sample);
      return checking.verify(signature);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /**
   * Refuses a file with a secret in it that all users of the machine can read or write.
   *
   * @throws ConfigurationException if they can
   */
  static void refuseReadableByAll(Path file) {
    Set<PosixFilePermission> permissions;
    try {
      permissions = Files.getPosixFilePermissions(file);
    } catch (UnsupportedOperationException e) {
      return;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    if (permissions.contains(PosixFilePermission.OTHERS_READ)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new ConfigurationException(
          file
              + " holds a secret and all users of this machine have access to it: chmod 600 "
              + file);
    }
  }

  static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static ConfigurationException unreadable(Path file, IOException e) {
    return new ConfigurationException(
        file + " cannot be read: " + e.getClass().getSimpleName() + " " + e.getMessage(), e);
  }
}
