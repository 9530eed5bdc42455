package io.holdfast.server.security;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits, within a bound, for what another thread does. */
final class Eventually {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  private Eventually() {}

  static void become(String what, BooleanSupplier fact) {
    long begun = System.nanoTime();
    while (!fact.getAsBoolean()) {
      assertThat(System.nanoTime() - begun).as(what).isLessThan(PATIENCE_NANOS);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }
}
