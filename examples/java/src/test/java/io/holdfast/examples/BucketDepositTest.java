package io.holdfast.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.Hold;
import io.holdfast.LockClient;
import io.holdfast.gcs.GcsEmulator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BucketDepositTest {
  @TempDir Path accounts;

  @Test
  void depositsSideBySideAreAllKept() throws Exception {
    Path ann = Files.writeString(accounts.resolve("ann"), "0");
    try (GcsEmulator server = GcsEmulator.withBucket("locks");
        LockClient locks =
            LockClient.connect("gs://locks/bank?anonymous=true&endpoint=" + server.endpoint())) {
      BucketDeposit example = new BucketDeposit(locks, accounts);
      Tellers.work(() -> assertThat(example.deposit("ann", 1, Tellers.PATIENCE)).isTrue());
      assertThat(ann).hasContent(Integer.toString(Tellers.ALL));

      try (Hold hold = locks.lock("account/ann").acquire()) {
        assertThat(hold.isHeld()).isTrue();
        assertThat(example.deposit("ann", 1, Duration.ofMillis(50))).isFalse();
      }
      assertThat(ann).hasContent(Integer.toString(Tellers.ALL));
    }
  }
}
