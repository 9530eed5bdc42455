package io.holdfast.benchmarks.leasestores;

import io.holdfast.LockClient;

/** A client of ours, over whichever store. */
record HoldfastContender(LockClient client) implements Contender {
  @Override
  public Held acquire(String name) throws InterruptedException {
    return client.lock(name).acquire()::close;
  }

  @Override
  public void close() {
    client.close();
  }
}
