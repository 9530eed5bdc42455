package io.holdfast.benchmarks.postgres;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import org.jspecify.annotations.Nullable;

/** Ours. */
final class HoldfastClient implements Contender {
  private final LockClient locks;
  private @Nullable Hold hold;

  HoldfastClient(String url) {
    locks = LockClient.connect(url);
  }

  @Override
  public void acquire(String name) throws InterruptedException {
    hold = locks.lock(name).acquire();
  }

  @Override
  public void release() {
    if (hold != null) {
      hold.close();
    }
  }

  @Override
  public void close() {
    locks.close();
  }
}
