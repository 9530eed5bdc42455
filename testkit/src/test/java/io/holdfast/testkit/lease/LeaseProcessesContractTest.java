package io.holdfast.testkit.lease;

import java.util.concurrent.atomic.AtomicInteger;

/** The engine over a map, with each client in a process of its own: they know of each other by the map alone. */
class LeaseProcessesContractTest extends LeaseContractTest {
  private final AtomicInteger processes = new AtomicInteger();

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
