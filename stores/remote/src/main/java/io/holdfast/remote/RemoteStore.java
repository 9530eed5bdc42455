package io.holdfast.remote;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.LockClient;
import io.holdfast.LockDescription;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockRefusedException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.ClientCore;
import io.holdfast.remote.internal.ErrorCode;
import io.holdfast.remote.internal.Question;
import io.holdfast.remote.internal.SessionCore;
import io.holdfast.remote.internal.Wire;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One client of the lock servers: {@link ClientCore} with a mutex around it, gRPC below it and futures above it.
 *
 * <p>A session for each {@code leaseDuration} in use, up to {@value #MAX_LEASES}. When one is lost, its holds are; what is
 * asked later begins another.
 *
 * <p>Thread-safe. Has no threads of its own: it runs in those that call it, that of the ticker, and gRPC's.
 */
final class RemoteStore implements LockStore {
  /** A client uses at most so many different lease durations. */
  static final int MAX_LEASES = 16;

  /** A client has at most so many requests that wait or hold. */
  static final int MAX_REQUESTS = 1_000_000;

  /** How often the mutex is looked at before a thread goes to sleep over it. */
  private static final int LOOKS_AT_MUTEX = 100;

  /** How long closing waits for the server to confirm. */
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(1);

  private static final Set<Capability> CAPABILITIES =
      Collections.unmodifiableSet(EnumSet.allOf(Capability.class));

  /*
   * The core decides under the mutex, and says what is to be done: messages go to the outbox, and whom to tell to the
   * notices. Both are done after the mutex is released. Messages must stay in order, so one thread at a time empties the
   * outbox, and whoever finds it at that leaves its own to it. That is the thread that serves the stream, where there is one:
   * until it comes to it, many have something to say, and all of it goes at one go. Notices have no order among threads; those
   * they tell know how to take that.
   */
  private final ReentrantLock mutex = new ReentrantLock();

  // Guarded by the mutex.
  private final ClientCore core;
  private final Map<Long, SessionCore> sessions = new HashMap<>();
  private Notices notices = new Notices();
  private boolean hasNotices;
  private Queue<Runnable> outbox = new ArrayDeque<>();
  private boolean isSending;
  private boolean isClosed;
  private @Nullable Error failure;
  private String failedServer = "";

  private final ServerUrl url;
  private final ClientOptions options;
  private final Ticker ticker;
  private final Streams streams;

  /** Completes when the first session is open, or will not be. */
  private final CompletableFuture<Void> connected = new CompletableFuture<>();

  /** Completes when the server has confirmed that all sessions are closed. */
  private final CompletableFuture<Void> quiet = new CompletableFuture<>();

  private RemoteStore(ServerUrl url, ClientOptions options, Streams.Opener opener) {
    this.url = url;
    this.options = options;
    this.ticker = options.ticker();
    this.streams = opener.open(new Inbox());
    this.core =
        new ClientCore(
            url.servers(),
            url.namespace(),
            options.name(),
            new SecureRandom(),
            new SerialTicker(),
            new OutboxWire(),
            this::failed);
  }

  /**
   * Opens the first session.
   *
   * @throws StoreUnavailableException if no server that leads is found in time
   * @throws LockRefusedException if the servers will not have this client
   */
  static RemoteStore connect(ServerUrl url, ClientOptions options, Streams.Opener opener) {
    RemoteStore store = new RemoteStore(url, options, opener);
    store.within(
        () -> {
          store.core.start();
          store.session(leaseMillis(options.holds().leaseDuration()));
        });
    Ticker.Alarm impatience =
        store.ticker.schedule(
            store.ticker.nanosIn(url.connectTimeout()),
            () -> store.connected.completeExceptionally(store.unavailable()));
    try {
      store.connected.join();
    } catch (CompletionException e) {
      store.close();
      throw unwrap(e);
    } finally {
      impatience.cancel();
    }
    return store;
  }

  @Override
  public String name() {
    return "holdfast";
  }

  @Override
  public Set<Capability> capabilities() {
    return CAPABILITIES;
  }

  @Override
  public CompletableFuture<AcquireOutcome> acquire(AcquireRequest request) {
    long patience =
        request.maxWaitNanos() > 0 ? request.maxWaitNanos() : SessionCore.TRY_PATIENCE_NANOS;
    RemoteRequest made =
        new RemoteRequest(this, request, WireForm.wish(request, ticker.holderNanos() + patience));
    within(() -> ask(made));
    return made;
  }

  @Override
  public LockDescription describe(LockKey key) {
    return ask(
        asker -> core.describe(WireForm.toWire(key), asker),
        locks -> WireForm.description(locks.locks.get(0)));
  }

  @Override
  public LockList list(String prefix) {
    return ask(asker -> core.list(prefix, asker), RemoteStore::toList);
  }

  @Override
  public LockList listTree(String tree) {
    return ask(asker -> core.listTree(tree, asker), RemoteStore::toList);
  }

  @Override
  public boolean forceRelease(LockKey key, long token) {
    return forceRelease(key, token, "");
  }

  @Override
  public boolean forceRelease(LockKey key, long token, String reason) {
    return ask(
        asker -> core.forceRelease(WireForm.toWire(key), token, reason, asker),
        told -> told.released);
  }

  @Override
  public void close() {
    within(this::beginToClose);
    Ticker.Alarm impatience =
        ticker.schedule(ticker.nanosIn(CLOSE_PATIENCE), () -> quiet.complete(null));
    quiet.join();
    impatience.cancel();
    within(core::abandon);
  }

  // ------------------------------------------------------------------------------------------------- for requests

  Ticker ticker() {
    return ticker;
  }

  /** What whoever asks this client for something after its end is told. */
  IllegalStateException closed() {
    return new IllegalStateException("client " + options.name() + " is closed");
  }

  /** No server that leads could be asked. */
  StoreUnavailableException unavailable() {
    return within(
        () ->
            new StoreUnavailableException(
                "no leader among "
                    + String.join(", ", url.servers())
                    + (failure == null ? "" : "; " + failedServer + ": " + Failures.line(failure)),
                Failures.cause(failure)));
  }

  /** Why the connection broke last, as a cause. With the mutex held. */
  Throwable lastFailure() {
    assert mutex.isHeldByCurrentThread();
    return Failures.cause(failure);
  }

  /** Asks for a request in the session that is there for its lease. With the mutex held. */
  void ask(RemoteRequest request) {
    assert mutex.isHeldByCurrentThread();
    if (isClosed) {
      request.closed();
      return;
    }
    AcquireRequest asked = request.asked();
    SessionCore session = session(leaseMillis(asked.options().leaseDuration()));
    int requests = 0;
    for (SessionCore each : sessions.values()) {
      requests += each.size();
    }
    if (session == null) {
      request.refused(
          refusal(
              "TOO_MANY_LEASES",
              "different leaseDurations in use are "
                  + sessions.size()
                  + ", at most "
                  + MAX_LEASES));
    } else if (requests >= MAX_REQUESTS) {
      request.refused(
          refusal(
              "TOO_MANY_REQUESTS",
              "held and waited for are " + requests + ", at most " + MAX_REQUESTS));
    } else {
      request.askedIn(session, session.acquire(request.wish(), request));
    }
  }

  /** Has something run after the mutex is released. With the mutex held. */
  void notice(Runnable notice) {
    assert mutex.isHeldByCurrentThread();
    notices.add(notice);
    hasNotices = true;
  }

  /** Runs something with the mutex held, then does what the core has said is to be done. */
  void within(Runnable work) {
    within(
        () -> {
          work.run();
          return true;
        });
  }

  private <T> T within(Supplier<T> work) {
    Notices due = null;
    boolean sends = false;
    enter();
    try {
      return work.get();
    } finally {
      if (mutex.getHoldCount() == 1) {
        if (isClosed && core.isQuiet()) {
          notice(() -> quiet.complete(null));
        }
        if (hasNotices) {
          due = notices;
          notices = new Notices();
          hasNotices = false;
        }
        if (!isSending && !outbox.isEmpty()) {
          isSending = true;
          sends = true;
        }
      }
      mutex.unlock();
      if (sends && !streams.soon(this::send)) {
        send();
      }
      if (due != null) {
        due.run();
      }
    }
  }

  /** Sections are shorter than it takes to wake a thread: so whoever finds the mutex taken looks again before it sleeps. */
  private void enter() {
    for (int i = 0; i < LOOKS_AT_MUTEX; i++) {
      if (mutex.tryLock()) {
        return;
      }
      Thread.onSpinWait();
    }
    mutex.lock();
  }

  /** Sends what there is, until there is nothing more. */
  private void send() {
    Queue<Runnable> taken = takeOutbox();
    while (taken != null) {
      taken.forEach(Runnable::run);
      streams.flush();
      taken = takeOutbox();
    }
  }

  /** What is to be sent, for the one thread that sends; null if there is nothing, then nobody does. */
  private @Nullable Queue<Runnable> takeOutbox() {
    enter();
    try {
      isSending = !outbox.isEmpty();
      if (!isSending) {
        return null;
      }
      Queue<Runnable> taken = outbox;
      outbox = new ArrayDeque<>();
      return taken;
    } finally {
      mutex.unlock();
    }
  }

  private void beginToClose() {
    if (!isClosed) {
      isClosed = true;
      core.close();
    }
  }

  // ------------------------------------------------------------------------------------------------- sessions

  /** The session for a lease, begun if there is none; null if there are too many. */
  private @Nullable SessionCore session(long leaseMillis) {
    SessionCore session = sessions.get(leaseMillis);
    if (session != null && session.isUsable()) {
      return session;
    }
    if (session == null && sessions.size() >= MAX_LEASES) {
      return null;
    }
    SessionCore opened = core.openSession(leaseMillis, new SessionListener());
    sessions.put(leaseMillis, opened);
    return opened;
  }

  private static long leaseMillis(Duration lease) {
    return lease.toMillis();
  }

  private void failed(String server, Error error, boolean isVerdict) {
    failure = error;
    failedServer = server;
    if (isVerdict) {
      notice(() -> connected.completeExceptionally(Failures.of(error)));
    }
  }

  private static Error refusal(String reason, String message) {
    return Error.newBuilder()
        .setCode(ErrorCode.RESOURCE_EXHAUSTED)
        .setReason(reason)
        .setMessage(message)
        .build();
  }

  private final class SessionListener implements SessionCore.Listener {
    @Override
    public void opened(SessionCore session) {
      notice(() -> connected.complete(null));
    }

    @Override
    public void ended(SessionCore session, LossReason reason) {
      // A later request finds that it is of no use any more, and begins another.
    }

    @Override
    public void refused(SessionCore session, Error error) {
      notice(() -> connected.completeExceptionally(Failures.of(error)));
    }
  }

  // ------------------------------------------------------------------------------------------------- questions

  /** What was answered to a question: of locks, or of taking one away. */
  private record Told(List<LockState> locks, boolean isTruncated, boolean released) {}

  private <T> T ask(Consumer<Question.Asker> question, Function<Told, T> read) {
    CompletableFuture<Told> answer = new CompletableFuture<>();
    within(
        () -> {
          if (isClosed) {
            throw closed();
          }
          question.accept(new Asker(answer));
        });
    try {
      return read.apply(answer.join());
    } catch (CompletionException e) {
      throw unwrap(e);
    }
  }

  private static LockList toList(Told told) {
    return new LockList(
        told.locks.stream().limit(LockClient.MAX_LISTED).map(WireForm::description).toList(),
        !told.isTruncated && told.locks.size() <= LockClient.MAX_LISTED);
  }

  private static RuntimeException unwrap(CompletionException wrapper) {
    return wrapper.getCause() instanceof RuntimeException failure ? failure : wrapper;
  }

  private final class Asker implements Question.Asker {
    private final CompletableFuture<Told> answer;

    Asker(CompletableFuture<Told> answer) {
      this.answer = answer;
    }

    @Override
    public void told(List<LockState> locks, boolean truncated) {
      notice(() -> answer.complete(new Told(locks, truncated, false)));
    }

    @Override
    public void taken(boolean released) {
      notice(() -> answer.complete(new Told(List.of(), false, released)));
    }

    @Override
    public void refused(Error error) {
      notice(() -> answer.completeExceptionally(Failures.of(error)));
    }

    @Override
    public void unanswered(boolean wasPerhapsDone) {
      RuntimeException failed;
      if (isClosed) {
        failed = closed();
      } else if (wasPerhapsDone) {
        failed =
            new UncertainOutcomeException(
                "whether the lock was taken away is unknown: no answer came", lastFailure());
      } else {
        failed = unavailable();
      }
      notice(() -> answer.completeExceptionally(failed));
    }
  }

  // ------------------------------------------------------------------------------------------------- around the core

  /** Alarms that go off with the mutex held. All that a client counts, it counts as a holder. */
  private final class SerialTicker implements Ticker {
    @Override
    public long nanos() {
      return ticker.holderNanos();
    }

    @Override
    public Instant instant() {
      return ticker.instant();
    }

    @Override
    public Alarm schedule(long deadlineNanos, Runnable task) {
      long left = deadlineNanos - ticker.holderNanos();
      return ticker.schedule(ticker.nanos() + left, () -> within(task));
    }
  }

  /** Writes down, in order, what is to be said on which stream. */
  private final class OutboxWire implements Wire {
    @Override
    public void open(long stream, String address) {
      add(stream, () -> streams.open(stream, address));
    }

    @Override
    public void say(long stream, ClientMessage message) {
      add(stream, () -> streams.say(stream, message));
    }

    @Override
    public void close(long stream) {
      add(stream, () -> streams.close(stream));
    }

    /** A stream that throws is broken, and what comes after it is sent all the same: heartbeats above all. */
    private void add(long stream, Runnable message) {
      outbox.add(
          () -> {
            try {
              message.run();
            } catch (RuntimeException e) {
              within(() -> core.broken(stream, ErrorCode.unavailable(String.valueOf(e)), ""));
            }
          });
    }
  }

  /** Takes what servers say to the core. */
  private final class Inbox implements Streams.Listener {
    @Override
    public void received(long stream, ServerMessage message) {
      within(() -> core.received(stream, message));
    }

    @Override
    public void broken(long stream, Error error, String leader) {
      within(() -> core.broken(stream, error, leader));
    }
  }
}
