package io.holdfast.testkit.lease;

import io.holdfast.Capability;
import io.holdfast.StoreUnavailableException;
import io.holdfast.core.spi.LeaseRecord;
import io.holdfast.core.spi.LeaseStore;
import io.holdfast.core.spi.RenewAnswer;
import io.holdfast.core.spi.Take;
import io.holdfast.core.spi.TakeAnswer;
import io.holdfast.spi.Ticker;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A client's way to a store, on which requests and answers are late, lost, doubled or turned away, as somebody decides for
 * each. It counts them too. Thread-safe.
 */
public final class FaultyLeaseStore implements LeaseStore {
  /** What is asked of a store. */
  public enum Kind {
    /** {@link LeaseStore#take}. */
    TAKE,
    /** {@link LeaseStore#read}. */
    READ,
    /** {@link LeaseStore#renew}. */
    RENEW,
    /** {@link LeaseStore#release} and {@link LeaseStore#revoke}. */
    RELEASE,
    /** {@link LeaseStore#list}. */
    LIST
  }

  /**
   * What becomes of a request. A request that is neither carried out nor failed is as if it had never been sent.
   *
   * @param arrivals when it is carried out, after it was sent: never, once, or again and again
   * @param answered how long the answer to the first arrival takes; empty if it is lost
   * @param failure what the sender is told at once instead of an answer; empty for nothing
   */
  public record Fate(
      List<Duration> arrivals, Optional<Duration> answered, Optional<RuntimeException> failure) {
    /** Copies the list. */
    public Fate {
      arrivals = List.copyOf(arrivals);
    }

    /** All goes well, at once. */
    public static Fate fine() {
      return slow(Duration.ZERO, Duration.ZERO);
    }

    /** All goes well, but takes its time there and back. */
    public static Fate slow(Duration there, Duration back) {
      return new Fate(List.of(there), Optional.of(back), Optional.empty());
    }

    /** It never arrives, and nobody says so. */
    public static Fate lost() {
      return new Fate(List.of(), Optional.empty(), Optional.empty());
    }

    /** It is carried out, and the answer never arrives. */
    public static Fate unanswered() {
      return unanswered(Duration.ZERO);
    }

    /** It is carried out late, and the answer never arrives. */
    public static Fate unanswered(Duration there) {
      return new Fate(List.of(there), Optional.empty(), Optional.empty());
    }

    /** It is carried out and answered, and carried out once more. */
    public static Fate doubled(Duration later) {
      return new Fate(List.of(Duration.ZERO, later), Optional.of(Duration.ZERO), Optional.empty());
    }

    /** It fails at once, without being carried out. */
    public static Fate failed(RuntimeException failure) {
      return new Fate(List.of(), Optional.empty(), Optional.of(failure));
    }

    /** It is turned away for its rate: a take is told so, and of anything else that it changed nothing. */
    public static Fate tooSoon() {
      return failed(new StoreUnavailableException("turned away", new TooManyRequests()));
    }

    /** It fails at once, and is carried out for all that. */
    public static Fate failedAfter(RuntimeException failure) {
      return new Fate(List.of(Duration.ZERO), Optional.empty(), Optional.of(failure));
    }
  }

  private static final class TooManyRequests extends IllegalStateException {
    private static final long serialVersionUID = 1L;
  }

  private final LeaseStore store;
  private final String place;
  private final Ticker ticker;
  private final ReentrantLock mutex = new ReentrantLock();
  private final Map<Kind, Long> counts = new EnumMap<>(Kind.class); // guarded by the mutex
  private volatile BiFunction<Kind, String, Fate> fates = (kind, name) -> Fate.fine();
  private volatile Duration writesApart = Duration.ZERO;
  private volatile Consumer<String> listener = unheard -> {};

  /**
   * A way on which all goes well so far.
   *
   * @param place as if the store were there; clients of different places know nothing of each other, as those of different
   *     processes do
   */
  public FaultyLeaseStore(LeaseStore store, String place, Ticker ticker) {
    this.store = store;
    this.place = place;
    this.ticker = ticker;
  }

  /** Decides, from here on, what becomes of each request on a name; of several at once, on the first. */
  public void fates(BiFunction<Kind, String, Fate> fates) {
    this.fates = fates;
  }

  /** The same for all requests. */
  public void fate(Fate fate) {
    fates = (kind, name) -> fate;
  }

  /** Has it say that writes to one record must be so far apart. */
  public void writesApart(Duration apart) {
    writesApart = apart;
  }

  /** Says what a store that pushes says of a name, whether it is so or not. */
  public void hintFreed(String name) {
    listener.accept(name);
  }

  /** So many requests of a kind were sent. */
  public long count(Kind kind) {
    mutex.lock();
    try {
      return counts.getOrDefault(kind, 0L);
    } finally {
      mutex.unlock();
    }
  }

  /** So many requests were sent. */
  public long count() {
    mutex.lock();
    try {
      return counts.values().stream().mapToLong(Long::longValue).sum();
    } finally {
      mutex.unlock();
    }
  }

  @Override
  public String name() {
    return store.name();
  }

  @Override
  public String place() {
    return place;
  }

  @Override
  public Set<Capability> capabilities() {
    return store.capabilities();
  }

  @Override
  public Duration writesApart() {
    return writesApart;
  }

  @Override
  public CompletableFuture<TakeAnswer> take(Take take) {
    CompletableFuture<TakeAnswer> answer =
        send(Kind.TAKE, take.wanted().get(0).name(), to -> to.take(take));
    return answer.exceptionallyCompose(
        failure ->
            failure.getCause() instanceof TooManyRequests
                ? CompletableFuture.completedFuture(new TakeAnswer.TooSoon())
                : CompletableFuture.failedFuture(failure));
  }

  @Override
  public CompletableFuture<LeaseRecord> read(String name) {
    return send(Kind.READ, name, to -> to.read(name));
  }

  @Override
  public CompletableFuture<RenewAnswer> renew(LeaseRecord mine) {
    return send(Kind.RENEW, mine.name(), to -> to.renew(mine));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> release(LeaseRecord held) {
    return send(Kind.RELEASE, held.name(), to -> to.release(held));
  }

  @Override
  public CompletableFuture<Optional<LeaseRecord>> revoke(LeaseRecord held) {
    return send(Kind.RELEASE, held.name(), to -> to.revoke(held));
  }

  @Override
  public CompletableFuture<List<LeaseRecord>> list(String prefix, int most) {
    return send(Kind.LIST, prefix, to -> to.list(prefix, most));
  }

  /** Leaves the store open, for there may be other ways to it. */
  @Override
  public void close() {}

  @Override
  public void onFreed(Consumer<String> listener) {
    this.listener = listener;
    store.onFreed(listener);
  }

  private <T> CompletableFuture<T> send(
      Kind kind, String name, Function<LeaseStore, CompletableFuture<T>> request) {
    mutex.lock();
    try {
      counts.merge(kind, 1L, Long::sum);
    } finally {
      mutex.unlock();
    }
    Fate fate = fates.apply(kind, name);
    CompletableFuture<T> answer = new CompletableFuture<>();
    boolean isFirst = true;
    for (Duration arrival : fate.arrivals) {
      Optional<Duration> back = isFirst ? fate.answered : Optional.empty();
      isFirst = false;
      after(arrival, () -> carryOut(request, back, answer));
    }
    fate.failure.ifPresent(answer::completeExceptionally);
    return answer;
  }

  private <T> void carryOut(
      Function<LeaseStore, CompletableFuture<T>> request,
      Optional<Duration> back,
      CompletableFuture<T> answer) {
    CompletableFuture<T> done = request.apply(store);
    back.ifPresent(
        late ->
            done.whenComplete(
                (told, failure) ->
                    after(
                        late,
                        () -> {
                          if (failure == null) {
                            answer.complete(told);
                          } else {
                            answer.completeExceptionally(failure);
                          }
                        })));
  }

  private void after(Duration delay, Runnable task) {
    if (delay.isZero()) {
      task.run();
    } else {
      Ticker.Alarm unused = ticker.schedule(ticker.nanosIn(delay), task);
    }
  }
}
