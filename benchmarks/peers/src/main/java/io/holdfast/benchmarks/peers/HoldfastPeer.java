package io.holdfast.benchmarks.peers;

import io.holdfast.DistributedLock;
import io.holdfast.Hold;
import io.holdfast.LockClient;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Holdfast's server: all workers share one client, and with it one stream. */
final class HoldfastPeer implements Peer {
  private final LockClient locks;

  HoldfastPeer(String servers) {
    this.locks = LockClient.connect("holdfast://" + servers + "/benchmarks");
  }

  @Override
  public Lock lock(int worker, String name) {
    DistributedLock lock = locks.lock(name);
    return new Lock() {
      private @Nullable Hold hold;

      @Override
      public long acquire() throws InterruptedException {
        Hold hold = lock.acquire();
        this.hold = hold;
        return hold.token();
      }

      @Override
      public void release() {
        if (hold != null) {
          hold.close();
        }
      }

      @Override
      public CompletableFuture<?> pairAsync() {
        return lock.acquireAsync().thenCompose(Hold::closeAsync);
      }
    };
  }

  @Override
  public void close() {
    locks.close();
  }
}
