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
  private static final int MIN_LOOKS = 5;
  private static final Duration MAX_WAIT = Duration.ofSeconds(5);

  private final LockClient locks;
  private final NoticeBoard board;
  private final Log log;
  private final Ticker ticker;
  private final Duration patience;

  /** The notice's present holders by their tokens. */
  private final Map<Long, Sighting> sightings = new HashMap<>();

  /** Since when, by this operator's own clock, and how often a holder was seen. */
  private record Sighting(long sinceNanos, int looks) {}

  Operator(LockClient locks, NoticeBoard board, Log log, Ticker ticker, Duration patience) {
    this.locks = locks;
    this.board = board;
    this.log = log;
    this.ticker = ticker;
    this.patience = patience;
  }

  /** Looks once. For one thread alone. */
  void look() {
    Map<Long, Sighting> before = Map.copyOf(sightings);
    sightings.clear();
    long now = ticker.nanos();
    for (Holder holder : locks.describe(NoticeBoard.LOCK_NAME).holders()) {
      if (holder.until().isEmpty()) { // others end by themselves
        Sighting seen = before.getOrDefault(holder.token(), new Sighting(now, 0));
        sightings.put(holder.token(), new Sighting(seen.sinceNanos, seen.looks + 1));
        // More than a few looks: where the whole machine stood still the holder is not to blame.
        if (now - seen.sinceNanos > patience.toNanos() && seen.looks >= MIN_LOOKS) {
          revoke(holder.token());
        }
      }
    }
  }

  private void revoke(long token) {
    log.revoking(NOTICE, token);
    if (locks.forceRelease(NoticeBoard.LOCK_NAME, token)) {
      log.revoked(NOTICE, token);
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
