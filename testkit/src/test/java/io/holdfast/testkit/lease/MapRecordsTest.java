package io.holdfast.testkit.lease;

import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LeaseStoreContract;
import io.holdfast.testkit.ManualTicker;

/** The rules of records, at the store that is nothing but a map. */
class MapRecordsTest extends LeaseStoreContract {
  @Override
  protected LeaseStore open() {
    return new MapLeaseStore("records", new ManualTicker()::instant);
  }
}
