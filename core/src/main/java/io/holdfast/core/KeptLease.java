package io.holdfast.core;

import io.holdfast.Capability;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A grant, kept alive: each of its records is renewed by itself, for as long as nobody releases it and its time is not over.
 *
 * <p>Decisions are guarded by the mutex of the {@link Place}; {@link #token}, {@link #deadlineNanos} and {@link #lost} may be
 * asked by anybody.
 */
final class KeptLease implements Lease {
  /*
   * The holder believes less than the store. A record is believed in until `sent + lease - margin`, where `sent` is a
   * holder's reading from before the last successful renewal left. Whoever takes over has seen the record unchanged for a
   * whole lease since after that renewal was written; the margin is for clocks that run fast or slow. All records of a grant
   * end with the first of them.
   */

  /** So much of a lease the holder does not count on: clocks may differ by half of it. */
  static final double MARGIN = 0.10;

  /** So many renewals are due within a lease. */
  private static final int RENEWALS_PER_LEASE = 3;

  /** A renewal comes earlier by up to this share, so that those of many holds spread. */
  private static final double JITTER = 0.1;

  /** An attempt at a renewal is waited for at most this part of a lease, and at most half of what is left. */
  private static final int ATTEMPTS_PER_LEASE = 5;

  /** The rests between attempts: at first and at most these parts of a lease. */
  private static final int FIRST_REST_OF_LEASE = 50;

  private static final int LONGEST_REST_OF_LEASE = 10;

  private enum State {
    /** Believed in. */
    HELD,
    /** Its user has given it back. */
    RELEASED,
    /** Lost. */
    LOST
  }

  private final LeaseClient client;
  private final Place place;
  private final AcquireRequest asked;
  private final String grant;
  private final long token;
  private final List<Kept> records = new ArrayList<>();

  /** A holder's reading. */
  private final long limitNanos;

  private volatile State state = State.HELD;
  private volatile long deadlineNanos;
  private volatile @Nullable LossReason lost;
  private volatile @Nullable Consumer<LossReason> listener;
  private Ticker.@Nullable Alarm end;

  /**
   * @param sentNanos for each record, a holder's reading from before it was last written
   */
  KeptLease(
      LeaseClient client,
      AcquireRequest asked,
      String grant,
      List<LeaseRecord> records,
      List<Long> sentNanos) {
    this.client = client;
    this.place = client.place();
    this.asked = asked;
    this.grant = grant;
    long highest = 0;
    long firstSent = sentNanos.get(0);
    for (int i = 0; i < records.size(); i++) {
      long sent = sentNanos.get(i);
      this.records.add(new Kept(records.get(i), sent));
      highest = Math.max(highest, records.get(i).token());
      firstSent = sent - firstSent < 0 ? sent : firstSent;
    }
    this.token = highest;
    Optional<Duration> maxHold = asked.options().maxHold();
    this.limitNanos = maxHold.isPresent() ? firstSent + maxHold.get().toNanos() : NO_DEADLINE;
    this.deadlineNanos = leastDeadline();
  }

  String grant() {
    return grant;
  }

  List<String> names() {
    return records.stream().map(kept -> kept.record.name()).toList();
  }

  List<LockTarget> targets() {
    return asked.targets();
  }

  /** The thread that acquired it; 0 if none did. */
  long callerThread() {
    return asked.callerThread();
  }

  boolean isHeld() {
    return state == State.HELD;
  }

  /** Begins to renew. With the mutex held, as all that follows up to {@link #overtaken}. */
  void start() {
    for (Kept kept : records) {
      kept.renewInTime();
    }
    endOrWait();
  }

  /** Loses it if its time is over. */
  void endInTime() {
    if (state == State.HELD && place.ticker.holderNanos() - deadlineNanos >= 0) {
      lose(LossReason.EXPIRED);
    }
  }

  /** Ends it against its user's will, and frees its records. */
  CompletableFuture<Void> lose(LossReason reason) {
    return lose(reason, kept -> false);
  }

  /** Nobody is there to hold it. */
  void abandon() {
    if (end(State.RELEASED)) {
      giveBack(kept -> false);
    }
  }

  /** Another grant of this process has one of its names: what was believed of this one is over. */
  void overtaken() {
    if (state == State.HELD) {
      lose(LossReason.REVOKED);
    }
  }

  /** The release has found a record that was no longer this grant's. */
  void wasGoneAtRelease() {
    if (lost == null) {
      lost = LossReason.REVOKED;
    }
  }

  @Override
  public long token() {
    if (!client.capabilities().contains(Capability.FENCING)) {
      throw Capability.FENCING.missingIn(client.name());
    }
    return token;
  }

  @Override
  public long deadlineNanos() {
    return deadlineNanos;
  }

  @Override
  public Optional<LossReason> lost() {
    LossReason reason = lost;
    if (reason == null && isHeld() && place.ticker.holderNanos() - deadlineNanos >= 0) {
      reason = LossReason.EXPIRED; // the alarm is about to say so
    }
    return Optional.ofNullable(reason);
  }

  @Override
  public CompletableFuture<Void> release() {
    return release(false);
  }

  @Override
  public CompletableFuture<Void> releaseHere() {
    return release(true);
  }

  private CompletableFuture<Void> release(boolean mayBlock) {
    CompletableFuture<Void> released = new CompletableFuture<>();
    place.within(
        () -> {
          endInTime();
          if (end(State.RELEASED)) {
            giveBack(kept -> false, mayBlock)
                .whenComplete(
                    (done, failure) -> {
                      if (failure == null) {
                        released.complete(null);
                      } else {
                        released.completeExceptionally(failure);
                      }
                    });
          } else {
            place.notice(() -> released.complete(null));
          }
        });
    return released;
  }

  @Override
  public void whenLost(Consumer<LossReason> listener) {
    this.listener = listener; // before `lost` is read, as the other side writes that before this
    LossReason reason = lost;
    if (reason != null) {
      listener.accept(reason);
    }
  }

  private CompletableFuture<Void> lose(LossReason reason, Predicate<Kept> isGone) {
    if (!isHeld()) {
      return CompletableFuture.completedFuture(null);
    }
    lost = reason;
    end(State.LOST);
    CompletableFuture<Void> freed = giveBack(isGone);
    place.notice(
        () -> {
          Consumer<LossReason> told = listener;
          if (told != null) {
            told.accept(reason);
          }
        });
    return freed;
  }

  private boolean end(State how) {
    if (state != State.HELD) {
      return false;
    }
    state = how;
    if (end != null) {
      end.cancel();
    }
    records.forEach(Kept::stopRenewing);
    client.isOver(this);
    place.over(grant);
    return true;
  }

  private CompletableFuture<Void> giveBack(Predicate<Kept> isGone) {
    return giveBack(isGone, false);
  }

  private CompletableFuture<Void> giveBack(Predicate<Kept> isGone, boolean mayBlock) {
    List<String> gone = records.stream().filter(isGone).map(kept -> kept.record.name()).toList();
    List<LeaseRecord> mine =
        records.stream().filter(isGone.negate()).map(kept -> kept.record).toList();
    long lease = asked.options().leaseDuration().toNanos();
    CompletableFuture<Void> freed =
        GivingBack.ofLease(this, client, mine, place.ticker.holderNanos() + lease).start(mayBlock);
    place.letGo(this, gone);
    return freed;
  }

  private long leastDeadline() {
    long least = records.get(0).deadlineNanos;
    for (Kept kept : records) {
      least = kept.deadlineNanos - least < 0 ? kept.deadlineNanos : least;
    }
    return limitNanos != NO_DEADLINE && limitNanos - least < 0 ? limitNanos : least;
  }

  /** Renewals move the deadline, so the alarm looks again when it goes off. */
  private void endOrWait() {
    endInTime();
    if (isHeld()) {
      long left = deadlineNanos - place.ticker.holderNanos();
      end = place.at(place.ticker.nanos() + Math.max(1, left), this::endOrWait);
    }
  }

  /** One of its records. */
  private final class Kept implements Question.Hearing<RenewAnswer> {
    private LeaseRecord record;
    private long sentNanos;
    private long deadlineNanos;
    private final Pace pace;
    private boolean isAsking;

    /** When the first of those renewals left that were not answered since the last one that was; null if there is none. */
    private @Nullable Long unansweredSinceNanos;

    private Ticker.@Nullable Alarm next;

    private Kept(LeaseRecord record, long sentNanos) {
      this.record = record;
      Duration lease = record.leaseDuration();
      this.pace =
          new Pace(lease.dividedBy(FIRST_REST_OF_LEASE), lease.dividedBy(LONGEST_REST_OF_LEASE));
      believe(sentNanos);
    }

    /** The record was written by a request that left after this reading. */
    private void believe(long sentNanos) {
      long lease = record.leaseDuration().toNanos();
      this.sentNanos = sentNanos;
      this.deadlineNanos = sentNanos + lease - (long) (lease * MARGIN);
    }

    private void renewInTime() {
      long lease = record.leaseDuration().toNanos();
      long due = lease / RENEWALS_PER_LEASE;
      long every = due - (long) (due * JITTER * client.chance().nextDouble());
      long passed = place.ticker.holderNanos() - sentNanos;
      renewIn(Math.max(every, client.writesApartNanos()) - passed);
    }

    /** The nearer the end, the sooner: at least two more attempts fit into what is left. */
    private void renewAgain() {
      long rest = Math.min(pace.next(client.chance()), patience());
      renewIn(Math.max(rest, client.writesApartNanos()));
    }

    /** At most half of what is left of the lease. */
    private long patience() {
      long left = deadlineNanos - place.ticker.holderNanos();
      return Math.max(record.leaseDuration().toNanos() / FIRST_REST_OF_LEASE, left / 2);
    }

    private void renewIn(long nanos) {
      stopRenewing();
      next = place.at(place.ticker.nanos() + Math.max(1, nanos), this::renew);
    }

    private void renew() {
      endInTime();
      if (isHeld() && !isAsking) {
        isAsking = true;
        LeaseRecord mine = record;
        long lease = record.leaseDuration().toNanos();
        client.ask(
            Math.min(patience(), lease / ATTEMPTS_PER_LEASE), store -> store.renew(mine), this);
      }
    }

    @Override
    public void answered(long sentNanos, RenewAnswer answer) {
      isAsking = false;
      endInTime(); // an answer that comes after the lease is over comes too late
      if (!isHeld()) {
        return;
      }
      if (answer instanceof RenewAnswer.Renewed renewed) {
        renewed(sentNanos, renewed.record());
      } else if (answer instanceof RenewAnswer.Changed changed) {
        changed(changed.found());
      }
    }

    /** Which is no loss, whatever it is: the lease still runs. */
    @Override
    public void failed(long sentNanos, Throwable failure) {
      isAsking = false;
      if (unansweredSinceNanos == null && Trouble.of(failure) == Trouble.UNCERTAIN) {
        unansweredSinceNanos = sentNanos;
      }
      endInTime();
      if (isHeld()) {
        renewAgain();
      }
    }

    @Override
    public void answeredLate(long sentNanos, RenewAnswer answer) {
      endInTime();
      boolean isNews = isHeld() && sentNanos - this.sentNanos > 0;
      if (isNews && answer instanceof RenewAnswer.Renewed renewed) {
        renewed(sentNanos, renewed.record());
      }
    }

    private void renewed(long sentNanos, LeaseRecord renewed) {
      place.see(renewed);
      if (renewed.token() != record.token()) {
        loseWhatALateTakeBroughtBack();
        return;
      }
      record = renewed;
      unansweredSinceNanos = null;
      believe(sentNanos);
      KeptLease.this.deadlineNanos = leastDeadline();
      pace.startAnew();
      renewInTime();
    }

    private void changed(LeaseRecord found) {
      Long since = unansweredSinceNanos;
      if (!found.grant().equals(grant)) {
        place.see(found);
        // By the rules nobody takes over before this holder has stopped to believe: so it was an
        // operator's doing, whoever has the lock by now.
        lose(LossReason.REVOKED, kept -> kept == this);
      } else if (found.token() != record.token()) {
        place.see(found);
        loseWhatALateTakeBroughtBack();
      } else if (since != null) {
        // It was one of ours, carried out without our being told. Which one is not known; it left
        // no earlier than the first of them.
        renewed(since, found);
      } else {
        place.see(found);
        record = found;
        renewAgain();
      }
    }

    /** It was taken away, and then a late copy of the request that had taken it arrived: with another token. */
    private void loseWhatALateTakeBroughtBack() {
      lose(LossReason.REVOKED);
    }

    private void stopRenewing() {
      if (next != null) {
        next.cancel();
        next = null;
      }
    }
  }
}
