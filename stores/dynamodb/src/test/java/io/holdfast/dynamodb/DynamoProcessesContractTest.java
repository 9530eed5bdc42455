package io.holdfast.dynamodb;

import io.holdfast.core.spi.LeaseStore;
import java.util.concurrent.atomic.AtomicInteger;

/** The same with each client in a process of its own: they know of each other by the table alone. */
class DynamoProcessesContractTest extends DynamoContractTest {
  private final AtomicInteger processes = new AtomicInteger();

  @Override
  String place(LeaseStore store) {
    return "process " + processes.incrementAndGet() + " of " + hashCode();
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
