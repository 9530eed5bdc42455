package io.holdfast.dynamodb;

import io.holdfast.core.spi.LeaseStore;
import java.util.concurrent.atomic.AtomicInteger;

/** The same in the layout of the AWS client, with tokens counted apart, a sort key, and clients in processes of their own. */
class AwsTokensContractTest extends DynamoContractTest {
  private final AtomicInteger processes = new AtomicInteger();

  @Override
  DynamoLayout layout() {
    return DynamoLayout.aws().sortKey("range", "locks").tokens().keepReleased().consistent();
  }

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
