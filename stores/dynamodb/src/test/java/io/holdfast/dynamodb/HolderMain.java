package io.holdfast.dynamodb;

import io.holdfast.ClientOptions;
import io.holdfast.Hold;
import io.holdfast.HoldOptions;
import io.holdfast.LockClient;
import java.time.Duration;

/** Holds a lock until it is killed. */
public final class HolderMain {
  private HolderMain() {}

  static final Duration LEASE = Duration.ofSeconds(2);

  public static void main(String[] arguments) throws Exception {
    System.setProperty("aws.accessKeyId", "local");
    System.setProperty("aws.secretAccessKey", "local");
    String url = arguments[0];
    LockClient client =
        LockClient.connect(
            url, ClientOptions.defaults().holds(HoldOptions.defaults().leaseDuration(LEASE)));
    Hold hold = client.lock(arguments[1]).acquire(Duration.ofSeconds(10));
    System.out.println("held");
    while (System.in.read() >= 0) {
      hold.checkHeld();
    }
  }
}
