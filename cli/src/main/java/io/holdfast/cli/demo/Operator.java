package io.holdfast.cli.demo;

import io.holdfast.Hold;
import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockKey;
import io.holdfast.LockTimeoutException;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** Looks at who has the notice, with what every user has to look with, and throws out who has it for too long. */
final class Operator {
  static final String NAME = "operator";

  private static final LockKey NOTICE = new LockKey.Name(NoticeBoard.LOCK_NAME);
  private static final Duration MAX_WAIT = Duration.ofSeconds(5);

  private final LockClient locks;
  private final NoticeBoard board;
  private final Log log;
  private final Ticker ticker;
  private final Duration patience;

  /** When each token of the notice's present holders was first seen, by this operator's own clock. */
  private final Map<Long, Long> firstSeenNanos = new HashMap<>();

  Operator(LockClient locks, NoticeBoard board, Log log, Ticker ticker, Duration patience) {
    this.locks = locks;
    this.board = board;
    this.log = log;
    this.ticker = ticker;
    this.patience = patience;
  }

  /** Looks once. For one thread alone. */
  void look() {
    Map<Long, Long> seenBefore = new HashMap<>(firstSeenNanos);
    firstSeenNanos.clear();
    for (Holder holder : locks.describe(NoticeBoard.LOCK_NAME).holders()) {
      long now = ticker.nanos();
      long since = seenBefore.getOrDefault(holder.token(), now);
      firstSeenNanos.put(holder.token(), since);
      if (now - since > patience.toNanos()) {
        log.revoking(NOTICE, holder.token());
        if (locks.forceRelease(NoticeBoard.LOCK_NAME, holder.token())) {
          log.revoked(NOTICE, holder.token());
        }
      }
    }
  }

  /** Posts a notice of its own, so that there is a later token than that of whoever was thrown out. */
  void post() throws InterruptedException, IOException {
    long request = log.asking(NAME, "post", NoticeBoard.lock(locks), MAX_WAIT);
    try (Hold hold = NoticeBoard.lock(locks).acquire(MAX_WAIT)) {
      log.acquired(request, hold.token());
      board.write(request, hold.token(), "the operator was here");
      log.releasing(request);
    } catch (LockTimeoutException e) {
      log.timedOut(request, e);
      return;
    }
    log.released(request);
  }
}
