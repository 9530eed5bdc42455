package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.LockRefusedException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.dynamodb.FaultyHttp.Fault;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.ManualTicker;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.SdkRequest;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.ScanRequest;

/** What is asked of DynamoDB, how often, and what becomes of a request that goes wrong. */
class DynamoRequestsTest {
  private static final Duration LEASE = Duration.ofSeconds(3);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration STEP = Duration.ofMillis(50);

  private final FaultyHttp http = new FaultyHttp();
  private final DynamoDbAsyncClient dynamo = LocalServer.client(http);
  private final List<LockClient> open = new ArrayList<>();
  private String table;
  private LockClient locks;

  @BeforeEach
  void open() throws Exception {
    table = LocalServer.table(dynamo, DynamoLayout.holdfast());
    locks = client("one", LEASE);
    http.forgetCounts();
  }

  @AfterEach
  void close() throws Exception {
    open.forEach(LockClient::close);
    dynamo.close();
    http.close();
  }

  private LockClient client(String name, Duration lease) {
    LockClient client =
        DynamoLocks.in(table, dynamo)
            .client(
                ClientOptions.defaults()
                    .name(name)
                    .holds(HoldOptions.defaults().leaseDuration(lease)));
    open.add(client);
    return client;
  }

  /** With a place of its own, as in another process. */
  private LockClient stranger(Duration lease) {
    LockClient client =
        DynamoLocks.in(table, dynamo)
            .unchecked()
            .client(
                ClientOptions.defaults()
                    .name("stranger")
                    .holds(HoldOptions.defaults().leaseDuration(lease)));
    open.add(client);
    return client;
  }

  private interface Fact {
    boolean holds() throws Exception;
  }

  private static void until(Fact fact) throws Exception {
    long end = Ticker.system().nanosIn(Duration.ofSeconds(30));
    while (!fact.holds()) {
      assertThat(Ticker.system().nanos() - end).as("waited too long").isNegative();
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  @Test
  void uncontendedPairIsTwoWritesAndNothingElse() throws Exception {
    locks.lock("a").acquire(PATIENCE).close();
    assertThat(http.count("UpdateItem")).isEqualTo(2);
    assertThat(http.count()).isEqualTo(2);

    locks.lock("a").acquire(PATIENCE).close();
    assertThat(http.count()).as("and so is the next").isEqualTo(4);
  }

  /** One of them, for all who stand behind it. */
  @Test
  void whoeverWaitsReadsAndOnlyTheFirstInLineDoes() throws Exception {
    LockClient other = stranger(LEASE);
    Hold hold = other.lock("b").acquire(PATIENCE);
    int before = http.count("UpdateItem");
    List<CompletableFuture<Hold>> waiting = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      waiting.add(locks.lock("b").acquireAsync().toCompletableFuture());
    }
    until(() -> http.count("GetItem") >= 4);
    assertThat(http.count("UpdateItem") - before)
        .as("one try, and what the holder renews")
        .isLessThanOrEqualTo(2);
    assertThat(http.count("GetItem")).as("not eight times as many").isLessThan(12);
    hold.close();
    for (CompletableFuture<Hold> one : waiting) {
      one.join().close();
    }
  }

  @Test
  void renewalIsOneWrite() throws Exception {
    try (Hold hold = locks.lock("c").acquire(PATIENCE)) {
      int before = http.count();
      until(() -> http.count() >= before + 2);
      assertThat(http.count()).isEqualTo(http.count("UpdateItem"));
      hold.checkHeld();
    }
  }

  /** D2: the first sending has done it; a client that cannot tell waits for its own lease to end, and has token 2 then. */
  @Test
  void grantWhoseAnswerIsLostIsRecognized() throws Exception {
    http.next(1, "UpdateItem", Fault.ANSWER_LOST);
    try (Hold hold = locks.lock("d").acquire(PATIENCE)) {
      assertThat(hold.token()).isEqualTo(1);
      hold.checkHeld();
    }
    assertThat(locks.describe("d").holders()).isEmpty();
  }

  @Test
  void requestThatIsCarriedOutTwiceGrantsOnce() throws Exception {
    http.next(1, "UpdateItem", Fault.TWICE);
    try (Hold hold = locks.lock("e").acquire(PATIENCE)) {
      assertThat(hold.token()).isEqualTo(1);
      assertThat(stranger(LEASE).lock("e").tryAcquire()).isEmpty();
    }
    try (Hold hold = locks.lock("e").acquire(PATIENCE)) {
      assertThat(hold.token()).isEqualTo(2);
    }
  }

  /** R14, D2: the next renewal meets a record that this one has changed. */
  @Test
  void renewalThatWasDoneAndNotAnsweredIsNoLoss() throws Exception {
    try (Hold hold = locks.lock("f").acquire(PATIENCE)) {
      http.next(2, "UpdateItem", Fault.ANSWER_LOST);
      int before = http.count("UpdateItem");
      until(() -> http.count("UpdateItem") >= before + 4);
      hold.checkHeld();
    }
  }

  /** R15. */
  @Test
  void renewalThatComesAfterTheReleaseChangesNothing() throws Exception {
    var store = DynamoLocks.in(table, dynamo).store(ClientOptions.defaults(), () -> {});
    Hold hold = locks.lock("g").acquire(PATIENCE);
    var mine = store.read("g").join();
    hold.close();
    var late = store.renew(mine).join();
    assertThat(late).isInstanceOf(RenewAnswer.Changed.class);
    assertThat(store.read("g").join().isFree()).isTrue();
    assertThat(store.release(mine).join()).as("nor does a second release").isEmpty();
  }

  /** Else who has seen the first of them would take the second, which is alive, for dead. */
  @Test
  void grantThatALateRequestBringsBackHasAnotherVersion() throws Exception {
    var store = DynamoLocks.in(table, dynamo).store(ClientOptions.defaults(), () -> {});
    Take take =
        new Take(
            List.of(new Take.Wanted("back", Optional.empty(), Optional.empty())),
            "0123456789abcdef0123456789abcdef",
            "ann",
            LEASE,
            HoldData.empty());
    store.take(take).join();
    LeaseRecord first = store.read("back").join();
    assertThat(store.release(first).join()).isPresent();
    store.take(take).join();
    LeaseRecord second = store.read("back").join();
    assertThat(second.grant()).isEqualTo(first.grant());
    assertThat(second.version()).isNotEqualTo(first.version());

    Take overFirst =
        new Take(
            List.of(new Take.Wanted("back", Optional.of(first), Optional.of(first))),
            "fedcba9876543210fedcba9876543210",
            "bob",
            LEASE,
            HoldData.empty());
    assertThat(store.take(overFirst).join()).isInstanceOf(TakeAnswer.InTheWay.class);
  }

  /** R16, D3: what a try has seen, the next one remembers. */
  @Test
  void tryTakesTheLockOfADeadHolderInTheEnd() throws Exception {
    Process process = LocalServer.child(HolderMain.class, LocalServer.url(table), "h");
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(said.readLine()).isEqualTo("held");
      assertThat(locks.lock("h").tryAcquire()).isEmpty();
    } finally {
      process.destroyForcibly().waitFor();
    }
    List<Hold> held = new ArrayList<>();
    until(
        () -> {
          locks.lock("h").tryAcquire().ifPresent(held::add);
          return !held.isEmpty();
        });
    assertThat(held.get(0).token()).isEqualTo(2);
    held.get(0).close();
  }

  @Test
  void killedHolderIsReplacedWithinItsLease() throws Exception {
    Process process = LocalServer.child(HolderMain.class, LocalServer.url(table), "i");
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(said.readLine()).isEqualTo("held");
    } finally {
      process.destroyForcibly().waitFor();
    }
    ManualTicker ticker = new ManualTicker();
    LockClient turned =
        DynamoLocks.in(table, dynamo)
            .client(ClientOptions.defaults().name("turned").ticker(ticker));
    open.add(turned);
    CompletableFuture<Hold> waiting = turned.lock("i").acquireAsync().toCompletableFuture();
    until(() -> http.count("UpdateItem") > 0 && http.isQuiet());
    Duration passed = Duration.ZERO;
    while (!waiting.isDone()) {
      assertThat(passed).as("it is dead for so long").isLessThan(HolderMain.LEASE.multipliedBy(2));
      until(http::isQuiet);
      TimeUnit.MILLISECONDS.sleep(5); // for the engine to hear the answer
      ticker.advance(STEP);
      passed = passed.plus(STEP);
    }
    assertThat(passed).isGreaterThanOrEqualTo(HolderMain.LEASE);
    try (Hold hold = waiting.join()) {
      assertThat(hold.token()).isEqualTo(2);
    }
  }

  @Test
  void throttlingIsNeverLoss() throws Exception {
    try (Hold hold = locks.lock("j").acquire(PATIENCE)) {
      http.next(4, "UpdateItem", Fault.THROTTLED);
      int before = http.count("UpdateItem");
      until(() -> http.count("UpdateItem") >= before + 6);
      hold.checkHeld();
    }
  }

  @Test
  void acquireThatIsThrottledIsTriedAgain() throws Exception {
    http.next(2, "UpdateItem", Fault.THROTTLED);
    locks.lock("k").acquire(PATIENCE).close();
    http.next(2, "UpdateItem", Fault.NOT_CONNECTED);
    locks.lock("k").acquire(PATIENCE).close();
    http.next(2, "UpdateItem", Fault.SERVER_FAILED);
    try (Hold hold = locks.lock("k").acquire(PATIENCE)) {
      assertThat(hold.token()).isEqualTo(3);
    }
  }

  @Test
  void releaseWhoseAnswerIsLostIsARelease() throws Exception {
    Hold hold = locks.lock("l").acquire(PATIENCE);
    http.next(1, "UpdateItem", Fault.ANSWER_LOST);
    hold.close();
    assertThat(stranger(LEASE).lock("l").tryAcquire()).isPresent();
  }

  /** The SDK's second sending finds the lock free, which is no sign that somebody took it away. */
  @Test
  void releaseWhoseAnswerIsLostIsAReleaseThoughTheSdkAsksAgainByItself() throws Exception {
    try (DynamoDbAsyncClient retrying =
            LocalServer.client(
                http, AwsRetryStrategy.standardRetryStrategy(), LocalServer.credentials());
        LockClient client = DynamoLocks.in(table, retrying).client(ClientOptions.defaults())) {
      Hold hold = client.lock("o").acquire(PATIENCE);
      http.forgetCounts();
      http.next(1, "UpdateItem", Fault.ANSWER_LOST);
      hold.close();
      assertThat(http.count("UpdateItem")).as("sent again by the SDK").isGreaterThan(1);
      assertThat(stranger(LEASE).lock("o").tryAcquire()).isPresent();

      Hold another = client.lock("o2").acquire(PATIENCE);
      http.next(1, "UpdateItem", Fault.ANSWER_LOST);
      assertThat(client.forceRelease("o2", another.token())).isTrue();
    }
  }

  @Test
  void missingPermissionIsNamed() throws Exception {
    http.next(1, "UpdateItem", Fault.DENIED);
    assertThatThrownBy(() -> locks.lock("m").acquire(PATIENCE))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageStartingWith("ACCESS_DENIED")
        .hasMessageContaining("dynamodb:UpdateItem")
        .hasMessageContaining(table);
    http.next(1, "DescribeTable", Fault.DENIED);
    assertThatThrownBy(() -> client("two", LEASE))
        .isInstanceOf(LockRefusedException.class)
        .hasMessageContaining("dynamodb:DescribeTable")
        .hasMessageContaining("check=off");
  }

  /** A page of DynamoDB's ends after a megabyte, or where the request says. */
  @Test
  void listReadsAllPages() throws Exception {
    ExecutionInterceptor smallPages =
        new ExecutionInterceptor() {
          @Override
          public SdkRequest modifyRequest(
              Context.ModifyRequest context, ExecutionAttributes attributes) {
            return context.request() instanceof ScanRequest scan
                ? scan.toBuilder().limit(2).build()
                : context.request();
          }
        };
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      locks.lock("pages/" + i).acquire(PATIENCE);
      names.add("pages/" + i);
      locks.lock("free/" + i).acquire(PATIENCE).close();
    }
    try (FaultyHttp counting = new FaultyHttp();
        DynamoDbAsyncClient paging = LocalServer.client(counting, smallPages);
        LockClient reader = DynamoLocks.in(table, paging).client(ClientOptions.defaults())) {
      assertThat(reader.list("pages/").locks())
          .extracting(it -> it.key().toString())
          .containsExactlyElementsOf(names);
      assertThat(counting.count("Scan")).as("of 20 items").isGreaterThanOrEqualTo(10);
    }
  }

  /** Of a table that somebody has filled beyond what one answer has room for. */
  @Test
  void listReadsOnBeyondTheFirstMegabyte() throws Exception {
    String padding = "x".repeat(300_000);
    for (int i = 0; i < 5; i++) {
      String name = "padding " + i;
      dynamo
          .putItem(
              it ->
                  it.tableName(table)
                      .item(Map.of("lock", Expression.s(name), "more", Expression.s(padding))))
          .join();
    }
    locks.lock("large/1").acquire(PATIENCE);
    locks.lock("large/2").acquire(PATIENCE);
    http.forgetCounts();
    assertThat(locks.list("large/").locks()).hasSize(2);
    assertThat(http.count("Scan")).isGreaterThan(1);
  }

  /** F1. */
  @Test
  void tokensGoOnGrowingOverReleaseExpiryAndOtherProcesses() throws Exception {
    long last = 0;
    for (int i = 0; i < 3; i++) {
      try (LockClient client = stranger(LEASE);
          Hold hold = client.lock("n").acquire(PATIENCE)) {
        assertThat(hold.token()).isGreaterThan(last);
        last = hold.token();
      }
    }
    try (Hold hold = locks.all(locks.lock("n"), locks.lock("never before")).acquire(PATIENCE)) {
      assertThat(hold.token()).isEqualTo(last + 1);
    }
    try (Hold hold = locks.lock("never before").acquire(PATIENCE)) {
      assertThat(hold.token()).isEqualTo(last + 2);
    }
  }

  /** D5, R17: theirs sends heartbeats one after another. */
  @Test
  void thousandHoldsAreRenewedInTimeWhenEachRequestTakesFiftyMillis() throws Exception {
    LockClient many = client("many", Duration.ofSeconds(24));
    List<CompletableFuture<Hold>> asked = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      asked.add(many.lock("many/" + i).acquireAsync().toCompletableFuture());
    }
    List<Hold> holds = asked.stream().map(CompletableFuture::join).toList();
    http.delay(Duration.ofMillis(50));
    int before = http.count("UpdateItem");
    until(() -> http.count("UpdateItem") >= before + 1_500);
    for (Hold hold : holds) {
      assertThat(hold.isHeld()).isTrue();
      assertThat(hold.remaining().orElseThrow())
          .as("one after another they would take 50 s")
          .isGreaterThan(Duration.ofSeconds(2));
    }
    http.delay(Duration.ZERO);
  }

  /** D4: theirs polls without order, and of eight clients one had 126 grants and one had 1. */
  @Test
  void clientsOfOneProcessTakeTurns() throws Exception {
    int clients = 8;
    int[] grants = new int[clients];
    List<Thread> threads = new ArrayList<>();
    AtomicInteger left = new AtomicInteger(clients * 20);
    CyclicBarrier together = new CyclicBarrier(clients);
    for (int i = 0; i < clients; i++) {
      int me = i;
      LockClient client = client("client " + i, LEASE);
      Thread thread =
          new Thread(
              () -> {
                try {
                  together.await();
                  while (left.getAndDecrement() > 0) {
                    client.lock("turns").acquire(Duration.ofMinutes(1)).close();
                    grants[me]++;
                  }
                } catch (InterruptedException | BrokenBarrierException e) {
                  Thread.currentThread().interrupt();
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(Arrays.stream(grants).sum()).isEqualTo(clients * 20);
    assertThat(Arrays.stream(grants).boxed())
        .as("of twenty each, but for the first and the last round")
        .allMatch(it -> it >= 18 && it <= 22);
  }

  /** D6: theirs is never renewed again once it was in danger. */
  @Test
  void holdThatWasAtRiskIsRenewedAgain() throws Exception {
    AtomicInteger warnings = new AtomicInteger();
    try (Hold hold = locks.lock("p").acquire(PATIENCE)) {
      hold.onAtRisk(LEASE.dividedBy(3), it -> warnings.incrementAndGet());
      http.next(Integer.MAX_VALUE, "UpdateItem", Fault.THROTTLED);
      until(() -> warnings.get() > 0);
      http.next(0, "UpdateItem", Fault.NONE);
      until(() -> hold.remaining().orElseThrow().compareTo(LEASE.dividedBy(2)) > 0);
      hold.checkHeld();
    }
  }
}
