package io.holdfast.core;

import io.holdfast.UncertainOutcomeException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Frees the records of a grant that is over, all at once, each again and again until the store has done it, or the lease has
 * run out there, too, or it was tried often enough. Guarded by the mutex of the {@link Place}.
 */
final class GivingBack {
  /** Who waits for a release is answered within so long; it is tried on after that. */
  static final Duration ANSWERED_WITHIN = Duration.ofSeconds(10);

  private static final Duration FIRST_REST = Duration.ofMillis(100);
  private static final Duration LONGEST_REST = Duration.ofSeconds(2);

  /** Or this part of a lease, whichever is longer: who is away for long is not asked the oftener the longer a lease is. */
  private static final int LONGEST_REST_OF_LEASE = 20;

  /** A record is asked for so often at most; then it ends with its lease. */
  static final int MOST_TRIES = 50;

  private final LeaseClient client;
  private final Place place;
  private final @Nullable KeptLease lease;
  private final boolean isOurs;
  private final long uselessAtNanos;
  private final List<One> records = new ArrayList<>();
  private final CompletableFuture<Void> answer = new CompletableFuture<>();
  private int mostTries = MOST_TRIES;
  private int open;
  private boolean wasGone;
  private @Nullable Throwable failure;

  /** What the store has said last, though it is asked again. */
  private @Nullable Throwable lastFailure;

  private Ticker.@Nullable Alarm patience;

  private GivingBack(
      LeaseClient client,
      List<LeaseRecord> records,
      @Nullable KeptLease lease,
      boolean isOurs,
      long uselessAtNanos) {
    this.client = client;
    this.place = client.place();
    this.lease = lease;
    this.isOurs = isOurs;
    this.uselessAtNanos = uselessAtNanos;
    for (LeaseRecord record : records) {
      this.records.add(new One(record));
    }
    this.open = records.size();
  }

  /**
   * What a lease that is over had.
   *
   * @param uselessAtNanos a holder's reading by which the lease has run out in the store
   */
  static GivingBack ofLease(
      KeptLease lease, LeaseClient client, List<LeaseRecord> records, long uselessAtNanos) {
    return new GivingBack(client, records, lease, true, uselessAtNanos);
  }

  /** What was granted to a request of this process, and nobody came to hold. */
  static GivingBack ofNobody(LeaseClient client, List<LeaseRecord> records, long uselessAtNanos) {
    return new GivingBack(client, records, null, true, uselessAtNanos);
  }

  /** What somebody in another process has, and may believe in for a while yet. */
  static GivingBack ofAnother(LeaseClient client, LeaseRecord record, long uselessAtNanos) {
    return new GivingBack(client, List.of(record), null, false, uselessAtNanos);
  }

  /** Returns what completes when the store has freed all. */
  CompletableFuture<Void> start() {
    return start(false);
  }

  /**
   * The same in a thread that waits for it.
   *
   * @param mayBlock and has nothing else to do: nothing is to be noticed after this
   */
  CompletableFuture<Void> start(boolean mayBlock) {
    if (!client.givesBack(this)) {
      mostTries = 1;
    }
    patience =
        place.at(place.ticker.nanosIn(ANSWERED_WITHIN), () -> answerWith(uncertain(lastFailure)));
    for (One one : records) {
      one.send(
          mayBlock
              && records.size() == 1
              && client.mayBlock(ANSWERED_WITHIN.toNanos(), one.record.leaseDuration()));
    }
    endIfThrough();
    return answer;
  }

  /** Whether any record was somebody else's by then. */
  boolean wasGone() {
    return wasGone;
  }

  /** The client is about to close: whatever rests is sent again at once. */
  void hurry() {
    records.forEach(One::hurry);
  }

  /** Stops trying: the client has closed. Others of this process may free what they meet of it. */
  void drop() {
    answerWith(uncertain(lastFailure));
    for (One one : records) {
      one.stopResting();
      if (isOurs) {
        place.ended(one.record.grant());
      }
      one.others();
    }
  }

  private void endIfThrough() {
    if (open > 0) {
      return;
    }
    client.hasGivenBack(this);
    if (isOurs) {
      records.forEach(one -> place.ended(one.record.grant()));
    }
    if (wasGone && lease != null) {
      lease.wasGoneAtRelease();
    }
    answerWith(failure == null ? null : Trouble.told(failure));
  }

  private void answerWith(@Nullable Throwable failed) {
    if (patience != null) {
      patience.cancel();
    }
    place.notice(
        () -> {
          if (failed == null) {
            answer.complete(null);
          } else {
            answer.completeExceptionally(failed);
          }
        });
  }

  private static UncertainOutcomeException uncertain(@Nullable Throwable failure) {
    String what = "the store has not said that the lock is free; there it ends with its lease";
    return new UncertainOutcomeException(
        what, failure == null ? new TimeoutException(what) : failure);
  }

  private final class One implements Question.Hearing<Optional<LeaseRecord>> {
    private final LeaseRecord record;
    private final Pace pace;
    private int tries;
    private boolean maybeDone;
    private Ticker.@Nullable Alarm rest;

    private One(LeaseRecord record) {
      this.record = record;
      Duration ofLease = record.leaseDuration().dividedBy(LONGEST_REST_OF_LEASE);
      this.pace =
          new Pace(FIRST_REST, ofLease.compareTo(LONGEST_REST) > 0 ? ofLease : LONGEST_REST);
    }

    private void send() {
      send(false);
    }

    private void send(boolean isHere) {
      rest = null;
      tries++;
      client.ask(
          client.attemptNanos(record.leaseDuration()),
          store ->
              isHere
                  ? store.releaseHere(record)
                  : isOurs ? store.release(record) : store.revoke(record),
          this);
    }

    @Override
    public void answered(long sentNanos, Optional<LeaseRecord> free) {
      if (free.isPresent()) {
        place.see(free.get());
      } else {
        place.forget(record.name());
        wasGone |= !maybeDone;
      }
      isOver();
    }

    @Override
    public void failed(long sentNanos, Throwable failed) {
      Trouble trouble = Trouble.of(failed);
      lastFailure = failed;
      maybeDone |= trouble == Trouble.UNCERTAIN;
      boolean isUseless =
          trouble == Trouble.REFUSED || place.ticker.holderNanos() - uselessAtNanos >= 0;
      if (isUseless || tries >= mostTries) {
        failure = failed;
        isOver();
      } else {
        long nanos = Math.max(pace.next(client.chance()), client.writesApartNanos());
        rest = place.at(place.ticker.nanos() + nanos, this::send);
        others();
      }
    }

    private void isOver() {
      open--;
      others();
      endIfThrough();
    }

    /** Whoever waits for the name may look for itself. */
    private void others() {
      if (lease == null) {
        place.stir(record.name());
      } else {
        place.letGo(lease, List.of(record.name()));
      }
    }

    private void hurry() {
      if (rest != null) {
        rest.cancel();
        send();
      }
    }

    private void stopResting() {
      if (rest != null) {
        rest.cancel();
      }
    }
  }
}
