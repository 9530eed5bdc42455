package io.holdfast.server.security;

import static io.holdfast.server.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.holdfast.testkit.ManualTicker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where keys come from, when they are asked for, and what happens while they cannot be had. */
class KeySourceTest {
  @TempDir private Path folder;
  private final ManualTicker ticker = new ManualTicker();

  /** An issuer that can be counted, changed, held up and broken. */
  private static final class Issuer implements KeyLoader {
    final AtomicInteger loads = new AtomicInteger();
    final AtomicReference<String> jwks = new AtomicReference<>();
    volatile boolean down;
    volatile CountDownLatch gate = new CountDownLatch(0);

    Issuer(JWK... keys) {
      publish(keys);
    }

    void publish(JWK... keys) {
      jwks.set(new JWKSet(List.of(keys)).toString(true));
    }

    @Override
    public byte[] load() throws IOException {
      loads.incrementAndGet();
      try {
        gate.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      if (down) {
        throw new IOException("connection refused");
      }
      return jwks.get().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String where() {
      return "https://issuer.example/jwks";
    }

    @Override
    public boolean secret() {
      return false;
    }

    @Override
    public Duration period() {
      return Duration.ofMinutes(5);
    }
  }

  private static KeySource.Answer join(KeySource keys, String name) {
    return keys.find(name).toCompletableFuture().join();
  }

  private static boolean isKnown(KeySource keys, String name) {
    return keys.current(name) instanceof KeySource.Answer.Known;
  }

  @Test
  void aKeyThatIsKnownIsNotAskedForAgain() {
    Issuer issuer = new Issuer(Tokens.EC);
    try (KeySource keys = new KeySource(issuer, ticker)) {
      for (int i = 0; i < 1_000; i++) {
        assertThat(keys.find("ec")).isCompleted();
      }
      assertThat(issuer.loads).hasValue(1);
    }
  }

  @Test
  void aNewKeyIsFoundByTheFirstWhoAsksForIt() {
    Issuer issuer = new Issuer(Tokens.EC);
    try (KeySource keys = new KeySource(issuer, ticker)) {
      ticker.advance(KeySource.COOL_DOWN);
      issuer.publish(Tokens.EC, Tokens.RSA);
      assertThat(join(keys, "rsa")).isInstanceOf(KeySource.Answer.Known.class);
      assertThat(issuer.loads).hasValue(2);
    }
  }

  @Test
  void aFloodOfUnknownKeysAsksOncePerCoolDown() {
    Issuer issuer = new Issuer(Tokens.EC);
    try (KeySource keys = new KeySource(issuer, ticker)) {
      assertThat(join(keys, "x")).isInstanceOf(KeySource.Answer.Unknown.class);
      assertThat(issuer.loads).as("just loaded").hasValue(1);
      int second = 0;
      for (; second < 60; second++) {
        for (int i = 0; i < 1_000; i++) {
          assertThat(join(keys, "x" + i)).isInstanceOf(KeySource.Answer.Unknown.class);
        }
        ticker.advance(Duration.ofSeconds(1));
      }
      assertThat(issuer.loads.get()).isBetween(2, 1 + second / 10);
    }
  }

  @Test
  void allWhoAskMeanwhileWaitForOneAnswerAndTooManyAreToldAtOnce() {
    Issuer issuer = new Issuer(Tokens.EC);
    try (KeySource keys = new KeySource(issuer, ticker)) {
      ticker.advance(KeySource.COOL_DOWN);
      issuer.gate = new CountDownLatch(1);
      issuer.publish(Tokens.RSA);
      List<CompletableFuture<KeySource.Answer>> waiting = new ArrayList<>();
      for (int i = 0; i < KeySource.MAX_WAITING; i++) {
        waiting.add(keys.find("rsa").toCompletableFuture());
      }
      assertThat(waiting).noneMatch(CompletableFuture::isDone);
      assertThat(keys.find("rsa")).isCompleted();
      assertThat(keys.find("ec")).as("a known key waits for nobody").isCompleted();
      issuer.gate.countDown();
      assertThat(waiting)
          .allSatisfy(one -> assertThat(one.join()).isInstanceOf(KeySource.Answer.Known.class));
      assertThat(issuer.loads).hasValue(2);
    }
  }

  @Test
  void closingTellsThoseWhoWait() {
    Issuer issuer = new Issuer(Tokens.EC);
    KeySource keys = new KeySource(issuer, ticker);
    ticker.advance(KeySource.COOL_DOWN);
    issuer.gate = new CountDownLatch(1);
    CompletableFuture<KeySource.Answer> waiting = keys.find("x").toCompletableFuture();
    keys.close();
    assertThat(waiting.join()).isInstanceOf(KeySource.Answer.Unknown.class);
  }

  @Test
  void aKeyThatIsTakenOutIsForgotten() {
    Issuer issuer = new Issuer(Tokens.EC, Tokens.RSA);
    try (KeySource keys = new KeySource(issuer, ticker)) {
      issuer.publish(Tokens.RSA);
      assertThat(isKnown(keys, "ec")).isTrue();
      ticker.advance(issuer.period());
      eventually("forgotten", () -> !isKnown(keys, "ec"));
      assertThat(isKnown(keys, "rsa")).isTrue();
    }
  }

  @Test
  void aTokenTakenBeforeIsRefusedOnceItsKeyIsGoneOrAnotherOfThatName() throws IOException {
    Path file = Tokens.publish(folder.resolve("jwks.json"), Tokens.RSA, Tokens.EC);
    AuthSettings settings = new AuthSettings(file.toString(), Tokens.ISSUER, Tokens.AUDIENCE);
    try (Authenticator authenticator = new Authenticator(settings, ticker)) {
      String token = Tokens.signed(Tokens.EC, Tokens.claims());
      assertThat(reason(authenticator, token)).isEmpty();
      Tokens.publish(file, Tokens.RSA, Tokens.ec("ec"));
      ticker.advance(Duration.ofSeconds(10));
      eventually(
          "another key",
          () -> reason(authenticator, token).equals(Optional.of(AuthReason.BAD_SIGNATURE)));
      Tokens.publish(file, Tokens.RSA);
      eventually("scheduled", () -> ticker.pendingAlarms() > 0);
      ticker.advance(Duration.ofSeconds(10));
      eventually(
          "no key", () -> reason(authenticator, token).equals(Optional.of(AuthReason.UNKNOWN_KEY)));
    }
  }

  private static Optional<AuthReason> reason(Authenticator authenticator, String token) {
    return authenticator.authenticate(List.of("Bearer " + token)).toCompletableFuture().join()
            instanceof Verdict.TurnedAway away
        ? Optional.of(away.reason())
        : Optional.empty();
  }

  @Test
  void anOutageIsBorneForALimitedTimeAndEndsByItself() {
    Issuer issuer = new Issuer(Tokens.EC);
    try (Authenticator authenticator =
        new Authenticator(new AuthSettings("-", Tokens.ISSUER, Tokens.AUDIENCE), issuer, ticker)) {
      issuer.down = true;
      var claims = Tokens.claims("exp", Tokens.NOW + 20_000);
      String token = Tokens.signed(Tokens.EC, claims);
      assertThat(reason(authenticator, token)).isEmpty();
      ticker.advance(KeySource.OUTAGE);
      assertThat(reason(authenticator, token)).isEmpty();
      assertThat(authenticator.keysAge()).isEqualTo(KeySource.OUTAGE);
      ticker.advance(Duration.ofSeconds(1));
      eventually(
          "unavailable",
          () -> reason(authenticator, token).equals(Optional.of(AuthReason.KEYS_UNAVAILABLE)));
      issuer.down = false;
      ticker.advance(KeySource.COOL_DOWN);
      eventually("available", () -> reason(authenticator, token).isEmpty());
      assertThat(authenticator.keysAge()).isZero();
    }
  }

  @Test
  void aSetThatCannotBeUsedDoesNotDisplaceTheOneBefore() {
    Issuer issuer = new Issuer(Tokens.EC);
    try (KeySource keys = new KeySource(issuer, ticker)) {
      for (String jwks :
          List.of("", "{}", "{\"keys\":[]}", "[".repeat(10_000), "{\"keys\":[{}]}", "null")) {
        int before = issuer.loads.get();
        issuer.jwks.set(jwks);
        ticker.advance(KeySource.COOL_DOWN);
        assertThat(join(keys, "x")).isInstanceOf(KeySource.Answer.Unknown.class);
        assertThat(issuer.loads.get()).isGreaterThan(before);
        assertThat(isKnown(keys, "ec")).isTrue();
      }
    }
  }

  @Test
  void aServerDoesNotStartWithoutKeysAndSaysWhere() {
    Issuer issuer = new Issuer(Tokens.EC);
    issuer.down = true;
    assertThatThrownBy(() -> new KeySource(issuer, ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(
            "auth keys cannot be loaded from https://issuer.example/jwks: IOException: connection refused");
    Path missing = folder.resolve("missing.json");
    assertThatThrownBy(
            () -> new KeySource(KeyLoader.of(missing.toString(), Optional.empty()), ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(missing.toString());
    assertThat(ticker.pendingAlarms()).isZero();
  }

  @Test
  void keysThatAnybodyCouldChangeOrForgeAreRefused() {
    for (String place : List.of("http://issuer.example/jwks", "HTTP://127.0.0.1/jwks", "http:x")) {
      assertThatThrownBy(() -> KeyLoader.of(place, Optional.empty()))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("use https");
    }
    for (String place :
        List.of(
            "https:",
            "https:///jwks",
            "https://u:p@issuer.example/",
            "ftp://x/y",
            "https://a b/")) {
      assertThatThrownBy(() -> KeyLoader.of(place, Optional.empty()))
          .isInstanceOf(ConfigurationException.class);
    }
  }

  @Test
  void keysThatAreTooWeakOrNamedTwiceAreRefusedByName() throws Exception {
    RSAKey small = new RSAKeyGenerator(1024, true).keyID("small").generate();
    refuses("key \"small\" is too short: 1024 < 2048 bits", small);
    refuses("key \"short\" is too short: 31 < 32 bytes", Tokens.secret("short", 248));
    refuses("two keys are called \"a\"", Tokens.ec("a"), Tokens.secret("a", 256));
  }

  private void refuses(String line, JWK... keys) throws IOException {
    Path file = Tokens.publish(folder.resolve("bad.json"), keys);
    assertThatThrownBy(() -> new KeySource(KeyLoader.of(file.toString(), Optional.empty()), ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageEndingWith(line);
  }

  @Test
  void keysForOthersArePassedOver() throws Exception {
    RSAKey encrypting = new RSAKeyGenerator(2048).keyID("enc").keyUse(KeyUse.ENCRYPTION).generate();
    RSAKey other =
        new RSAKeyGenerator(2048)
            .keyID("rs512")
            .algorithm(com.nimbusds.jose.JWSAlgorithm.RS512)
            .generate();
    JWK curve = new ECKeyGenerator(Curve.P_384).keyID("p384").generate();
    RSAKey nameless = new RSAKeyGenerator(2048).generate();
    Path file =
        Tokens.publish(folder.resolve("jwks.json"), encrypting, other, curve, nameless, Tokens.EC);
    try (KeySource keys = new KeySource(KeyLoader.of(file.toString(), Optional.empty()), ticker)) {
      assertThat(List.of("enc", "rs512", "p384")).noneMatch(name -> isKnown(keys, name));
      assertThat(isKnown(keys, "ec")).isTrue();
    }
  }

  @Test
  void secretsAreTakenFromAFileThatIsNotForAllToRead() throws IOException {
    Path file = Tokens.publish(folder.resolve("jwks.json"), Tokens.SECRET);
    KeyLoader loader = KeyLoader.of(file.toString(), Optional.empty());
    new KeySource(loader, ticker).close();
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(() -> new KeySource(loader, ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("chmod 600 " + file);
    // Public keys are no secret.
    Tokens.publish(file, Tokens.EC.toPublicJWK());
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    new KeySource(loader, ticker).close();
  }

  @Test
  void aFileThatIsTooLargeIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("large.json"), " ".repeat(KeyLoader.LIMIT + 1));
    assertThatThrownBy(() -> new KeySource(KeyLoader.of(file.toString(), Optional.empty()), ticker))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("larger than");
  }

  @Test
  void keysComeFromAnHttpsServerThatIsTrusted() throws Exception {
    TestCertificates certificates = new TestCertificates(folder.resolve("tls"));
    certificates.good("jwks");
    AtomicReference<String> answer = new AtomicReference<>(new JWKSet(Tokens.EC).toString());
    AtomicInteger status = new AtomicInteger(200);
    HttpServer server = https(certificates, answer, status);
    server.start();
    try {
      String url = "https://127.0.0.1:" + server.getAddress().getPort() + "/jwks";
      KeyLoader trusting = KeyLoader.of(url, Optional.of(certificates.authority()));
      try (KeySource keys = new KeySource(trusting, ticker)) {
        assertThat(isKnown(keys, "ec")).isTrue();
      }
      // Secrets are none if they came over the network.
      answer.set(new JWKSet(List.of(Tokens.SECRET, Tokens.EC)).toString(false));
      try (KeySource keys = new KeySource(trusting, ticker)) {
        assertThat(isKnown(keys, "secret")).isFalse();
        assertThat(isKnown(keys, "ec")).isTrue();
      }
      KeyLoader distrusting = KeyLoader.of(url, Optional.empty());
      assertThatThrownBy(() -> new KeySource(distrusting, ticker))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining(url)
          .hasMessageContaining("SSLHandshakeException");
      for (int bad : List.of(302, 404, 500)) {
        status.set(bad);
        assertThatThrownBy(() -> new KeySource(trusting, ticker))
            .isInstanceOf(ConfigurationException.class)
            .hasMessageEndingWith("HTTP status " + bad);
      }
      status.set(200);
      answer.set(" ".repeat(KeyLoader.LIMIT + 1));
      assertThatThrownBy(() -> new KeySource(trusting, ticker))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageMatching(".*(larger than|more than) .*");
    } finally {
      server.stop(0);
    }
  }

  private static HttpServer https(
      TestCertificates certificates, AtomicReference<String> answer, AtomicInteger status)
      throws Exception {
    KeyManagerFactory identity =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    var store = certificates.load();
    store.deleteEntry("authority");
    identity.init(store, TestCertificates.PASSWORD.toCharArray());
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(identity.getKeyManagers(), null, null);
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    server.createContext(
        "/jwks",
        exchange -> {
          byte[] body = answer.get().getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Location", "https://127.0.0.1/elsewhere");
          exchange.sendResponseHeaders(status.get(), body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    return server;
  }
}
