package io.holdfast.server.operations;

import io.holdfast.server.operations.AuditEntry.Act;
import io.holdfast.server.operations.AuditEntry.Result;
import io.holdfast.server.security.DeniedCall;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Has calls that were turned away at the door written into the audit log. Anybody can make as many of those as they like, and
 * the log keeps only so much: so at most {@link #MOST} in a {@link #PERIOD} are written, and the number of the others with the
 * first of the next. Thread-safe; blocks nowhere.
 */
public final class DeniedCalls implements Consumer<DeniedCall> {
  static final int MOST = 30;
  static final Duration PERIOD = Duration.ofMinutes(1);

  private final AuditLog log;
  private final Ticker ticker;

  private final ReentrantLock mutex = new ReentrantLock();
  // Guarded by the mutex.
  private long periodBegan;
  private int written;
  private long unwritten;

  public DeniedCalls(AuditLog log, Ticker ticker) {
    this.log = log;
    this.ticker = ticker;
    this.periodBegan = ticker.nanos();
  }

  @Override
  public void accept(DeniedCall call) {
    long before;
    mutex.lock();
    try {
      if (ticker.nanos() - periodBegan >= PERIOD.toNanos()) {
        periodBegan = ticker.nanos();
        written = 0;
      }
      if (written == MOST) {
        unwritten++;
        return;
      }
      written++;
      before = unwritten;
      unwritten = 0;
    } finally {
      mutex.unlock();
    }
    // The call is turned away whether this can be written or not; the log says so if it cannot.
    CompletableFuture<@Nullable Void> unused =
        log.record(
            new AuditEntry(
                Act.TURNED_AWAY,
                call.who(),
                call.from(),
                "",
                call.method(),
                "",
                OptionalLong.empty(),
                call.reason().name()
                    + (before == 0 ? "" : "; " + before + " before this were not recorded"),
                Result.REFUSED,
                Optional.empty()));
  }
}
