package io.holdfast.gcs;

import io.holdfast.core.spi.LeaseStore;
import io.holdfast.testkit.LeaseStoreContract;
import io.holdfast.testkit.ManualTicker;

/** The rules of records, at objects of the emulator. */
class GcsRecordsTest extends LeaseStoreContract {
  private final EmulatedStorage storage = new EmulatedStorage(new ManualTicker()::instant);

  @Override
  protected LeaseStore open() {
    storage.createBucket("bucket");
    return GcsLocks.bucket("bucket")
        .http(new EmulatedHttp(storage))
        .anonymous()
        .build(null)
        .records();
  }
}
