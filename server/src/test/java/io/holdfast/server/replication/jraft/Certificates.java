package io.holdfast.server.replication.jraft;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** An authority of its own, made by the JDK's keytool, and what it signs. */
final class Certificates {
  private static final String PASSWORD = "changeit";

  private final Path folder;
  private final Path store;

  Certificates(Path folder) throws IOException, GeneralSecurityException {
    this.folder = Files.createDirectories(folder);
    this.store = folder.resolve("store.p12");
    keytool("-genkeypair", "-alias", "authority", "-dname", "CN=authority", "-ext", "bc:c");
    pem("authority.pem", "CERTIFICATE", entry("authority").getEncoded());
  }

  Path authority() {
    return folder.resolve("authority.pem");
  }

  /** A certificate with the names, such as {@code ip:127.0.0.1} or {@code dns:example.org}. */
  PeerTls signed(String alias, String names) throws IOException, GeneralSecurityException {
    return signed(alias, names, "-1d");
  }

  /** One that begins at another time, as {@code -100d}, and is good for 90 days. */
  PeerTls signed(String alias, String names, String start)
      throws IOException, GeneralSecurityException {
    keytool(
        "-genkeypair",
        "-alias",
        alias,
        "-dname",
        "CN=" + alias,
        "-signer",
        "authority",
        "-ext",
        "san=" + names,
        "-startdate",
        start);
    Path chain = pem(alias + ".pem", "CERTIFICATE", entry(alias).getEncoded());
    Path key = pem(alias + ".key", "PRIVATE KEY", key(alias).getEncoded());
    return new PeerTls(chain, key, authority(), Set.of());
  }

  private KeyStore load() throws IOException, GeneralSecurityException {
    KeyStore loaded = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      loaded.load(in, PASSWORD.toCharArray());
    }
    return loaded;
  }

  private Certificate entry(String alias) throws IOException, GeneralSecurityException {
    return load().getCertificate(alias);
  }

  private Key key(String alias) throws IOException, GeneralSecurityException {
    return load().getKey(alias, PASSWORD.toCharArray());
  }

  private Path pem(String name, String kind, byte[] der) throws IOException {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    Path file = folder.resolve(name);
    Files.writeString(
        file, "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n");
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private void keytool(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(Arrays.asList(arguments));
    command.addAll(
        List.of("-keyalg", "EC", "-groupname", "secp256r1", "-validity", "2", "-keystore"));
    command.addAll(List.of(store.toString(), "-storetype", "PKCS12", "-storepass", PASSWORD));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException("keytool: " + said);
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
