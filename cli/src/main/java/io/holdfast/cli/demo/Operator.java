package io.holdfast.cli.demo;

import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockException;
import io.holdfast.LockKey;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** Looks at who has the notice, with what every user has to look with, and throws out who has it for too long. */
final class Operator {
  static final String NAME = "operator";

  private static final LockKey NOTICE = new LockKey.Name(NoticeBoard.LOCK_NAME);
  private static final int MIN_LOOKS = 5;

  private final LockClient locks;
  private final Diary diary;
  private final Ticker ticker;
  private final Duration patience;

  /** The notice's present holders by their tokens. */
  private final Map<Long, Sighting> sightings = new HashMap<>();

  /** Since when, by this operator's own clock, and how often a holder was seen. */
  private record Sighting(long sinceNanos, int looks) {}

  Operator(LockClient locks, Diary diary, Ticker ticker, Duration patience) {
    this.locks = locks;
    this.diary = diary;
    this.ticker = ticker;
    this.patience = patience;
  }

  /** Looks once. For one thread alone. */
  void look() {
    Map<Long, Sighting> before = Map.copyOf(sightings);
    sightings.clear(); // for good if the server does not answer: its silence is nobody's fault
    long now = ticker.nanos();
    for (Holder holder : locks.describe(NoticeBoard.LOCK_NAME).holders()) {
      long token = holder.token().orElseThrow();
      Sighting seen = before.getOrDefault(token, new Sighting(now, 0));
      sightings.put(token, new Sighting(seen.sinceNanos, seen.looks + 1));
      // More than a few looks: where the whole machine stood still the holder is not to blame.
      if (now - seen.sinceNanos > patience.toNanos() && seen.looks >= MIN_LOOKS) {
        revoke(token);
      }
    }
  }

  private void revoke(long token) throws LockException {
    diary.revoking(NOTICE, token);
    if (locks.forceRelease(NoticeBoard.LOCK_NAME, token)) {
      diary.revoked(NOTICE, token);
    }
  }
}
