package io.holdfast.core;

import io.holdfast.Holder;
import io.holdfast.LockKey;
import io.holdfast.LockTarget;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A wish for locks, from being asked until it is answered. It is the future of its answer.
 *
 * <p>Decisions are guarded by the mutex of the {@link Place}.
 */
final class LeaseRequest extends CompletableFuture<AcquireOutcome> {
  /*
   * A request stands in the line of each of its names, and does nothing until it is the first in all of them; nobody waits
   * in a circle, for all lines are joined in one moment. Then it asks one thing at a time:
   *
   *   take ---- taken ------------------------------------------> granted
   *     |------ in the way: free after all, or its holder dead --> take again
   *     |------ in the way: held -------------------------------> rest, read, rest, read ... until it is free or dead
   *     |------ in the way: this very grant --------------------> adopt: renew what an earlier sending has written
   *     |------ too soon after another write -------------------> rest, take again
   *     '------ no answer --------------------------------------> read, to find out
   *
   * It keeps the id of its grant for as long as it waits. So whatever late sending is carried out is recognized by whoever
   * sees the record, and none can become a second grant.
   */

  /** A try whose outcome is uncertain is settled within so long, or never. */
  static final Duration TRY_SETTLES = Duration.ofSeconds(5);

  /** Between two looks at a lock that is held: at first, and at most. Half of it may be left out by chance. */
  static final Duration FIRST_POLL = Duration.ofMillis(100);

  static final Duration LONGEST_POLL = Duration.ofSeconds(1);

  /** Between two tries when the store does not answer. */
  private static final Duration FIRST_RETRY = Duration.ofMillis(100);

  private static final Duration LONGEST_RETRY = Duration.ofSeconds(2);

  /** So often a take is repeated at once for what it met was not in the way after all. */
  private static final int MOST_RETAKES = 3;

  /** So many of those in the way are told to somebody whose patience ended. */
  private static final int MOST_HOLDERS = 8;

  private static final String THIS_THREAD =
      "this thread is in its own way: locks are not reentrant";

  private static final String NOT_ANSWERED = "the store had not answered yet";

  private static final String TOLD_TO_WAIT =
      "the store has asked to wait, for there were too many writes";

  private final LeaseClient client;
  private final Place place;
  private final AcquireRequest asked;
  private final List<String> names;
  private final Pace polls = new Pace(FIRST_POLL, LONGEST_POLL);
  private final Pace retries = new Pace(FIRST_RETRY, LONGEST_RETRY);

  // All guarded by the mutex of the place.
  private String grant;
  private boolean isOver;
  private boolean isAsking;

  /** The thread that is at it waits for the answer, and has nothing else to do. */
  private boolean mayBlock;

  private boolean isStirred;

  /** A take was answered, so something is known of what is in the way. */
  private boolean hasAsked;

  /** The last take was turned away for the store's rate, and nobody has looked since. */
  private boolean isTooSoon;

  private int retakes;

  /** A take was not answered, and nobody has looked since. */
  private boolean isUnsettled;

  /** A holder's reading by which a take that was not answered can do no more harm; null if there is none such. */
  private @Nullable Long stragglesUntilNanos;

  /** The grant is in the record: what is left is to make sure. By name, what was renewed. */
  private boolean isAdopting;

  private final Map<String, Adopted> adopted = new LinkedHashMap<>();

  private @Nullable Throwable lastFailure;
  private Ticker.@Nullable Alarm patience;
  private Ticker.@Nullable Alarm rest;

  private record Adopted(LeaseRecord record, long sentNanos) {}

  LeaseRequest(LeaseClient client, AcquireRequest asked) {
    this.client = client;
    this.place = client.place();
    this.asked = asked;
    this.names =
        asked.targets().stream()
            .map(target -> ((LockKey.Name) target.key()).name()) // trees are refused beforehand
            .distinct()
            .toList();
    this.grant = client.newGrant();
  }

  /** Asks, or stands in line. With the mutex held, as all that is not said to be called by others. */
  void begin() {
    if (asked.maxWaitNanos() == AcquireRequest.LONGEST_WAIT_NANOS && isInItsOwnWay()) {
      fail(new IllegalStateException(THIS_THREAD + ", " + asked.targets()));
    } else if (!waits() && isBusyHere()) {
      busy("");
    } else {
      long nanos = waits() ? asked.maxWaitNanos() : TRY_SETTLES.toNanos();
      patience = place.at(place.ticker.nanos() + nanos, this::outOfPatience);
      if (waits()) {
        names.forEach(name -> place.line(name).join(this));
      }
      mayBlock = isAskedHere() && names.size() == 1 && client.mayBlock(nanos, lease());
      proceed();
      mayBlock = false;
    }
  }

  /** Does what is next if it is this request's turn and nothing is under way. */
  void proceed() {
    if (isOver) {
      return;
    }
    if (isAsking) {
      isStirred = true;
      return;
    }
    for (String name : names) {
      if (waits() && (place.line(name).first() != this || place.holder(name) != null)) {
        return; // whoever is before this one stirs it
      }
    }
    if (!isOver && !isAsking) { // as what was found out on the way may have changed
      stopResting();
      next();
    }
  }

  /** Ends it with a failure. */
  void fail(Throwable failure) {
    if (!isOver) {
      end();
      place.notice(() -> completeExceptionally(failure));
    }
  }

  /** Leaves the line; what was granted and not yet handed over is given back. By anybody. */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    if (cancelled) {
      place.within(
          () -> {
            if (!isOver) {
              end();
            }
          });
    }
    return cancelled;
  }

  // ------------------------------------------------------------ what is next

  private void next() {
    if (isAdopting) {
      adoptNext();
    } else if (isUnsettled) {
      read(names.get(0));
    } else {
      String watched = hasAsked || (waits() && hasJustLooked()) ? blocked() : null;
      LeaseRecord ghost = ghost();
      if (ghost != null) {
        free(ghost);
      } else if (watched != null) {
        read(watched);
      } else {
        take();
      }
    }
  }

  /** An answer has come, and the lock is not had. */
  private void goOn() {
    if (isOver) {
      return;
    }
    if (isOwnInRecord()) {
      isAdopting = true;
      next();
      return;
    }
    String watched = blocked();
    if (watched == null && retakes < MOST_RETAKES) {
      retakes++;
      next();
      return;
    }
    retakes = 0;
    if (!waits()) {
      busy("");
      return;
    }
    if (isStirred) {
      isStirred = false;
      polls.startAnew();
    }
    long nanos = polls.next(client.chance());
    Seen seen = watched == null ? null : place.seen(watched);
    if (seen != null) {
      nanos = Math.min(nanos, Math.max(1, seen.overAtNanos() - place.ticker.nanos()));
    }
    rest(nanos);
  }

  /** The store has failed. */
  private void retry(Throwable failure) {
    lastFailure = failure;
    Trouble trouble = Trouble.of(failure);
    boolean isHopeless =
        trouble == Trouble.REFUSED
            || (!waits() && !isUnsettled && !isAdopting && trouble == Trouble.UNAVAILABLE);
    if (isHopeless) {
      fail(failure);
    } else {
      restAfterFailure();
    }
  }

  /** What comes next may be a write. */
  private void restAfterFailure() {
    rest(Math.max(retries.next(client.chance()), client.writesApartNanos()));
  }

  private void rest(long nanos) {
    stopResting();
    rest = place.at(place.ticker.nanos() + nanos, this::proceed);
  }

  private void stopResting() {
    if (rest != null) {
      rest.cancel();
      rest = null;
    }
  }

  /** A name that surely cannot be taken now, as far as is known; null if there is none. */
  private @Nullable String blocked() {
    for (String name : names) {
      Seen seen = place.seen(name);
      boolean isHeld = seen != null && !seen.record().isFree();
      if (seen != null
          && isHeld
          && !seen.isOver(place.ticker.nanos())
          && !place.hasEnded(seen.record().grant())) {
        return name;
      }
    }
    return null;
  }

  /** A record with a grant of this process in which nobody believes: some late sending has brought it back. */
  private @Nullable LeaseRecord ghost() {
    for (String name : names) {
      Seen seen = place.seen(name);
      if (seen != null && place.hasEnded(seen.record().grant())) {
        return seen.record();
      }
    }
    return null;
  }

  /** A take that is bound to fail costs as much as one that succeeds; a look is cheaper, for who may look again. */
  private boolean hasJustLooked() {
    long now = place.ticker.nanos();
    return names.stream()
        .map(place::seen)
        .anyMatch(seen -> seen != null && now - seen.lookedNanos() < LONGEST_POLL.toNanos());
  }

  private boolean isOwnInRecord() {
    return names.stream()
        .map(place::seen)
        .anyMatch(seen -> seen != null && seen.record().grant().equals(grant));
  }

  // ------------------------------------------------------------ what is asked

  private void take() {
    isAsking = true;
    isStirred = false;
    long now = place.ticker.nanos();
    List<Take.Wanted> wanted = new ArrayList<>();
    for (String name : names) {
      Optional<Seen> seen = Optional.ofNullable(place.seen(name));
      wanted.add(
          new Take.Wanted(
              name, seen.filter(it -> it.isOver(now)).map(Seen::record), seen.map(Seen::record)));
    }
    Take take = new Take(wanted, grant, client.client(), lease(), asked.options().data());
    boolean isHere = mayBlock; // nothing is noticed after this, so nothing waits for it
    client.ask(
        client.attemptNanos(lease()),
        store -> isHere ? store.takeHere(take) : store.take(take),
        new Taking(grant));
  }

  private final class Taking implements Question.Hearing<TakeAnswer> {
    private final String taken;

    private Taking(String grant) {
      this.taken = grant;
    }

    @Override
    public void answered(long sentNanos, TakeAnswer answer) {
      isAsking = false;
      lastFailure = null;
      isTooSoon = answer instanceof TakeAnswer.TooSoon;
      if (isTooSoon) {
        tooSoon();
        return;
      }
      retries.startAnew();
      hasAsked = true;
      if (answer instanceof TakeAnswer.Taken all) {
        all.records().forEach(place::see);
        if (isOver) {
          giveBack(all.records());
        } else {
          granted(all.records(), Collections.nCopies(all.records().size(), sentNanos));
        }
      } else if (answer instanceof TakeAnswer.InTheWay some) {
        some.found().forEach(place::see);
        if (isOver) {
          giveBack(some.found().stream().filter(record -> record.grant().equals(taken)).toList());
          settle();
        } else {
          goOn();
        }
      }
    }

    private void tooSoon() {
      if (isOver) {
        settle();
      } else {
        restAfterFailure();
      }
    }

    @Override
    public void failed(long sentNanos, Throwable failure) {
      isAsking = false;
      if (Trouble.of(failure) == Trouble.UNCERTAIN) {
        isUnsettled = true;
        stragglesUntilNanos = sentNanos + lease().toNanos();
      }
      if (isOver) {
        settle();
      } else {
        retry(failure);
      }
    }

    @Override
    public boolean mustBeHeard() {
      return true;
    }

    /** What it took is this request's still, or nobody's. */
    @Override
    public void answeredLate(long sentNanos, TakeAnswer answer) {
      if (answer instanceof TakeAnswer.Taken all && place.lease(taken) == null) {
        all.records().forEach(place::see);
        if (isOver || !taken.equals(grant)) {
          giveBack(all.records());
        } else if (!isAsking) {
          isAdopting = true;
          proceed();
        }
      }
    }
  }

  /** What is done with an answer to anything but a take. */
  private abstract class Looking<T> implements Question.Hearing<T> {
    @Override
    public final void answered(long sentNanos, T answer) {
      isAsking = false;
      note(sentNanos, answer);
      if (isOver) {
        settle();
      } else {
        follow(answer);
      }
    }

    @Override
    public final void failed(long sentNanos, Throwable failure) {
      isAsking = false;
      if (isOver) {
        settle();
      } else {
        retry(failure);
      }
    }

    /** What was taken, or may have been, is to be given back. */
    @Override
    public final boolean mustBeHeard() {
      return isAdopting || stragglesUntilNanos != null;
    }

    abstract void note(long sentNanos, T answer);

    abstract void follow(T answer);
  }

  private void read(String name) {
    isAsking = true;
    isStirred = false;
    client.ask(
        LeaseClient.READ_TAKES.toNanos(),
        store -> store.read(name),
        new Looking<LeaseRecord>() {
          @Override
          void note(long sentNanos, LeaseRecord found) {
            place.see(found);
            lastFailure = null;
            isTooSoon = false;
            isUnsettled = false;
            retries.startAnew();
          }

          @Override
          void follow(LeaseRecord found) {
            if (isAdopting && !found.grant().equals(grant)) {
              stopAdopting();
            } else {
              goOn();
            }
          }
        });
  }

  /** Frees a record of a grant that is over. */
  private void free(LeaseRecord ghost) {
    isAsking = true;
    client.ask(
        client.attemptNanos(ghost.leaseDuration()),
        store -> store.release(ghost),
        new Looking<Optional<LeaseRecord>>() {
          @Override
          void note(long sentNanos, Optional<LeaseRecord> free) {
            place.forget(ghost.name());
            free.ifPresent(place::see);
          }

          @Override
          void follow(Optional<LeaseRecord> free) {
            goOn();
          }
        });
  }

  // ------------------------------------------------------------ adopting

  /** Which sending has written the record is not known, so its lease counts from a renewal. */
  private void adoptNext() {
    for (String name : names) {
      if (!adopted.containsKey(name)) {
        Seen seen = place.seen(name);
        if (seen != null && seen.record().grant().equals(grant)) {
          confirm(seen.record());
        } else {
          read(name);
        }
        return;
      }
    }
    List<LeaseRecord> records = new ArrayList<>();
    List<Long> sent = new ArrayList<>();
    adopted.forEach(
        (name, one) -> {
          records.add(one.record);
          sent.add(one.sentNanos);
        });
    granted(records, sent);
  }

  private void confirm(LeaseRecord mine) {
    isAsking = true;
    client.ask(
        client.attemptNanos(mine.leaseDuration()),
        store -> store.renew(mine),
        new Looking<RenewAnswer>() {
          @Override
          void note(long sentNanos, RenewAnswer answer) {
            if (answer instanceof RenewAnswer.Renewed renewed) {
              place.see(renewed.record());
              adopted.put(mine.name(), new Adopted(renewed.record(), sentNanos));
            } else if (answer instanceof RenewAnswer.Changed changed) {
              place.see(changed.found());
            }
          }

          @Override
          void follow(RenewAnswer answer) {
            if (answer instanceof RenewAnswer.Renewed) {
              next();
            } else if (answer instanceof RenewAnswer.Changed changed
                && changed.found().grant().equals(grant)) {
              restAfterFailure();
            } else {
              stopAdopting();
            }
          }
        });
  }

  /** It was somebody else's again before it could be made sure of. */
  private void stopAdopting() {
    giveBack(adopted.values().stream().map(Adopted::record).toList());
    beginAnew();
    goOn();
  }

  private void beginAnew() {
    place.ended(grant);
    grant = client.newGrant();
    isAdopting = false;
    adopted.clear();
  }

  // ------------------------------------------------------------ how it ends

  private void granted(List<LeaseRecord> records, List<Long> sentNanos) {
    KeptLease lease = new KeptLease(client, asked, grant, records, sentNanos);
    if (place.ticker.holderNanos() - lease.deadlineNanos() >= 0) {
      giveBack(records); // the answer took longer than the lease
      beginAnew();
      goOn();
      return;
    }
    stragglesUntilNanos = null; // whoever straggles meets this grant, and after it its ghost
    client.holds(lease);
    end();
    place.notice(
        () -> {
          if (!complete(new AcquireOutcome.Granted(lease))) {
            place.within(lease::abandon);
          }
        });
  }

  private void outOfPatience() {
    if (isOver) {
      return;
    }
    Throwable failure = lastFailure;
    if (isUnsettled || isAdopting || (!waits() && isAsking)) {
      String what = "the store has not said whether it granted " + asked.targets();
      fail(
          new UncertainOutcomeException(
              what, failure == null ? new TimeoutException(what) : failure));
    } else if (failure != null) {
      fail(Trouble.told(failure));
    } else if (isTooSoon) {
      busy(TOLD_TO_WAIT);
    } else {
      busy(isAsking && !hasAsked ? NOT_ANSWERED : "");
    }
  }

  private void busy(String hint) {
    List<Holder> holders = new ArrayList<>();
    for (String name : names) {
      Seen seen = place.seen(name);
      if (seen != null && !seen.record().isFree() && holders.size() < MOST_HOLDERS) {
        holders.add(client.holder(seen.record()));
      }
    }
    String why = isInItsOwnWay() ? THIS_THREAD : hint;
    end();
    place.notice(() -> complete(new AcquireOutcome.Busy(holders, why)));
  }

  /** Nothing is asked for it any more, and whoever comes to be the first looks. */
  private void end() {
    isOver = true;
    client.isOver(this);
    stopResting();
    if (patience != null) {
      patience.cancel();
    }
    if (!isAsking) {
      settle();
    }
    for (String name : names) {
      if (place.line(name).leave(this) || place.line(name).isIdle()) {
        place.stir(name);
      }
    }
  }

  /** Sees to it that a take whose answer is not known leaves nothing behind. */
  private void settle() {
    Long until = stragglesUntilNanos;
    long now = place.ticker.holderNanos();
    boolean isOwn = isAdopting && place.lease(grant) == null;
    boolean mayCome = until != null && until - now > 0;
    stragglesUntilNanos = null;
    isAdopting = false;
    if (mayCome || isOwn) {
      place.ended(grant);
      new Settling(client, names, grant, until == null ? now + lease().toNanos() : until).start();
    }
  }

  private void giveBack(List<LeaseRecord> records) {
    if (!records.isEmpty()) {
      GivingBack.ofNobody(client, records, place.ticker.holderNanos() + lease().toNanos()).start();
    }
  }

  private Duration lease() {
    return asked.options().leaseDuration();
  }

  private boolean waits() {
    return asked.maxWaitNanos() > 0;
  }

  /** Whether it can be told without asking that a try would be in vain. */
  private boolean isBusyHere() {
    for (String name : names) {
      KeptLease holder = place.holder(name);
      if (holder != null && holder.isHeld()) {
        return true;
      }
    }
    return false;
  }

  /** By the thread that will wait for the answer. */
  private boolean isAskedHere() {
    return asked.callerThread() == Thread.currentThread().getId();
  }

  /** Whether the thread that asked holds what it waits for, and so waits for itself. */
  private boolean isInItsOwnWay() {
    long caller = asked.callerThread();
    for (LockTarget target : asked.targets()) {
      KeptLease holder = place.holder(((LockKey.Name) target.key()).name());
      if (caller != 0 && holder != null && holder.isHeld() && holder.callerThread() == caller) {
        return true;
      }
    }
    return false;
  }
}
