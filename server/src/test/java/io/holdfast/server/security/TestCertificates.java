package io.holdfast.server.security;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Certificates made by the JDK's keytool: an authority's, and such as it or nobody signed. */
final class TestCertificates {
  static final String PASSWORD = "changeit";

  private final Path folder;
  private final Path store;

  /** A certificate and its key, in files. */
  record Pair(Path chain, Path key) {}

  TestCertificates(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.store = folder.resolve("store.p12");
    keytool("authority", "2025/12/01 00:00:00", 3650, "-ext", "bc:c");
  }

  Path authority() throws IOException, GeneralSecurityException {
    return pem("authority.pem", "CERTIFICATE", load().getCertificate("authority").getEncoded());
  }

  /** For 127.0.0.1, good for ten years. */
  Pair good(String alias) throws IOException, GeneralSecurityException {
    return signed(alias, "2025/12/01 00:00:00", 3650);
  }

  Pair signed(String alias, String start, int days) throws IOException, GeneralSecurityException {
    keytool(alias, start, days, "-signer", "authority", "-ext", "san=ip:127.0.0.1");
    Path chain = pem(alias + ".pem", "CERTIFICATE", load().getCertificate(alias).getEncoded());
    Key key = load().getKey(alias, PASSWORD.toCharArray());
    return new Pair(chain, pem(alias + ".key", "PRIVATE KEY", key.getEncoded()));
  }

  KeyStore load() throws IOException, GeneralSecurityException {
    KeyStore loaded = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      loaded.load(in, PASSWORD.toCharArray());
    }
    return loaded;
  }

  private Path pem(String name, String kind, byte[] der) throws IOException {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    Path file = folder.resolve(name);
    Files.writeString(
        file, "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    return file;
  }

  private void keytool(String alias, String start, int days, String... more) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of("-genkeypair", "-alias", alias, "-dname", "CN=" + alias));
    command.addAll(List.of("-startdate", start, "-validity", String.valueOf(days)));
    command.addAll(List.of("-keyalg", "EC", "-groupname", "secp256r1"));
    command.addAll(List.of("-keystore", store.toString(), "-storetype", "PKCS12"));
    command.addAll(List.of("-storepass", PASSWORD));
    command.addAll(List.of(more));
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
