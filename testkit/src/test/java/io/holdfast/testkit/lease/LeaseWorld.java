package io.holdfast.testkit.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import io.holdfast.core.LeaseLocks;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A map of lock records, processes with ways of their own to it, and time that is turned by hand. */
final class LeaseWorld implements AutoCloseable {
  static final Duration LEASE = HoldOptions.defaults().leaseDuration();

  /** What of a lease a holder counts on. */
  static final Duration TRUSTED = LEASE.multipliedBy(9).dividedBy(10);

  private static final Duration STEP = Duration.ofMillis(5);

  final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 5_000_000_000L);
  final MapLeaseStore map;
  private final List<Member> members = new ArrayList<>();

  LeaseWorld() {
    this(false);
  }

  /** One whose store renews in one of its two ways. */
  LeaseWorld(boolean renewsByGrant) {
    this.map = new MapLeaseStore("map", ticker::instant, renewsByGrant);
  }

  /** One client in a process of its own. */
  Member process(String name) {
    return process(name, ticker);
  }

  /** The same with a clock of its own. */
  Member process(String name, ManualTicker clock) {
    return client(name, name + "'s process", clock);
  }

  /** One of several clients in a process. */
  Member client(String name, String process, ManualTicker clock) {
    Member made = new Member(new FaultyLeaseStore(map, process, clock), name, clock);
    members.add(made);
    return made;
  }

  LeaseRecord record(String name) {
    return map.recordOf(name);
  }

  /** Turns time, and lets happen what falls due on the way. */
  void pass(Duration time) {
    ticker.advance(time);
  }

  @Override
  public void close() {
    for (Member member : members) {
      member.store.fate(FaultyLeaseStore.Fate.fine());
      close(member);
    }
  }

  /** Closes a client, and lets time pass until that is done. */
  void close(Member member) {
    CompletableFuture<Void> closed = CompletableFuture.runAsync(member.client::close);
    long over = ticker.nanosIn(LEASE);
    while (!closed.isDone() && ticker.nanos() - over < 0) {
      try {
        closed.get(1, TimeUnit.MILLISECONDS);
      } catch (TimeoutException stillClosing) {
        ticker.advance(STEP);
      } catch (InterruptedException | ExecutionException e) {
        throw new AssertionError(e);
      }
    }
    assertThat(closed).succeedsWithin(Duration.ofSeconds(5));
  }

  /** A client, and its way to the map. */
  static final class Member {
    final FaultyLeaseStore store;
    final LockClient client;

    private Member(FaultyLeaseStore store, String name, ManualTicker clock) {
      ClientOptions options =
          ClientOptions.defaults().name(name).ticker(clock).executor(Runnable::run);
      this.store = store;
      this.client = LockClient.over(LeaseLocks.over(store, options), options);
    }

    /** The lock, which is free. */
    Hold acquired(String name) {
      return client.lock(name).tryAcquire().orElseThrow();
    }

    boolean canHave(String name) {
      return client.lock(name).tryAcquire().map(LeaseWorld::closed).orElse(false);
    }

    CompletableFuture<Hold> asks(String name) {
      return client.lock(name).acquireAsync();
    }

    CompletableFuture<Hold> asks(String name, Duration maxWait) {
      return client.lock(name).acquireAsync(maxWait);
    }
  }

  private static boolean closed(Hold hold) {
    hold.close();
    return true;
  }
}
