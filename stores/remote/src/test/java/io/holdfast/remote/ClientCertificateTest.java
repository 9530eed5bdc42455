package io.holdfast.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.Hold;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.server.security.ServerTls;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that takes only clients with certificates of its authority. */
class ClientCertificateTest {
  private static final String PASSWORD = "changeit";

  @TempDir private static Path folder;

  @BeforeAll
  static void makeCertificates() throws Exception {
    make("authority", "-ext", "bc:c");
    make("server", "-signer", "authority", "-ext", "san=ip:127.0.0.1");
    make("client", "-signer", "authority");
    make("stranger");
  }

  @Test
  void whoShowsItsCertificateIsServedAndOthersAreNot() throws Exception {
    try (ServerTls tls =
            new ServerTls(
                folder.resolve("server.pem"),
                folder.resolve("server.key"),
                Optional.of(folder.resolve("authority.pem")),
                Ticker.system());
        RealServer server = new RealServer(folder.resolve("data"), tls)) {
      String url =
          "holdfast://"
              + server.address()
              + "/team?tls=on&connect-timeout=30s&ca="
              + folder.resolve("authority.pem");
      try (LockClient locks = LockClient.connect(url + shown("client"));
          Hold hold = locks.lock("a").acquire(Duration.ofSeconds(20))) {
        assertThat(hold.isHeld()).isTrue();
        server.close(); // with a connection of its own, the next one too
        server.start();
        assertThat(locks.lock("b").acquire(Duration.ofSeconds(20)).token()).isPositive();
      }
      assertThat(ClusterClient.of(url + shown("client")).status(server.address()).leader())
          .isPresent();
      String soon = url.replace("30s", "1s");
      for (String other : List.of("", shown("stranger"))) {
        assertThatThrownBy(
                () -> {
                  try (LockClient locks = LockClient.connect(soon + other)) {
                    locks.lock("a").acquire(Duration.ofSeconds(2));
                  }
                })
            .as("with <%s>", other)
            .isInstanceOf(LockException.class)
            .isNotInstanceOf(InvalidRequestException.class);
      }
    }
  }

  @Test
  void whatIsNoCertificateIsRefusedAtOnce() {
    for (String wrong :
        List.of(
            "&cert=" + folder.resolve("client.key") + "&key=" + folder.resolve("client.key"),
            "&cert=" + folder.resolve("client.pem") + "&key=" + folder.resolve("client.pem"))) {
      assertThatThrownBy(() -> LockClient.connect("holdfast://127.0.0.1:1/team?tls=on" + wrong))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageStartingWith("URL_CERT_UNREADABLE: cert ");
    }
  }

  private static String shown(String alias) {
    return "&cert=" + folder.resolve(alias + ".pem") + "&key=" + folder.resolve(alias + ".key");
  }

  private static void make(String alias, String... more) throws Exception {
    Path store = folder.resolve("store.p12");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of("-genkeypair", "-alias", alias, "-dname", "CN=" + alias));
    command.addAll(List.of("-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30"));
    command.addAll(List.of("-keystore", store.toString(), "-storepass", PASSWORD));
    command.addAll(List.of(more));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
    KeyStore loaded = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      loaded.load(in, PASSWORD.toCharArray());
    }
    pem(alias + ".pem", "CERTIFICATE", loaded.getCertificate(alias).getEncoded());
    pem(alias + ".key", "PRIVATE KEY", loaded.getKey(alias, PASSWORD.toCharArray()).getEncoded());
  }

  private static void pem(String name, String kind, byte[] der) throws IOException {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    Path file = folder.resolve(name);
    Files.writeString(
        file, "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }
}
