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
import java.security.Provider;
import java.security.Security;
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
          "holdfast://" + server.address() + "/team?tls=on&connect-timeout=30s" + authority();
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
    String noCertificate =
        "&cert=" + folder.resolve("client.key") + "&key=" + folder.resolve("client.key");
    String noKey = "&cert=" + folder.resolve("client.pem") + "&key=" + folder.resolve("client.pem");
    for (String wrong :
        List.of(noCertificate, noKey, authority() + noCertificate, authority() + noKey)) {
      refusesAtOnce(wrong, "URL_CERT_UNREADABLE: cert ");
    }
    String noAuthority = "&ca=" + folder.resolve("client.key");
    for (String wrong : List.of(noAuthority, noAuthority + shown("client"), "&ca=/nowhere")) {
      refusesAtOnce(wrong, "URL_CA_UNREADABLE: ca ");
    }
  }

  private static void refusesAtOnce(String parameters, String why) {
    assertThatThrownBy(() -> LockClient.connect("holdfast://127.0.0.1:1/team?tls=on" + parameters))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith(why);
  }

  @Test
  void theKeyIsReadOnceForEachConnection() {
    Access access =
        Access.of(
            ServerUrl.parse("holdfast://127.0.0.1:1/team?tls=on" + authority() + shown("client")));
    KeysRead keys = new KeysRead();
    Security.insertProviderAt(keys, 1);
    try {
      var unused = access.channel("127.0.0.1:1");
    } finally {
      Security.removeProvider(keys.getName());
    }
    assertThat(keys.read).isEqualTo(1);
  }

  /** Provides nothing, and is asked first. */
  private static final class KeysRead extends Provider {
    private static final long serialVersionUID = 1;

    private final Thread reader = Thread.currentThread();
    private int read;

    KeysRead() {
      super("keys read", "1", "counts them");
    }

    @Override
    public Service getService(String type, String algorithm) {
      if (Thread.currentThread() == reader
          && type.equals("KeyFactory")
          && algorithm.equals(
              "RSA")) { // of a key in a file it is not known, so that one is tried first
        read++;
      }
      return super.getService(type, algorithm);
    }
  }

  private static String authority() {
    return "&ca=" + folder.resolve("authority.pem");
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
