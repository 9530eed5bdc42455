package io.holdfast.server.replication.jraft;

import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** For what happens again and again: the log need not have it each time. Thread-safe. */
final class LogPace {
  private static final Duration EVERY = Duration.ofSeconds(10);

  private final Ticker ticker = Ticker.system();
  private final AtomicLong nextNanos = new AtomicLong(ticker.nanos());

  /** Whether it is time to tell it again; then it is told. */
  boolean mayTell() {
    long next = nextNanos.get();
    return ticker.nanos() - next >= 0 && nextNanos.compareAndSet(next, ticker.nanosIn(EVERY));
  }
}
