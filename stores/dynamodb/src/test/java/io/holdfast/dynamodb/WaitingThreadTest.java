package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.Ticker;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** A thread that waits for its lock asks for it itself, and is kept no longer than it is patient. */
@Timeout(60)
class WaitingThreadTest {
  private final DynamoDbAsyncClient async = LocalServer.client();
  private final List<String> asking = new CopyOnWriteArrayList<>();
  private final Semaphore room = new Semaphore(1);
  private final FaultyApache http = new FaultyApache();
  private DynamoDbClient quick;
  private LockClient locks;

  @BeforeEach
  void open() {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
    quick =
        DynamoDbClient.builder()
            .endpointOverride(LocalServer.endpoint())
            .region(Region.US_EAST_1)
            .credentialsProvider(LocalServer.credentials())
            .httpClient(http)
            .overrideConfiguration(
                it ->
                    it.retryStrategy(AwsRetryStrategy.doNotRetry())
                        .addExecutionInterceptor(new Heard()))
            .build();
    Dynamo both = new Dynamo.Both(Dynamo.of(async, Ticker.system()), quick, room);
    String table = LocalServer.table(async, DynamoLayout.holdfast());
    locks = DynamoLocks.in(table, both).client(ClientOptions.defaults());
  }

  @AfterEach
  void close() {
    locks.close();
    quick.close();
    http.close();
    async.close();
    System.clearProperty("aws.accessKeyId");
    System.clearProperty("aws.secretAccessKey");
  }

  private final class Heard implements ExecutionInterceptor {
    @Override
    public void beforeTransmission(
        Context.BeforeTransmission context, ExecutionAttributes attributes) {
      asking.add(Thread.currentThread().getName());
    }
  }

  @Test
  void whoWaitsAsksItself() throws Exception {
    String me = Thread.currentThread().getName();
    try (Hold hold = locks.lock("a").acquire()) {
      assertThat(hold.token()).isOne();
      assertThat(locks.lock("a").tryAcquire()).isEmpty();
    }
    assertThat(asking).containsExactly(me, me);
  }

  @Test
  void ofMoreThreadsThanMayBeBlockedTheOthersAreAnsweredAllTheSame() throws Exception {
    room.acquire();
    locks.lock("a").acquire().close();
    assertThat(asking).isEmpty();
    room.release();
    locks.lock("a").acquire().close();
    assertThat(asking).hasSize(2);
    assertThat(room.availablePermits()).isOne();
  }

  /** D2. */
  @Test
  void grantWhoseAnswerIsLostIsRecognized() throws Exception {
    http.next = Fault.ANSWER_LOST;
    try (Hold hold = locks.lock("a").acquire()) {
      assertThat(hold.token()).isOne();
      hold.checkHeld();
    }
    assertThat(asking).as("what comes after is asked by others").hasSize(2);
  }

  @Test
  void releaseWhoseAnswerIsLostIsARelease() throws Exception {
    Hold hold = locks.lock("a").acquire();
    http.next = Fault.ANSWER_LOST;
    hold.close();
    assertThat(http.next).as("it was").isEqualTo(Fault.NONE);
    try (Hold next = locks.lock("a").tryAcquire().orElseThrow()) {
      assertThat(next.token()).isEqualTo(2);
    }
  }

  @Test
  void whatIsThrottledIsAskedAgain() throws Exception {
    http.next = Fault.THROTTLED;
    Hold hold = locks.lock("a").acquire();
    assertThat(hold.token()).isOne();
    http.next = Fault.THROTTLED;
    hold.close();
    assertThat(locks.describe("a").holders()).isEmpty();
    http.next = Fault.THROTTLED;
    assertThatThrownBy(() -> locks.lock("a").tryAcquire())
        .isInstanceOf(StoreUnavailableException.class);
  }

  @Test
  void lockThatIsHeldIsWaitedForAsEver() throws Exception {
    Hold hold = locks.lock("a").acquire();
    CompletableFuture<Hold> next = new CompletableFuture<>();
    Thread waiting =
        new Thread(
            () -> {
              try {
                next.complete(locks.lock("a").acquire(Duration.ofSeconds(20)));
              } catch (Exception e) {
                next.completeExceptionally(e);
              }
            });
    waiting.start();
    while (waiting.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    hold.close();
    assertThat(next.get(20, TimeUnit.SECONDS).token()).isEqualTo(2);
  }

  @Test
  void storeThatIsSilentKeepsNobodyForLongerThanHisPatience() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        LockClient away = LockClient.connect(url(silent))) {
      Ticker clock = Ticker.system();
      Duration patience = LeaseStore.BLOCKS_WITHIN;
      long began = clock.nanos();
      assertThatThrownBy(() -> away.lock("a").acquire(patience)).isInstanceOf(LockException.class);
      long took = clock.nanos() - began;
      assertThat(Duration.ofNanos(took)).isBetween(patience, patience.plusSeconds(2));
    }
  }

  @Test
  void interruptIsHeardThoughTheStoreIsSilent() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        LockClient away = LockClient.connect(url(silent))) {
      CompletableFuture<Hold> asked = new CompletableFuture<>();
      Thread waiting =
          new Thread(
              () -> {
                try {
                  asked.complete(away.lock("a").acquire());
                } catch (Exception e) {
                  asked.completeExceptionally(e);
                }
              });
      waiting.start();
      silent.accept(); // it has asked, or is about to
      waiting.interrupt();
      Duration bound = LeaseStore.BLOCKS_WITHIN.plusSeconds(3); // a busy machine's own time
      assertThatThrownBy(() -> asked.get(bound.toMillis(), TimeUnit.MILLISECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(InterruptedException.class);
    }
  }

  private enum Fault {
    NONE,
    ANSWER_LOST,
    THROTTLED
  }

  /** Apache's client, whose next request goes wrong if it is told to. */
  private static final class FaultyApache implements SdkHttpClient {
    private final SdkHttpClient real = Apache5HttpClient.create();
    private volatile Fault next = Fault.NONE;

    @Override
    public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
      ExecutableHttpRequest prepared = real.prepareRequest(request);
      Fault now = next;
      next = Fault.NONE;
      return now == Fault.NONE ? prepared : new Faulty(prepared, now);
    }

    @Override
    public void close() {
      real.close();
    }
  }

  private record Faulty(ExecutableHttpRequest real, Fault fault) implements ExecutableHttpRequest {
    @Override
    public HttpExecuteResponse call() throws IOException {
      if (fault == Fault.ANSWER_LOST) {
        real.call();
        throw new IOException("lost by the test");
      }
      byte[] body =
          "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ThrottlingException\"}"
              .getBytes(StandardCharsets.UTF_8);
      return HttpExecuteResponse.builder()
          .response(
              SdkHttpResponse.builder()
                  .statusCode(400)
                  .putHeader("Content-Type", "application/x-amz-json-1.0")
                  .build())
          .responseBody(AbortableInputStream.create(new ByteArrayInputStream(body)))
          .build();
    }

    @Override
    public void abort() {
      real.abort();
    }
  }

  private static String url(ServerSocket silent) {
    return "dynamodb://locks?region=us-east-1&check=off&endpoint=http://127.0.0.1:"
        + silent.getLocalPort();
  }
}
