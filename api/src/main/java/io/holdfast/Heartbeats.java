package io.holdfast;

import io.holdfast.spi.Ticker;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Ends a hold when its user's condition has not said yes for a lease. */
final class Heartbeats {
  /*
   * A yes is good for a lease, counted from before the question. Whatever else comes of a question (no, an exception, no
   * answer at all) is no yes, and nothing more: so one that is slow once, or says no for a moment, ends nothing.
   */

  /** So many questions are due within a lease. */
  private static final int QUESTIONS_PER_LEASE = 3;

  private final Hold hold;
  private final BooleanSupplier condition;
  private final Ticker ticker;
  private final long leaseNanos;
  private final AtomicBoolean isAsking = new AtomicBoolean();

  /** A holder's reading. */
  private volatile long goodUntilNanos;

  private volatile Ticker.@Nullable Alarm alarm;

  Heartbeats(Hold hold, BooleanSupplier condition, long leaseNanos) {
    this.hold = hold;
    this.condition = condition;
    this.ticker = hold.ticker();
    this.leaseNanos = leaseNanos;
  }

  void start() {
    goodUntilNanos = ticker.holderNanos() + leaseNanos;
    look();
    hold.ended().thenRun(this::stop);
  }

  private void look() {
    if (hold.hasEnded()) {
      return;
    }
    long left = goodUntilNanos - ticker.holderNanos();
    if (left <= 0) {
      hold.expire();
      return;
    }
    if (isAsking.compareAndSet(false, true)) {
      hold.callBack(this::ask);
    }
    long next = Math.min(left, leaseNanos / QUESTIONS_PER_LEASE);
    Ticker.Alarm set = ticker.schedule(ticker.nanos() + next, this::look);
    alarm = set;
    if (hold.hasEnded()) {
      set.cancel();
    }
  }

  private void ask() {
    long askedNanos = ticker.holderNanos();
    try {
      if (!hold.hasEnded() && condition.getAsBoolean()) {
        goodUntilNanos = askedNanos + leaseNanos;
      }
    } finally {
      isAsking.set(false);
    }
  }

  private void stop() {
    Ticker.Alarm set = alarm;
    if (set != null) {
      set.cancel();
    }
  }
}
