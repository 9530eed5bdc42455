package io.holdfast.gcs;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.auth.oauth2.AccessToken;
import com.google.auth.oauth2.GoogleCredentials;
import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.HoldOptions;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.Take;
import io.holdfast.spi.StoreSetup;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** From URL or builder to the wire, over real connections. */
@Timeout(60)
class GcsLocksTest {
  private GcsEmulator emulator;

  @BeforeEach
  void start() throws IOException {
    emulator = new GcsEmulator();
    emulator.storage().createBucket("bucket");
  }

  @AfterEach
  void stop() {
    emulator.close();
  }

  private String url(String place) {
    return "gs://" + place + "?endpoint=" + emulator.endpoint() + "&anonymous=true";
  }

  @Test
  void aLockIsTwoRequestsOverTheWire() throws InterruptedException {
    try (LockClient locks = LockClient.connect(url("bucket/team%20a"))) {
      try (Hold hold = locks.lock("invoice #42?").acquire()) {
        assertThat(hold.token()).isEqualTo(1);
        assertThat(emulator.storage().object("bucket", "team a/invoice #42?")).isPresent();
      }
      assertThat(emulator.storage().calls()).hasSize(2);
      locks.lock("invoice #42?").acquire().close();
      assertThat(emulator.storage().calls()).as("known by now").hasSize(4);
    }
  }

  @Test
  void aHolderIsDescribedListedAndTakenAwayByToken() throws InterruptedException {
    HoldOptions options = HoldOptions.defaults().data(HoldData.of("why"));
    try (LockClient locks = LockClient.connect(url("bucket"));
        LockClient other = LockClient.connect(url("bucket"))) {
      Hold hold = locks.lock("a").with(options).acquire();
      assertThat(other.describe("a").holders())
          .singleElement()
          .satisfies(holder -> assertThat(holder.data().text()).isEqualTo("why"))
          .satisfies(holder -> assertThat(holder.token()).hasValue(hold.token()));
      assertThat(other.list("").locks()).hasSize(1);
      assertThat(other.forceRelease("a", hold.token() + 1)).isFalse();
      assertThat(other.forceRelease("a", hold.token())).isTrue();
      assertThat(other.list("").locks()).isEmpty();
    }
  }

  @Test
  void aSecondWriteWithinASecondIsWaitedForAndNotLost() throws InterruptedException {
    emulator.storage().limitWrites();
    try (LockClient locks = LockClient.connect(url("bucket"))) {
      locks.lock("a").acquire().close();
      assertThat(locks.lock("a").acquire(Duration.ofSeconds(10)).token()).isEqualTo(2);
    }
  }

  @Test
  void itSaysWhatItCannotDo() {
    try (LockClient locks = LockClient.connect(url("bucket"))) {
      assertThat(locks.capabilities())
          .contains(Capability.FENCING, Capability.DURABLE_TOKENS, Capability.LIST)
          .doesNotContain(Capability.ALL, Capability.SHARED, Capability.TREE);
      assertThat(catchThrowable(() -> locks.readWriteLock("a")))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("gcs");
    }
  }

  @Test
  void aBucketThatIsMissingIsToldWithTheFirstLock() {
    try (LockClient locks = LockClient.connect(url("no-such-bucket"))) {
      assertThat(catchThrowable(() -> locks.lock("a").acquire()))
          .isInstanceOf(LockRefusedException.class)
          .hasMessageContaining("no bucket no-such-bucket");
    }
  }

  @Test
  void aLeaseBelowFiveSecondsIsRefused() {
    try (LockClient locks = LockClient.connect(url("bucket"))) {
      HoldOptions brief = HoldOptions.defaults().leaseDuration(HoldOptions.MIN_LEASE);
      assertThat(catchThrowable(() -> locks.lock("a").with(brief).acquire()))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessageStartingWith("LEASE_TOO_SHORT: leaseDuration 2000 ms < 5000 ms");
    }
  }

  @Test
  void aServerThatIsNotThereIsUnavailableAndOneThatDoesNotAnswerIsUncertain() {
    URI gone = emulator.endpoint();
    LeaseStore store =
        GcsLocks.bucket("bucket")
            .endpoint(gone)
            .anonymous()
            .requestTimeout(Duration.ofMillis(300))
            .build(null)
            .records();
    EmulatedStorage.Gate gate = emulator.storage().delay(EmulatedStorage.Call::isWrite);
    assertThat(failure(store)).isInstanceOf(UncertainOutcomeException.class);
    gate.opened().complete(null);
    emulator.storage().drop(EmulatedStorage.Call::isWrite, true);
    assertThat(failure(store)).isInstanceOf(UncertainOutcomeException.class);
    emulator.close();
    assertThat(failure(store)).isInstanceOf(StoreUnavailableException.class);
  }

  private static Throwable failure(LeaseStore store) {
    Take take =
        new Take(
            List.of(new Take.Wanted("a", Optional.empty(), Optional.empty())),
            "grant",
            "ann",
            GcsLocks.MIN_LEASE,
            HoldData.empty());
    return catchThrowableOfType(CompletionException.class, () -> store.take(take).join())
        .getCause();
  }

  // ------------------------------------------------------------ credentials

  @Test
  void anAnswerThatBeginsAndDoesNotEndIsUncertainInTime() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      String url = "http://127.0.0.1:" + server.getLocalPort();
      Thread answering =
          new Thread(
              () -> {
                try {
                  while (true) {
                    Socket unclosed = server.accept();
                    unclosed
                        .getOutputStream()
                        .write(
                            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".getBytes(US_ASCII));
                  }
                } catch (IOException e) {
                  // the test is over
                }
              });
      answering.setDaemon(true);
      answering.start();
      LeaseStore store =
          GcsLocks.bucket("bucket")
              .endpoint(URI.create(url))
              .anonymous()
              .requestTimeout(Duration.ofMillis(200))
              .build(null)
              .records();
      assertThat(failure(store)).isInstanceOf(UncertainOutcomeException.class);
      store.close();
    }
  }

  @Test
  void theTokenThatIsHandedInIsSent() throws InterruptedException {
    GcsLocks bucket =
        GcsLocks.bucket("bucket")
            .endpoint(emulator.endpoint())
            .bearerToken(() -> "secret")
            .build(null);
    try (LockClient locks = bucket.client(ClientOptions.defaults())) {
      locks.lock("a").acquire().close();
    }
    assertThat(emulator.storage().calls())
        .isNotEmpty()
        .allSatisfy(
            call -> assertThat(call.headers()).containsEntry("authorization", "Bearer secret"));
  }

  @Test
  void withoutATokenNothingIsSent() {
    LeaseStore store =
        GcsLocks.bucket("bucket")
            .endpoint(emulator.endpoint())
            .bearerToken(
                () -> {
                  throw new IllegalStateException("the vault is shut");
                })
            .build(null)
            .records();
    assertThat(failure(store))
        .isInstanceOf(StoreUnavailableException.class)
        .hasMessageContaining("the vault is shut");
    assertThat(emulator.storage().calls()).isEmpty();
    store.close();
  }

  @Test
  void whatWaitedTooLongForATokenIsNotSent() {
    CountDownLatch isThere = new CountDownLatch(1);
    LeaseStore store =
        GcsLocks.bucket("bucket")
            .endpoint(emulator.endpoint())
            .requestTimeout(Duration.ofSeconds(1))
            .bearerToken(
                () -> {
                  try {
                    isThere.await();
                  } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                  return "secret";
                })
            .build(null)
            .records();
    CompletableFuture<LeaseRecord> first = store.read("a");
    CompletableFuture<LeaseRecord> second = store.read("b");
    for (CompletableFuture<LeaseRecord> late : List.of(first, second)) {
      assertThat(late)
          .failsWithin(Duration.ofSeconds(20))
          .withThrowableThat()
          .withCauseInstanceOf(StoreUnavailableException.class)
          .withMessageContaining("none within 1000 ms");
    }
    isThere.countDown();
    assertThat(store.list("", 1)).succeedsWithin(Duration.ofSeconds(20));
    assertThat(emulator.storage().calls())
        .as("of the list alone")
        .noneMatch(call -> call.path().endsWith("/o/a") || call.path().endsWith("/o/b"))
        .isNotEmpty();
    store.close();
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "sec ret", "secret\n"})
  void aTokenThatIsNoneIsNeitherSentNorShown(String token) {
    LeaseStore store =
        GcsLocks.bucket("bucket")
            .endpoint(emulator.endpoint())
            .bearerToken(() -> token)
            .build(null)
            .records();
    Throwable failure = failure(store);
    assertThat(failure).isInstanceOf(StoreUnavailableException.class);
    assertThat(failure).message().doesNotContain("sec").endsWith("no header can carry");
    assertThat(emulator.storage().calls()).isEmpty();
    store.close();
  }

  @Test
  void afterItsCloseAStoreFailsAndDoesNotThrow() {
    LeaseStore store =
        GcsLocks.bucket("bucket")
            .endpoint(emulator.endpoint())
            .bearerToken(() -> "secret")
            .build(null)
            .records();
    store.close();
    assertThat(failure(store)).isInstanceOf(StoreUnavailableException.class);
  }

  /** It is an optional dependency. */
  @Test
  void withoutGooglesLibraryTheMissingJarIsNamed() throws Exception {
    List<URL> jars = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (!entry.contains("google-auth")) {
        jars.add(Path.of(entry).toUri().toURL());
      }
    }
    ClassLoader platform = ClassLoader.getPlatformClassLoader();
    try (URLClassLoader loader = new URLClassLoader(jars.toArray(URL[]::new), platform)) {
      Class<?> locks = loader.loadClass("io.holdfast.gcs.GcsLocks");
      Object builder = locks.getMethod("bucket", String.class).invoke(null, "bucket");
      URI google = URI.create("https://storage.googleapis.com");
      builder.getClass().getMethod("endpoint", URI.class).invoke(builder, google);
      Object bucket = builder.getClass().getMethod("build").invoke(builder);
      Class<?> options = loader.loadClass("io.holdfast.ClientOptions");
      Object defaults = options.getMethod("defaults").invoke(null);
      assertThat(catchThrowable(() -> locks.getMethod("client", options).invoke(bucket, defaults)))
          .rootCause()
          .hasMessageStartingWith(
              "CREDENTIALS_MISSING: com.google.auth:google-auth-library-oauth2-http is not on");
    }
  }

  @Test
  void googlesCredentialsAreShownAsGooglesLibrarySays() {
    GoogleCredentials credentials =
        GoogleCredentials.create(
            new AccessToken("secret", Date.from(Instant.now().plusSeconds(3600))));
    RequestHeaders identity = GoogleIdentity.of(credentials, emulator.endpoint());
    assertThat(identity.next().join()).containsEntry("Authorization", "Bearer secret");
    identity.close();
  }

  @Test
  void anEmulatorInTheEnvironmentIsAskedWithoutCredentials() throws InterruptedException {
    String address = "127.0.0.1:" + emulator.endpoint().getPort();
    for (String host : List.of(address, "http://" + address + "/")) {
      try (LockClient locks =
          GcsLocks.bucket("bucket").build(host).client(ClientOptions.defaults())) {
        locks.lock("a").acquire().close();
      }
    }
    assertThat(emulator.storage().calls())
        .isNotEmpty()
        .allSatisfy(call -> assertThat(call.headers()).doesNotContainKey("authorization"));
  }

  @Test
  void credentialsAreNotSentInTheClear() {
    assertThat(
            catchThrowable(
                () ->
                    GcsLocks.bucket("bucket")
                        .endpoint(URI.create("http://storage.example"))
                        .bearerToken(() -> "secret")
                        .build(null)))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("CREDENTIALS_IN_THE_CLEAR: endpoint \"http://storage.example\"");
  }

  // ------------------------------------------------------------ URLs

  @ParameterizedTest
  @CsvSource({
    "gs:bucket, URL_MALFORMED",
    "gs://, BUCKET_BAD",
    "gs://Bucket, BUCKET_BAD",
    "gs://bucket/a#b, URL_MALFORMED",
    "gs://bucket/a%zz, URL_ESCAPE_BAD",
    "gs://bucket/a%0Ab, PREFIX_BAD_CHAR",
    "gs://bucket?endpont=x, URL_PARAMETER_UNKNOWN",
    "gs://bucket?endpoint=, URL_PARAMETER_EMPTY",
    "gs://bucket?endpoint=ftp://x, ENDPOINT_BAD",
    "gs://bucket?endpoint=http://x/y, ENDPOINT_BAD",
    "gs://bucket?endpoint=http://a b, ENDPOINT_BAD",
    "gs://bucket?anonymous=yes, URL_ANONYMOUS_BAD",
    "gs://bucket?request-timeout=5, URL_DURATION_BAD",
    "gs://bucket?request-timeout=50ms, REQUEST_TIMEOUT_BAD",
    "gs://bucket?anonymous=true&anonymous=true, URL_PARAMETER_TWICE"
  })
  void whatIsWrongInAUrlIsRefusedByItsName(String url, String reason) {
    InvalidRequestException refused =
        catchThrowableOfType(InvalidRequestException.class, () -> GcsUrl.parse(url));
    assertThat(refused).isNotNull();
    assertThat(refused.reason()).isEqualTo(reason);
  }

  @Test
  void aPrefixIsAFolderAndMayBeAsLongAsLeavesRoomForAName() {
    assertThat(GcsUrl.parse("gs://bucket/a?anonymous=true").build(null))
        .hasToString("gs://bucket/a/");
    assertThat(GcsUrl.parse("gs://bucket/a/?anonymous=true").build(null))
        .hasToString("gs://bucket/a/");
    assertThat(GcsUrl.parse("gs://bucket/?anonymous=true").build(null)).hasToString("gs://bucket/");
    GcsLocks.bucket("bucket").prefix("x".repeat(511));
    assertThat(catchThrowable(() -> GcsLocks.bucket("bucket").prefix("x".repeat(512))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageStartingWith("PREFIX_TOO_LONG")
        .hasMessageEndingWith("has 513 bytes, at most 512");
  }

  @Test
  void setupLooksForTheBucketAndSaysHowToMakeIt() {
    assertThat(new GcsProvider().setup(url("bucket/p")).orElseThrow().run())
        .isEqualTo("bucket bucket is there");
    StoreSetup missing = new GcsProvider().setup(url("nowhere")).orElseThrow();
    assertThat(catchThrowable(missing::run))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("BUCKET_MISSING");
    assertThat(missing.script())
        .isEqualTo("gcloud storage buckets create gs://nowhere --uniform-bucket-level-access");
  }
}
