package io.holdfast;

import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Calls back once when a hold's deadline is near. Renewal moves the deadline, so the timer looks again when it fires. */
final class DeadlineWatch {
  private final Hold hold;
  private final long beforeNanos;
  private final Consumer<? super Hold> callback;
  private volatile Ticker.@Nullable Alarm alarm;

  DeadlineWatch(Hold hold, long beforeNanos, Consumer<? super Hold> callback) {
    this.hold = hold;
    this.beforeNanos = beforeNanos;
    this.callback = callback;
  }

  void start() {
    look();
    hold.ended().thenRun(this::stop);
  }

  private void look() {
    long left = hold.nanosLeft();
    if (hold.hasEnded() || left == Lease.NO_DEADLINE) {
      return;
    }
    if (left <= beforeNanos) {
      hold.callBack(this::call);
      return;
    }
    Ticker.Alarm set =
        hold.ticker().schedule(hold.ticker().nanos() + left - beforeNanos, this::look);
    alarm = set;
    if (hold.hasEnded()) {
      set.cancel();
    }
  }

  private void call() {
    if (hold.isHeld()) {
      callback.accept(hold);
    }
  }

  private void stop() {
    Ticker.Alarm set = alarm;
    if (set != null) {
      set.cancel();
    }
  }
}
