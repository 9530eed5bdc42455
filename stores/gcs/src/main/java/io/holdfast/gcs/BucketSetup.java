package io.holdfast.gcs;

import io.holdfast.LockException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.StoreSetup;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The bucket. It is looked for and never made: its project, its place in the world and what it
 * costs are for its owner to say, for which the script is a beginning.
 */
final class BucketSetup implements StoreSetup {
  /** A look is answered within so long. */
  static final Duration TAKES = Duration.ofMinutes(1);

  /** No lock can have this name. */
  private static final String NOBODYS = "$sys/setup";

  private final GcsLocks locks;
  private final String bucket;

  BucketSetup(GcsLocks locks, String bucket) {
    this.locks = locks;
    this.bucket = bucket;
  }

  @Override
  public String script() {
    return "gcloud storage buckets create gs://" + bucket + " --uniform-bucket-level-access";
  }

  @Override
  public String run() {
    LeaseStore records = locks.records();
    try {
      var unused = records.read(NOBODYS).get(TAKES.toMillis(), TimeUnit.MILLISECONDS);
      return "bucket " + bucket + " is there";
    } catch (ExecutionException e) {
      throw e.getCause() instanceof LockException known
          ? known
          : new LockRefusedException("REQUEST_REFUSED", String.valueOf(e.getCause()));
    } catch (TimeoutException e) {
      throw new StoreUnavailableException(
          "bucket " + bucket + " did not answer within " + TAKES.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoreUnavailableException("looking at bucket " + bucket + " was interrupted", e);
    } finally {
      records.close();
    }
  }
}
