package io.holdfast.dynamodb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.StoreUnavailableException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Over the SDK's client that blocks, in threads of the application's. */
class BlockingClientTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final DynamoDbAsyncClient async = LocalServer.client();
  private final DynamoDbClient blocking = LocalServer.blockingClient();
  private final ExecutorService threads = Executors.newFixedThreadPool(4);
  private DynamoLocks table;

  @BeforeEach
  void make() {
    table = DynamoLocks.in(LocalServer.table(async, DynamoLayout.holdfast()), blocking, threads);
  }

  @AfterEach
  void close() {
    threads.shutdownNow();
    blocking.close();
    async.close();
  }

  @Test
  void allThatALockDoesGoesByABlockingClientToo() throws Exception {
    try (LockClient ann = table.client(ClientOptions.defaults().name("ann"));
        LockClient bob = table.client(ClientOptions.defaults().name("bob"))) {
      Hold hold = ann.lock("a").acquire(PATIENCE);
      assertThat(hold.token()).isEqualTo(1);
      assertThat(bob.lock("a").tryAcquire()).isEmpty();
      CompletableFuture<Hold> waiting = bob.lock("a").acquireAsync();
      assertThat(bob.describe("a").holders().get(0).client()).isEqualTo("ann");
      hold.close();
      try (Hold next = waiting.join()) {
        assertThat(next.token()).isEqualTo(2);
        assertThat(ann.list("").locks()).hasSize(1);
      }
      Hold both = ann.all(ann.lock("a"), ann.lock("b")).acquire(PATIENCE);
      assertThat(both.token()).isEqualTo(3);
      assertThat(bob.forceRelease("b", 3)).isTrue();
      assertThat(both.isHeld()).isFalse();
      assertThat(bob.lock("a").tryAcquire()).as("all of it").isPresent();
    }
  }

  @Test
  void executorThatTakesNoMoreIsAStoreThatCannotBeReached() throws Exception {
    try (LockClient locks = table.client(ClientOptions.defaults())) {
      threads.shutdown();
      assertThatThrownBy(() -> locks.lock("a").acquire(Duration.ofMillis(300)))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("executor");
    }
  }
}
