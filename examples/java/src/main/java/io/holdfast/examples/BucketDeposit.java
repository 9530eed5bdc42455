package io.holdfast.examples;

import io.holdfast.LockClient;
import io.holdfast.LockTimeoutException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * With a lock in a bucket of Google Cloud Storage, for accounts that are files which many machines share. If the lock is lost
 * meanwhile, {@code call} interrupts the teller and throws: then it is not known whether the deposit was the only one.
 */
public final class BucketDeposit {
  private final LockClient locks;
  private final Path accounts;

  /** Deposits in the files of a folder. */
  public BucketDeposit(LockClient locks, Path accounts) {
    this.locks = locks;
    this.accounts = accounts;
  }

  /** Returns whether it came to it in time. */
  public boolean deposit(String account, long amount, Duration maxWait)
      throws IOException, InterruptedException {
    try {
      return locks
          .lock("account/" + account)
          .call(
              maxWait,
              hold -> {
                Path file = accounts.resolve(account);
                long balance = Long.parseLong(Files.readString(file));
                Files.writeString(file, Long.toString(balance + amount));
                return true;
              });
    } catch (LockTimeoutException busy) {
      return false;
    }
  }
}
