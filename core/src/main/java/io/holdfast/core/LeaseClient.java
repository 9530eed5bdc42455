package io.holdfast.core;

import io.holdfast.Capability;
import io.holdfast.Holder;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockMode;
import io.holdfast.LockRefusedException;
import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** One client of a store of lock records. Thread-safe; its decisions are guarded by the mutex of the {@link Place}. */
final class LeaseClient implements LockStore {
  /** So many requests of a client may wait at a time. */
  static final int MOST_WAITING = 100_000;

  /** So many outcomes that nobody waits for are looked into at a time; of more, what was taken ends with its lease. */
  static final int MOST_SETTLING = 10_000;

  /** So many grants that are over are given back again and again at a time; more are once, and else end with their lease. */
  static final int MOST_GIVING_BACK = 10_000;

  /** A read is answered within so long, or was in vain. */
  static final Duration READ_TAKES = Duration.ofSeconds(3);

  /** A list may be long. */
  static final Duration LIST_TAKES = Duration.ofSeconds(30);

  /** Closing waits so long for what is held to be given back. */
  static final Duration CLOSING_TAKES = Duration.ofSeconds(5);

  /** A write is answered within so long at most, or it is not known what came of it. */
  private static final Duration LONGEST_ATTEMPT = Duration.ofSeconds(5);

  /** A write is answered within this part of a lease. */
  private static final int ATTEMPTS_PER_LEASE = 3;

  private final LeaseStore store;
  private final String client;
  private final Place place;
  private final RandomGenerator chance;
  private final Set<Capability> capabilities;

  // All guarded by the mutex of the place.
  private final Set<LeaseRequest> requests = new LinkedHashSet<>();
  private final Set<KeptLease> leases = new LinkedHashSet<>();
  private final Set<Question<?>> questions = new LinkedHashSet<>();
  private final Set<GivingBack> givingBack = new LinkedHashSet<>();
  private final Set<Settling> settling = new LinkedHashSet<>();
  private boolean isClosed;
  private @Nullable Thread closer;
  private Ticker.@Nullable Alarm closingTakes;

  /** Completes when all is given back, or that has taken too long. */
  private final CompletableFuture<Void> quiet = new CompletableFuture<>();

  /** Completes when nothing is left to do. */
  private final CompletableFuture<Void> over = new CompletableFuture<>();

  LeaseClient(LeaseStore store, String client, Place place, RandomGenerator chance) {
    this.store = store;
    this.client = client;
    this.place = place;
    this.chance = chance;
    EnumSet<Capability> can = EnumSet.of(Capability.DESCRIBE, Capability.LEASES);
    can.addAll(store.capabilities());
    if (can.contains(Capability.FENCING)) {
      can.add(Capability.FORCE_RELEASE);
    }
    this.capabilities = Collections.unmodifiableSet(can);
  }

  @Override
  public String name() {
    return store.name();
  }

  @Override
  public Set<Capability> capabilities() {
    return capabilities;
  }

  @Override
  public CompletableFuture<AcquireOutcome> acquire(AcquireRequest asked) {
    LeaseRequest request = new LeaseRequest(this, asked);
    place.within(
        () -> {
          if (isClosed) {
            request.fail(closed());
          } else if (requests.size() >= MOST_WAITING) {
            request.fail(
                new LockRefusedException(
                    "TOO_MANY_REQUESTS",
                    "waiting are " + MOST_WAITING + ", at most " + MOST_WAITING));
          } else {
            requests.add(request);
            request.begin();
          }
        });
    return request;
  }

  @Override
  public LockDescription describe(LockKey key) {
    LeaseRecord record = read(nameOf(key));
    return describe(record);
  }

  @Override
  public LockList list(String prefix) {
    int most = LockClient.MAX_LISTED;
    List<LeaseRecord> records =
        answer(LIST_TAKES, asked -> asked.list(prefix, most + 1), unused -> {});
    return new LockList(
        records.stream().limit(most).map(this::describe).toList(), records.size() <= most);
  }

  @Override
  public LockList listTree(String tree) {
    throw Capability.TREE.missingIn(name());
  }

  /**
   * {@inheritDoc}
   *
   * <p>A holder in this process is told at once. One in another learns it with its next renewal, as it learns of any change.
   */
  @Override
  public boolean forceRelease(LockKey key, long token) {
    LeaseRecord found = read(nameOf(key));
    if (found.isFree() || found.token() != token) {
      return false;
    }
    List<CompletableFuture<Void>> freed = new ArrayList<>();
    List<GivingBack> alone = new ArrayList<>();
    place.within(
        () -> {
          KeptLease mine = place.lease(found.grant());
          if (mine != null && mine.isHeld()) {
            freed.add(mine.lose(LossReason.REVOKED));
          } else {
            long useless = place.ticker.holderNanos() + found.leaseDuration().toNanos();
            GivingBack one = GivingBack.ofAnother(this, found, useless);
            alone.add(one);
            freed.add(one.start());
          }
        });
    join(freed.get(0));
    return alone.isEmpty() || !alone.get(0).wasGone();
  }

  /** Who comes second waits, too: what was held is given back when this returns. */
  @Override
  public void close() {
    if (beginClosing()) {
      quiet.join();
      endClosing();
    } else if (closer
        != Thread.currentThread()) { // but one that is told of the end just now does not
      over.join();
    }
  }

  /** Closes without keeping a thread. The future completes when it is closed, whoever began with that. */
  CompletableFuture<Void> closeAsync() {
    if (beginClosing()) {
      CompletableFuture<Void> unused = quiet.thenRun(this::endClosing);
    }
    return over;
  }

  /** Has all given back. Returns whether nobody had begun with that before. */
  private boolean beginClosing() {
    boolean[] first = new boolean[1];
    try {
      place.within(
          () -> {
            first[0] = !isClosed;
            if (isClosed) {
              return;
            }
            isClosed = true;
            closer = Thread.currentThread();
            closingTakes =
                place.at(
                    place.ticker.nanosIn(CLOSING_TAKES),
                    () -> place.notice(() -> quiet.complete(null)));
            List.copyOf(leases).forEach(lease -> lease.lose(LossReason.SESSION_ENDED));
            List<LeaseRequest> lastFirst = new ArrayList<>(requests);
            Collections.reverse(lastFirst); // so that none comes to be the first, and asks
            lastFirst.forEach(request -> request.fail(closed()));
            List.copyOf(givingBack).forEach(GivingBack::hurry);
            List.copyOf(settling).forEach(Settling::hurry);
            completeIfQuiet();
          });
    } catch (RuntimeException | Error e) {
      if (first[0]) {
        endClosing();
      }
      throw e;
    } finally {
      if (first[0]) {
        closer = null;
      }
    }
    return first[0];
  }

  private void endClosing() {
    try {
      place.within(
          () -> {
            if (closingTakes != null) {
              closingTakes.cancel();
            }
            List.copyOf(questions).forEach(Question::drop);
            List.copyOf(givingBack).forEach(GivingBack::drop);
            List.copyOf(settling).forEach(Settling::drop);
          });
      store.close();
    } catch (RuntimeException | Error e) {
      over.completeExceptionally(e);
      throw e;
    } finally {
      place.exit();
      over.complete(null);
    }
  }

  @Override
  public String toString() {
    return "client " + client + " of the " + name() + " store";
  }

  // ------------------------------------------------------------ for its parts

  Place place() {
    return place;
  }

  RandomGenerator chance() {
    return chance;
  }

  String client() {
    return client;
  }

  long writesApartNanos() {
    return store.writesApart().toNanos();
  }

  /** How long a write under such a lease may take. */
  long attemptNanos(Duration lease) {
    return Math.min(lease.toNanos() / ATTEMPTS_PER_LEASE, LONGEST_ATTEMPT.toNanos());
  }

  /**
   * Whether a store that is slow may keep a thread for as long as it may block: the caller's patience, and that with a write,
   * is not over before.
   */
  boolean mayBlock(long waitNanos, Duration lease) {
    return Math.min(waitNanos, attemptNanos(lease)) >= LeaseStore.BLOCKS_WITHIN.toNanos();
  }

  /** An id that no other grant has. */
  String newGrant() {
    return String.format("%016x%016x", chance.nextLong(), chance.nextLong());
  }

  /** Asks the store once the mutex is released. */
  <T> void ask(
      long patienceNanos,
      Function<LeaseStore, CompletableFuture<T>> request,
      Question.Hearing<T> hearing) {
    Question<T> question = new Question<>(place, this, patienceNanos, hearing);
    questions.add(question);
    place.notice(() -> question.send(() -> request.apply(store)));
  }

  void isAnswered(Question<?> question) {
    questions.remove(question);
    completeIfQuiet();
  }

  void holds(KeptLease lease) {
    leases.add(lease);
    place.hold(lease);
    lease.start();
    if (isClosed) {
      lease.lose(LossReason.SESSION_ENDED);
    }
  }

  void isOver(KeptLease lease) {
    leases.remove(lease);
  }

  void isOver(LeaseRequest request) {
    requests.remove(request);
  }

  /** Returns whether it may try again: else it is one too many. */
  boolean givesBack(GivingBack one) {
    givingBack.add(one);
    return givingBack.size() <= MOST_GIVING_BACK;
  }

  void hasGivenBack(GivingBack one) {
    givingBack.remove(one);
    completeIfQuiet();
  }

  /** Returns whether it may: else it is one too many. */
  boolean settles(Settling one) {
    if (settling.size() >= MOST_SETTLING) {
      return false;
    }
    settling.add(one);
    if (isClosed) {
      one.hurry();
    }
    return true;
  }

  void hasSettled(Settling one) {
    settling.remove(one);
    completeIfQuiet();
  }

  IllegalStateException closed() {
    return new IllegalStateException("client " + client + " is closed");
  }

  /** Who has a record, as users see it. With the mutex held. */
  Holder holder(LeaseRecord record) {
    KeptLease mine = place.lease(record.grant());
    List<LockTarget> targets =
        mine == null
            ? List.of(new LockTarget(new LockKey.Name(record.name()), LockMode.EXCLUSIVE))
            : mine.targets();
    Seen seen = place.seen(record.name());
    long left =
        seen == null || !seen.record().version().equals(record.version())
            ? record.leaseDuration().toNanos()
            : seen.overAtNanos() - place.ticker.nanos();
    Instant until = place.ticker.instant().plusNanos(left);
    OptionalLong token =
        record.token() == 0 ? OptionalLong.empty() : OptionalLong.of(record.token());
    return new Holder(
        record.client(), targets, token, record.since(), Optional.of(until), record.data());
  }

  // ------------------------------------------------------------ inside

  private static String nameOf(LockKey key) {
    return ((LockKey.Name) key).name(); // trees are refused beforehand
  }

  private LockDescription describe(LeaseRecord record) {
    List<Holder> holders = new ArrayList<>();
    if (!record.isFree()) {
      place.within(() -> holders.add(holder(record)));
    }
    return new LockDescription(new LockKey.Name(record.name()), holders, List.of(), true);
  }

  private LeaseRecord read(String name) {
    return answer(READ_TAKES, asked -> asked.read(name), place::see);
  }

  /** Waits for an answer, which comes within a bound, or there is none. */
  private <T> T answer(
      Duration patience, Function<LeaseStore, CompletableFuture<T>> request, Consumer<T> seen) {
    CompletableFuture<T> result = new CompletableFuture<>();
    place.within(
        () -> {
          if (isClosed) {
            throw closed();
          }
          ask(
              patience.toNanos(),
              request,
              new Question.Hearing<T>() {
                @Override
                public void answered(long sentNanos, T answer) {
                  seen.accept(answer);
                  place.notice(() -> result.complete(answer));
                }

                @Override
                public void failed(long sentNanos, Throwable failure) {
                  place.notice(() -> result.completeExceptionally(Trouble.told(failure)));
                }

                @Override
                public void dropped() {
                  place.notice(() -> result.completeExceptionally(closed()));
                }
              });
        });
    return join(result);
  }

  private static <T> T join(CompletableFuture<T> answer) {
    try {
      return answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw e;
    }
  }

  private void completeIfQuiet() {
    if (isClosed
        && givingBack.isEmpty()
        && settling.isEmpty()
        && questions.stream().noneMatch(Question::mustBeHeard)) {
      place.notice(() -> quiet.complete(null));
    }
  }
}
