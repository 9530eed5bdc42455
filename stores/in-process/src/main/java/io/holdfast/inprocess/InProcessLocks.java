package io.holdfast.inprocess;

import io.holdfast.ClientOptions;
import io.holdfast.Holder;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockRefusedException;
import io.holdfast.Waiter;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.KeyView;
import io.holdfast.table.LockTable;
import io.holdfast.table.RequestView;
import io.holdfast.table.TableSize;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Locks that the clients of one process share: threads and virtual threads, nobody outside. Use it where the contenders are
 * threads, and as the store of tests.
 *
 * <p>It can do all that the API has. Holds end when they are closed, revoked, past their {@code maxHold}, or when their
 * client is closed; there is no lease to run out, for holder and store die together. Tokens begin with 1 in each process:
 * where a resource outlives the process and remembers tokens, begin {@linkplain Builder#tokensAbove above} the highest that it
 * has seen.
 *
 * <p>Thread-safe. Starts no thread but that of the ticker, and none before the first wait or {@code maxHold}.
 */
public final class InProcessLocks {
  static final CompletableFuture<Void> DONE = CompletableFuture.completedFuture(null);

  /** So many requests in the way are looked at to name their holders to somebody whose patience ended. */
  private static final int LOOKS_FOR_HOLDERS = 8;

  /** So many requests in the way are looked at to find out whether a thread waits for itself. */
  private static final int LOOKS_FOR_ITSELF = 64;

  /** Threads whose numbers differ by a multiple of this are not told apart by {@link #holdsOfThreads}. A power of two. */
  private static final int THREADS_TOLD_APART = 1_024;

  private static final String THIS_THREAD =
      "this thread is in its own way: locks are not reentrant";

  /** So many clients may be open at a time. */
  private static final int MAX_CLIENTS = 1_000_000;

  /*
   * One mutex guards the table and what is known of its requests. Under it a command is applied and its events are noted;
   * futures and listeners are told after it is released, for they run other people's code. So a grant may find its asker
   * gone a moment later: the completion of the asker's future decides, and a grant that comes too late is given back.
   *
   * Memory. What the mutex guards is plain: who enters sees all that was written by those before him. Three things are seen
   * without it. Token and deadline are written before the answer is completed, and read after. A loss is volatile, and written
   * before anybody else is granted what was lost. The listener of a loss is volatile, too: each side writes its own before it
   * reads the other's. Whoever sets an alarm enters again to ask whether it is still needed; who ended the request before has
   * not seen the alarm, who ends it after does.
   */
  private final BackoffMutex mutex = new BackoffMutex();

  // All guarded by the mutex.
  private final LockTable table;
  private final RequestRing requests = new RequestRing();

  /** So many holds have the threads of a number. Who has none is not in its own way, and need not look through the line. */
  private final int[] holdsOfThreads = new int[THREADS_TOLD_APART];

  private long lastSession;

  private final Ticker ticker;
  private final long originNanos;
  private final Instant originInstant;
  private final int maxRequests;

  private InProcessLocks(Builder builder) {
    this.table = new LockTable(builder.tokensAbove);
    this.ticker = builder.ticker;
    this.originNanos = ticker.nanos();
    this.originInstant = ticker.instant();
    this.maxRequests = builder.maxRequests;
  }

  /** Locks of their own, with the defaults of {@link Builder}. */
  public static InProcessLocks create() {
    return builder().build();
  }

  /** The locks that {@code in-process:} opens: one set for the JVM. */
  public static InProcessLocks shared() {
    return Shared.LOCKS;
  }

  /** Sets what is not to be as usual. */
  public static Builder builder() {
    return new Builder();
  }

  /** A client with {@link ClientOptions#defaults}. */
  public LockClient client() {
    return client(ClientOptions.defaults());
  }

  /** A client. Its ticker is that of these locks, whatever the options say. */
  public LockClient client(ClientOptions options) {
    return LockClient.over(open(options.name()), options.ticker(ticker));
  }

  InProcessSession open(String client) {
    mutex.lock();
    try {
      if (table.size().sessions() >= MAX_CLIENTS) {
        throw new LockRefusedException(
            "TOO_MANY_CLIENTS", "open are " + MAX_CLIENTS + ", at most " + MAX_CLIENTS);
      }
      long session = ++lastSession;
      table.apply(new Command.OpenSession(now(), session, client));
      return new InProcessSession(this, session, client);
    } finally {
      mutex.unlock();
    }
  }

  Ticker ticker() {
    return ticker;
  }

  /** How much the table holds. */
  TableSize size() {
    return read(table::size);
  }

  /** Asks the table; the request is told what comes of it. */
  void acquire(InProcessRequest request) {
    Notices notices = new Notices();
    long now = now();
    mutex.lock();
    try {
      if (requests.size() >= maxRequests) {
        request.completeExceptionally(tooMany());
        return;
      }
      requests.add(request);
      apply(request.toCommand(now), notices);
      if (request.isWaiting() && request.waitsWithoutBound() && isInItsOwnWay(request)) {
        notices.add(
            () ->
                request.completeExceptionally(
                    new IllegalStateException(THIS_THREAD + ", " + request)));
        apply(new Command.Cancel(now(), request.session(), request.id), notices);
      }
    } finally {
      mutex.unlock();
    }
    notices.run();
  }

  /** Ends a request, whether it waits or holds. */
  void cancel(InProcessRequest request) {
    applyIfLive(request, () -> new Command.Cancel(now(), request.session(), request.id));
  }

  /** Gives back what a request holds. */
  void release(InProcessRequest request) {
    applyIfLive(
        request,
        () -> new Command.Release(timeOfRelease(), request.session(), request.id, request.token()));
  }

  /** Ends a hold whose {@code maxHold} is over. */
  void expire(InProcessRequest request) {
    applyIfLive(request, () -> new Command.ExpireHold(now(), request.session(), request.id));
  }

  /** Ends a wait whose patience is over, and tells who was in the way. */
  void timeOut(InProcessRequest request) {
    Notices notices = new Notices();
    mutex.lock();
    try {
      if (request.isWaiting()) {
        List<RequestView> inTheWay =
            table.holdersInTheWay(request.session(), request.id, LOOKS_FOR_HOLDERS);
        String hint = isInItsOwnWay(request) ? THIS_THREAD : "";
        notices.add(() -> request.complete(new AcquireOutcome.Busy(holders(inTheWay), hint)));
        apply(new Command.Cancel(now(), request.session(), request.id), notices);
      }
    } finally {
      mutex.unlock();
    }
    notices.run();
  }

  void close(InProcessSession session) {
    Notices notices = new Notices();
    mutex.lock();
    try {
      apply(new Command.CloseSession(now(), session.id()), notices);
    } finally {
      mutex.unlock();
    }
    notices.run();
  }

  boolean forceRelease(LockKey key, long token) {
    Notices notices = new Notices();
    boolean revoked;
    mutex.lock();
    try {
      revoked = apply(new Command.Revoke(now(), key, token), notices) instanceof Event.Lost;
    } finally {
      mutex.unlock();
    }
    notices.run();
    return revoked;
  }

  LockDescription describe(LockKey key) {
    return describe(read(() -> table.describe(key)));
  }

  LockList list(String prefix) {
    return toList(read(() -> table.list(prefix, LockClient.MAX_LISTED + 1)));
  }

  LockList listTree(String tree) {
    return toList(read(() -> table.listTree(tree, LockClient.MAX_LISTED + 1)));
  }

  /** Holders as users see them. */
  List<Holder> holders(List<RequestView> views) {
    return views.stream()
        .map(
            view ->
                new Holder(
                    view.client(),
                    view.targets(),
                    OptionalLong.of(view.token()),
                    instant(view.since()),
                    view.until() == Command.FOREVER
                        ? Optional.empty()
                        : Optional.of(instant(view.until())),
                    view.data()))
        .toList();
  }

  /** A moment of the table's, on the ticker. */
  long nanos(long tableTime) {
    return originNanos + tableTime;
  }

  /** A reading of the ticker as holders count. Who sleeps with the table loses nothing by it. */
  long holderNanos(long nanos) {
    return nanos - ticker.nanos() + ticker.holderNanos();
  }

  private LockDescription describe(KeyView view) {
    int most = LockClient.MAX_DESCRIBED;
    return new LockDescription(
        view.key(),
        holders(view.holders()).stream().limit(most).toList(),
        view.waiters().stream()
            .limit(most)
            .map(
                waiter ->
                    new Waiter(
                        waiter.client(), waiter.targets(), instant(waiter.since()), waiter.data()))
            .toList(),
        view.holders().size() <= most && view.waiters().size() <= most);
  }

  private LockList toList(List<KeyView> views) {
    return new LockList(
        views.stream().limit(LockClient.MAX_LISTED).map(this::describe).toList(),
        views.size() <= LockClient.MAX_LISTED);
  }

  private Instant instant(long tableTime) {
    return originInstant.plusNanos(tableTime);
  }

  private long now() {
    return ticker.nanos() - originNanos;
  }

  /** Only the grants that follow from a release are dated by it: without them there is no need to ask the clock. */
  private long timeOfRelease() {
    return table.isAnybodyWaiting() ? now() : table.now();
  }

  private LockRefusedException tooMany() {
    return new LockRefusedException(
        "TOO_MANY_REQUESTS",
        "held and waited for are " + requests.size() + ", at most maxRequests " + maxRequests);
  }

  <T> T read(Supplier<T> query) {
    mutex.lock();
    try {
      return query.get();
    } finally {
      mutex.unlock();
    }
  }

  private void applyIfLive(InProcessRequest request, Supplier<Command> command) {
    Notices notices = new Notices();
    mutex.lock();
    try {
      if (!request.isEnded()) {
        apply(command.get(), notices);
      }
    } finally {
      mutex.unlock();
    }
    notices.run();
  }

  /** Applies a command and notes what it means for whom. Returns the first event, its answer. */
  private Event apply(Command command, Notices notices) {
    assert mutex.isHeldByCurrentThread();
    List<Event> events = table.apply(command);
    for (Event event : events) {
      InProcessRequest request = requests.find(event.request());
      if (request != null) {
        int holds = request.isHeld() ? -1 : 0;
        notices.add(request.note(event));
        holds += request.isHeld() ? 1 : 0;
        holdsOfThreads[number(request.callerThread())] += holds;
        if (request.isEnded()) {
          requests.remove(request);
        }
      }
    }
    return events.get(0);
  }

  /** Whether the thread that asked holds what it waits for, and so waits for itself. */
  private boolean isInItsOwnWay(InProcessRequest waiting) {
    long caller = waiting.callerThread();
    return caller != 0
        && holdsOfThreads[number(caller)] > 0
        && table.holdersInTheWay(waiting.session(), waiting.id, LOOKS_FOR_ITSELF).stream()
            .map(view -> requests.find(view.request()))
            .anyMatch(holder -> holder != null && holder.callerThread() == caller);
  }

  private static int number(long thread) {
    return (int) thread & (THREADS_TOLD_APART - 1);
  }

  private static final class Shared {
    static final InProcessLocks LOCKS = create();
  }

  /** What locks can be made with. */
  public static final class Builder {
    private Ticker ticker = Ticker.system();
    private long tokensAbove;
    private int maxRequests = 10_000_000;

    private Builder() {}

    /** The clock and timers; for tests, which turn time by hand. */
    public Builder ticker(Ticker ticker) {
      this.ticker = ticker;
      return this;
    }

    /**
     * The first token is larger than this; 0, the default, begins with 1.
     *
     * @throws InvalidRequestException if it is negative
     */
    public Builder tokensAbove(long token) {
      requireNotBelow("TOKEN_NEGATIVE", "tokensAbove", token, 0);
      this.tokensAbove = token;
      return this;
    }

    /**
     * So many requests may hold or wait at a time, 10 million by default; the next is refused ({@link
     * LockRefusedException}, {@code TOO_MANY_REQUESTS}).
     *
     * @throws InvalidRequestException if it is not positive
     */
    public Builder maxRequests(int maxRequests) {
      requireNotBelow("MAX_REQUESTS_NOT_POSITIVE", "maxRequests", maxRequests, 1);
      this.maxRequests = maxRequests;
      return this;
    }

    /** The locks. */
    public InProcessLocks build() {
      return new InProcessLocks(this);
    }

    private static void requireNotBelow(String reason, String field, long value, long least) {
      if (value < least) {
        throw new InvalidRequestException(reason, field + " " + value + " < " + least);
      }
    }
  }
}
