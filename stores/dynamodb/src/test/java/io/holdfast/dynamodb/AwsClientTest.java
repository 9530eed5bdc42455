package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.amazonaws.services.dynamodbv2.AcquireLockOptions;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBLockClient;
import com.amazonaws.services.dynamodbv2.LockItem;
import com.amazonaws.services.dynamodbv2.model.LockNotGrantedException;
import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldData;
import io.holdfast.HoldOptions;
import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockTimeoutException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.spi.Ticker;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Amazon's own lock client and ours, on one table. */
class AwsClientTest {
  private static final Duration LEASE = AmazonHolderMain.LEASE;

  private final DynamoDbAsyncClient dynamo = LocalServer.client();
  private final DynamoDbClient blocking = LocalServer.blockingClient();
  private String table;
  private AmazonDynamoDBLockClient theirs;
  private LockClient ours;

  @BeforeEach
  void open() throws Exception {
    table = LocalServer.table(dynamo, DynamoLayout.aws());
    theirs = AmazonHolderMain.client(blocking, table);
    ours = ours(DynamoLayout.aws());
  }

  @AfterEach
  void close() throws Exception {
    ours.close();
    theirs.close();
    blocking.close();
    dynamo.close();
  }

  private LockClient ours(DynamoLayout layout) {
    return DynamoLocks.in(table, dynamo)
        .layout(layout)
        .client(
            ClientOptions.defaults()
                .name("ours")
                .holds(HoldOptions.defaults().leaseDuration(LEASE)));
  }

  private static AcquireLockOptions.AcquireLockOptionsBuilder asks(String name) {
    return AcquireLockOptions.builder(name)
        .withTimeUnit(TimeUnit.MILLISECONDS)
        .withRefreshPeriod(100L)
        .withAdditionalTimeToWaitForLock(0L);
  }

  @Test
  void theirHolderKeepsOursOut() throws Exception {
    LockItem item =
        theirs.acquireLock(
            asks("a").withData(ByteBuffer.wrap("job 7".getBytes(StandardCharsets.UTF_8))).build());

    assertThat(ours.lock("a").tryAcquire()).isEmpty();
    assertThatThrownBy(() -> ours.lock("a").acquire(LEASE.plusSeconds(1)))
        .as("longer than a lease, through which they send heartbeats")
        .isInstanceOf(LockTimeoutException.class);
    assertThat(ours.describe("a").holders().get(0).data()).isEqualTo(HoldData.of("job 7"));

    item.close();
    try (Hold hold = ours.lock("a").acquire(Duration.ofSeconds(5))) {
      assertThat(hold.isHeld()).isTrue();
    }
  }

  @Test
  void ourHolderKeepsTheirsOut() throws Exception {
    try (Hold hold = ours.lock("b").acquire(Duration.ofSeconds(5))) {
      assertThatThrownBy(
              () ->
                  theirs.acquireLock(
                      asks("b").withAdditionalTimeToWaitForLock(LEASE.toMillis()).build()))
          .as("they wait for two leases, through which we renew")
          .isInstanceOf(LockNotGrantedException.class);
      hold.checkHeld();
    }
    Optional<LockItem> item = theirs.tryAcquireLock(asks("b").build());
    assertThat(item).isPresent();
    item.get().close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatTheyReleaseWithoutDeletingIsFree(boolean consistent) throws Exception {
    LockItem item = theirs.acquireLock(asks("c").withDeleteLockOnRelease(false).build());
    item.close();

    DynamoLayout layout = consistent ? DynamoLayout.aws().consistent() : DynamoLayout.aws();
    try (LockClient client = ours(layout);
        Hold hold = client.lock("c").tryAcquire().orElseThrow()) {
      assertThat(theirs.tryAcquireLock(asks("c").build())).isEmpty();
      hold.checkHeld();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatWeKeepAsReleasedIsFreeToThem(boolean consistent) throws Exception {
    try (LockClient client = ours(DynamoLayout.aws().keepReleased())) {
      client.lock("d").acquire(Duration.ofSeconds(5)).close();
    }
    assertThat(
            blocking
                .getItem(it -> it.tableName(table).key(DynamoLayout.aws().keys().of("d")))
                .item())
        .containsKey("isReleased");
    Optional<LockItem> item =
        theirs.tryAcquireLock(asks("d").withAcquireReleasedLocksConsistently(consistent).build());
    assertThat(item).isPresent();
    assertThat(ours.lock("d").tryAcquire()).isEmpty();
    item.get().close();
  }

  /** An option of theirs: then what we wrote beside it stays where it was. */
  @Test
  void whatIsLeftOfOursInAnItemThatTheyUpdateIsNotTheirs() throws Exception {
    try (LockClient client = ours(DynamoLayout.aws().tokens().keepReleased())) {
      client.lock("i").acquire(Duration.ofSeconds(5)).close();
      Optional<LockItem> item =
          theirs.tryAcquireLock(asks("i").withUpdateExistingLockRecord(true).build());
      assertThat(
              blocking
                  .getItem(it -> it.tableName(table).key(DynamoLayout.aws().keys().of("i")))
                  .item())
          .as("what this is about")
          .containsKeys("fencingToken", "grantedAt");
      Holder holder = client.describe("i").holders().get(0);
      assertThat(holder.token()).isEmpty();
      assertThat(holder.since()).isEqualTo(Instant.EPOCH);
      item.orElseThrow().close();
      try (Hold next = client.lock("i").acquire(Duration.ofSeconds(5))) {
        assertThat(next.token()).isEqualTo(2);
      }
    }
  }

  @Test
  void killedProcessOfTheirsIsReplacedByUs() throws Exception {
    Process process =
        LocalServer.child(AmazonHolderMain.class, LocalServer.endpoint().toString(), table, "e");
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(said.readLine()).isEqualTo("held");
      assertThatThrownBy(() -> ours.lock("e").acquire(LEASE.plusSeconds(1)))
          .as("while it lives")
          .isInstanceOf(LockTimeoutException.class);
    } finally {
      process.destroyForcibly().waitFor();
    }
    Ticker clock = Ticker.system();
    long killed = clock.nanos();
    try (Hold hold = ours.lock("e").acquire(Duration.ofSeconds(10))) {
      assertThat(Duration.ofNanos(clock.nanos() - killed))
          .as("a lease after its last heartbeat")
          .isBetween(LEASE.dividedBy(2), LEASE.plusSeconds(3));
      assertThat(hold.isHeld()).isTrue();
    }
  }

  @Test
  void killedProcessOfOursIsReplacedByThem() throws Exception {
    Process process =
        LocalServer.child(HolderMain.class, LocalServer.url(table) + "&dialect=aws", "f");
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(said.readLine()).isEqualTo("held");
      assertThat(theirs.tryAcquireLock(asks("f").build())).isEmpty();
    } finally {
      process.destroyForcibly().waitFor();
    }
    LockItem item = theirs.acquireLock(asks("f").withAdditionalTimeToWaitForLock(5_000L).build());
    assertThat(item.isExpired()).isFalse();
    item.close();
  }

  /** Each adds to a number that only the lock guards. */
  @Test
  void bothKindsTakeTurns() throws Exception {
    int[] guarded = new int[1];
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger together = new AtomicInteger();
    int rounds = 15;
    Thread other =
        new Thread(
            () -> {
              for (int i = 0; i < rounds; i++) {
                try (LockItem item =
                    theirs.acquireLock(
                        asks("g").withAdditionalTimeToWaitForLock(30_000L).build())) {
                  together.addAndGet(inside.getAndIncrement());
                  guarded[0]++;
                  inside.decrementAndGet();
                } catch (InterruptedException e) {
                  return;
                }
              }
            });
    other.start();
    for (int i = 0; i < rounds; i++) {
      try (Hold hold = ours.lock("g").acquire(Duration.ofSeconds(30))) {
        together.addAndGet(inside.getAndIncrement());
        guarded[0]++;
        inside.decrementAndGet();
      }
    }
    other.join();
    assertThat(together).hasValue(0);
    assertThat(guarded[0]).isEqualTo(2 * rounds);
  }

  /** D1: theirs compares the text of an owner, which two processes may have in common. */
  @Test
  void twoProcessesOfOneNameDoNotReleaseEachOthersLock() throws Exception {
    LeaseStore twin =
        DynamoLocks.in(table, dynamo)
            .layout(DynamoLayout.aws())
            .store(ClientOptions.defaults(), () -> {});
    Take.Wanted wanted = new Take.Wanted("h", Optional.empty(), Optional.empty());
    Take take = new Take(List.of(wanted), "0".repeat(32), "ours", LEASE, HoldData.empty());
    LeaseRecord dead = ((TakeAnswer.Taken) twin.take(take).join()).records().get(0);
    try (Hold hold = ours.lock("h").acquire(Duration.ofSeconds(10))) { // over the dead one
      assertThat(ours.describe("h").holders().get(0).client()).isEqualTo(dead.client());
      assertThat(twin.renew(dead).join()).isInstanceOf(RenewAnswer.Changed.class);
      assertThat(twin.release(dead).join()).as("the late release").isEmpty();
      assertThat(theirs.getLock("h", Optional.empty())).isPresent();
      assertThat(theirs.tryAcquireLock(asks("h").build())).isEmpty();
      hold.checkHeld();
    }
  }
}
