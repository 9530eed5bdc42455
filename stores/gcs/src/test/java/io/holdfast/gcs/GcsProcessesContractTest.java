package io.holdfast.gcs;

import java.util.concurrent.atomic.AtomicInteger;

/** The same with each client in a process of its own: they know of each other by the bucket alone. */
class GcsProcessesContractTest extends GcsContractTest {
  private final AtomicInteger processes = new AtomicInteger();

  /** What tells a place apart; the objects are the same ones. */
  @Override
  String place() {
    return "process " + processes.incrementAndGet();
  }

  @Override
  protected boolean knowsWhatWasGrantedAsOne() {
    return false;
  }

  @Override
  protected boolean seesReentrancyOfOtherClients() {
    return false;
  }
}
