package io.holdfast.gcs;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import java.util.concurrent.CountDownLatch;

/** A process that acquires a lock, says with which token, and holds it until it is killed. */
final class HoldingProcess {
  private HoldingProcess() {}

  /** @param arguments the store's URL and the lock's name */
  public static void main(String[] arguments) throws InterruptedException {
    ClientOptions options =
        ClientOptions.defaults()
            .name("to be killed")
            .holds(HoldOptions.defaults().leaseDuration(GcsLocks.MIN_LEASE));
    LockClient client = LockClient.connect(arguments[0], options);
    Hold hold = client.lock(arguments[1]).acquire();
    System.out.println("token " + hold.token());
    new CountDownLatch(1).await();
  }
}
