package io.holdfast.testkit.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A store may block a thread that waits for nothing but its answer, and has the time; and no other thread. */
class LeaseHereTest {
  /** Patient enough for a store that blocks. */
  private static final Duration LONG = LeaseStore.BLOCKS_WITHIN;

  private final ManualTicker ticker = new ManualTicker();
  private final List<String> asked = new ArrayList<>();
  private final LockClient client = client();

  private LockClient client() {
    ClientOptions options = ClientOptions.defaults().ticker(ticker).executor(Runnable::run);
    return LockClient.over(LeaseLocks.over(new Heard(ticker, asked), options), options);
  }

  @AfterEach
  void close() {
    client.close();
  }

  private void assertAsked(String... what) {
    assertThat(asked).containsExactly(what);
    asked.clear();
  }

  @Test
  void whoWaitsMayBeBlockedByItsTakeAndItsRelease() throws InterruptedException {
    client.lock("a").acquire().close();
    assertAsked("take here", "release here");
    client.lock("a").acquire(LONG).close();
    assertAsked("take here", "release here");
    client.lock("a").tryAcquire().orElseThrow().close();
    assertAsked("take here", "release here");
  }

  @Test
  void whoDoesNotWaitIsNotBlocked() {
    Hold hold = client.lock("a").acquireAsync().join();
    assertThat(hold.closeAsync()).isCompleted();
    assertAsked("take", "release");
  }

  @Test
  void norIsOneWhosePatienceMayBeOverBefore() throws InterruptedException {
    client.lock("a").acquire(LONG.minusNanos(1)).close();
    assertAsked("take", "release here");
  }

  @Test
  void norIsOneWhoseLeaseIsTooShort() throws InterruptedException {
    DistributedLock brief =
        client.lock("a").with(HoldOptions.defaults().leaseDuration(LONG.multipliedBy(2)));
    brief.acquire().close();
    assertAsked("take", "release");
  }

  @Test
  void severalAreAskedForSideBySide() throws InterruptedException {
    client.all(client.lock("a"), client.lock("b")).acquire().close();
    assertAsked("take", "release", "release");
  }

  @Test
  void whatFollowsIsAskedByOthers() throws InterruptedException {
    Hold hold = client.lock("a").acquire();
    CompletableFuture<Hold> next = client.lock("a").acquireAsync();
    ticker.advance(hold.remaining().orElseThrow().dividedBy(2));
    hold.close();
    assertAsked("take here", "renew", "release here", "take");
    assertThat(next.join().closeAsync()).isCompleted();
    assertAsked("release");
  }

  /** A map that tells how it was asked. */
  private static final class Heard implements LeaseStore {
    private final LeaseStore map;
    private final List<String> asked;

    private Heard(ManualTicker ticker, List<String> asked) {
      this.map = new MapLeaseStore("here", ticker::instant);
      this.asked = asked;
    }

    @Override
    public String name() {
      return map.name();
    }

    @Override
    public String place() {
      return map.place();
    }

    @Override
    public Set<Capability> capabilities() {
      return map.capabilities();
    }

    @Override
    public CompletableFuture<TakeAnswer> take(Take take) {
      asked.add("take");
      return map.take(take);
    }

    @Override
    public CompletableFuture<TakeAnswer> takeHere(Take take) {
      asked.add("take here");
      return map.take(take);
    }

    @Override
    public CompletableFuture<LeaseRecord> read(String name) {
      asked.add("read");
      return map.read(name);
    }

    @Override
    public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
      asked.add("renew");
      return map.renew(mine);
    }

    @Override
    public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
      asked.add("release");
      return map.release(held);
    }

    @Override
    public CompletableFuture<Optional<LeaseRecord>> releaseHere(LeaseRecord held) {
      asked.add("release here");
      return map.release(held);
    }

    @Override
    public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
      return map.list(prefix, most);
    }

    @Override
    public void close() {}
  }
}
