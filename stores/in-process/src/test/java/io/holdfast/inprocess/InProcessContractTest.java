package io.holdfast.inprocess;

import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.table.TableSize;
import io.holdfast.testkit.LockContract;
import io.holdfast.testkit.ManualTicker;
import java.util.Optional;

class InProcessContractTest extends LockContract {
  /** About to overflow, as a clock of arbitrary origin may be. */
  private final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 1_000_000_000);

  private final InProcessLocks locks = InProcessLocks.builder().ticker(ticker).build();

  @Override
  protected LockClient connect(ClientOptions options) {
    return locks.client(options);
  }

  @Override
  protected Optional<ManualTicker> ticker() {
    return Optional.of(ticker);
  }

  @Override
  protected boolean standsInLineAtOnce() {
    return true;
  }

  @Override
  protected int mostClients() {
    return 1_000;
  }

  @Override
  protected boolean keepsNothing() {
    return locks.size().equals(new TableSize(0, 0, 0, 0, 0));
  }
}
