package io.holdfast.postgres;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.LockDescription;
import io.holdfast.LockException;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LossReason;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.postgres.AdvisorySession.Attempt;
import io.holdfast.postgres.PostgresRequest.State;
import io.holdfast.postgres.SessionTable.Place;
import io.holdfast.postgres.SessionTable.Round;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One client's locks in PostgreSQL: advisory locks of a few sessions of its own. {@link SessionTable} decides, this does what
 * follows: statements, threads, the watch.
 *
 * <p>A caller that waits for its answer runs its own short statement; everything else that blocks runs on threads of the
 * store: {@link #CALL_THREADS} for short statements, up to two for each session for waits and pings, one that watches.
 */
final class PostgresStore implements LockStore {
  /*
   * All decisions are made under one mutex, and never with I/O; what follows from them is carried out after (Decision).
   */

  /** Beside the first session. So many waits at a time need no polling. */
  static final int DEFAULT_SESSIONS = 4;

  static final int MOST_SESSIONS = 64;

  private static final int CALL_THREADS = 2;

  private final ConnectionSource source;
  private final PostgresLocks locks;
  private final ClientOptions options;
  private final Ticker ticker;
  private final Set<Capability> capabilities;
  private final ThreadPoolExecutor calls = Threads.pool("holdfast-postgres-call", CALL_THREADS);
  private final ThreadPoolExecutor waits;

  private final ReentrantLock mutex = new ReentrantLock();
  private final Condition somethingToWatch = mutex.newCondition();

  // Guarded by the mutex.
  private final SessionTable table;

  /** There is nothing to watch over: who brings something wakes the watch. */
  private boolean isWatchResting;

  /** Under way, and perhaps nobody waits for them: then the watch sends them. */
  private final Queue<Errand> releases = new ConcurrentLinkedQueue<>();

  private PostgresStore(PostgresLocks locks, ClientOptions options) {
    this.source = new BoundedSource(locks.source());
    this.locks = locks;
    this.options = options;
    this.ticker = options.ticker();
    this.table = new SessionTable(new Errands(), ticker, locks.maxSessions(), options.name());
    this.waits = Threads.pool("holdfast-postgres-wait", 2 * locks.maxSessions());
    EnumSet<Capability> can = EnumSet.of(Capability.SHARED, Capability.ALL);
    if (locks.tokens() != PostgresTokens.NONE) {
      can.add(Capability.FENCING);
      can.add(Capability.DURABLE_TOKENS);
    }
    this.capabilities = Collections.unmodifiableSet(can);
  }

  /**
   * Opens the first session.
   *
   * @throws LockException if the server cannot be reached, or is one where locks would exclude nobody
   */
  static PostgresStore open(PostgresLocks locks, ClientOptions options) {
    PostgresStore store = new PostgresStore(locks, options);
    store.table.begin(store.openSession());
    Threads.daemon("holdfast-postgres-watch", store::watch).start();
    return store;
  }

  @Override
  public String name() {
    return "PostgreSQL";
  }

  @Override
  public Set<Capability> capabilities() {
    return capabilities;
  }

  /** Of sessions the server knows keys and processes, no names and no records. */
  @Override
  public UnsupportedOperationException missing(Capability capability) {
    return switch (capability) {
      case DESCRIBE ->
          capability.missingIn(name(), "use mode=rows, or ask pg_locks as docs/postgres.md shows");
      case LIST -> capability.missingIn(name(), "use mode=rows; pg_locks has keys, but no names");
      case FORCE_RELEASE ->
          capability.missingIn(
              name(),
              "use mode=rows, or end a session with pg_terminate_backend, and all that it holds");
      case DATA -> capability.missingIn(name(), "use mode=rows, or leave the data out");
      case SHARED, ALL, TREE, WAITERS, FENCING, DURABLE_TOKENS, LEASES, FAIR, PUSH ->
          capability.missingIn(name());
    };
  }

  @Override
  public LockDescription describe(LockKey key) {
    throw missing(Capability.DESCRIBE);
  }

  @Override
  public LockList list(String prefix) {
    throw missing(Capability.LIST);
  }

  @Override
  public LockList listTree(String tree) {
    throw missing(Capability.LIST);
  }

  @Override
  public boolean forceRelease(LockKey key, long token) {
    throw missing(Capability.FORCE_RELEASE);
  }

  Ticker ticker() {
    return ticker;
  }

  long tokenOf(PostgresRequest request) {
    if (locks.tokens() == PostgresTokens.NONE) {
      throw missing(Capability.FENCING);
    }
    return request.token;
  }

  // ------------------------------------------------------------------------------------------------- asking

  @Override
  public CompletableFuture<AcquireOutcome> acquire(AcquireRequest asked) {
    List<Claim> claims;
    try {
      claims = Claim.of(asked.targets(), locks.keys());
    } catch (LockException e) {
      return CompletableFuture.failedFuture(e);
    }
    PostgresRequest request =
        new PostgresRequest(this, asked, claims, ticker.nanos() + asked.maxWaitNanos());
    // A thread that waits for the answer may as well fetch it.
    boolean fetches =
        asked.callerThread() != 0
            && asked.callerThread() == Thread.currentThread().getId()
            && Threads.mayBlock();
    request.isFetched = fetches;
    if (decided(decision -> table.arrive(request, fetches, decision))) {
      askHere(request);
    }
    serveHere(request);
    request.isFetched = false;
    return request;
  }

  /**
   * Asks once in the caller's thread, on a session that is there. Whatever takes longer than an answer does, such as opening
   * a session, is for others: the caller may be interrupted, or run out of patience.
   */
  private void askHere(PostgresRequest request) {
    Optional<AdvisorySession> there = decided(decision -> table.sessionThere(request));
    if (there.isEmpty() || !isAnswered(request, there.get())) {
      execute(waits, () -> ask(request));
    }
  }

  /** Runs the statement that takes it if it is free. Blocks, also to open a session. */
  private void ask(PostgresRequest request) {
    try {
      AdvisorySession session = reserve(request);
      while (session != null && !isAnswered(request, session)) {
        session = reserve(request);
      }
    } catch (RuntimeException e) {
      decide(decision -> table.fail(request, e, decision));
    } catch (Error e) {
      decide(decision -> table.fail(request, new IllegalStateException(e), decision));
      throw e;
    }
  }

  /** Asks once; whether that settled it. If not, it is to be asked for again. */
  private boolean isAnswered(PostgresRequest request, AdvisorySession session) {
    try {
      Attempt attempt = session.attempt(request.claims);
      decide(decision -> table.settle(request, session, attempt, decision));
      return true;
    } catch (SQLException e) {
      return !isToBeRepeated(request, session, e);
    } catch (RuntimeException e) {
      endSession(session, LossReason.CONNECTION_LOST);
      decide(decision -> table.fail(request, e, decision));
      return true;
    }
  }

  /** Sorts out what a failed statement has left. Blocks. */
  private boolean isToBeRepeated(PostgresRequest request, AdvisorySession session, SQLException e) {
    boolean isOver = isOver(session, e) || !isCleanedUp(session, request.claims);
    if (isOver) {
      endSession(session, LossReason.CONNECTION_LOST);
    }
    return decided(decision -> table.isAskedAgain(request, session, isOver, e, decision));
  }

  private static boolean isOver(AdvisorySession session, SQLException e) {
    return session.over != null || Failures.endsSession(e);
  }

  /** Gives back what a failed statement may have taken; if that cannot be, the session is to be ended. Blocks. */
  private boolean isCleanedUp(AdvisorySession session, List<Claim> claims) {
    if (!decided(decision -> table.beginCleanUp(session, claims))) {
      return false;
    }
    try {
      session.cleanUp(claims);
    } catch (SQLException e) {
      return false;
    }
    decide(decision -> table.cleanedUp(session));
    return true;
  }

  /**
   * A session for a statement that takes the request's claims, which are counted as used there from now on. May open one, and
   * blocks then.
   *
   * @return null if the request has been dealt with
   */
  private @Nullable AdvisorySession reserve(PostgresRequest request) {
    while (true) {
      Place place = decided(decision -> table.reserve(request, decision));
      if (!place.isToBeOpened()) {
        return place.session();
      }
      Optional<AdvisorySession> opened = open(request.claims);
      if (opened.isPresent()) {
        return opened.get();
      }
    }
  }

  /**
   * Opens a session that is counted as being opened. Blocks for a bounded time.
   *
   * @param uses what it is opened for, and counts as used there from the first moment
   * @return empty if none could be had, but there are others
   * @throws RuntimeException if there are no others
   */
  private Optional<AdvisorySession> open(List<Claim> uses) {
    AdvisorySession session;
    try {
      session = openSession();
    } catch (LockException e) {
      if (decided(decision -> table.hasNotOpened(e, decision))) {
        throw e;
      }
      return Optional.empty();
    } catch (Error e) {
      decide(decision -> table.hasNotOpened(new IllegalStateException(e), decision));
      throw e;
    }
    if (!decided(decision -> table.hasOpened(session, uses, decision))) {
      session.abort();
      throw table.closedClient();
    }
    return Optional.of(session);
  }

  private AdvisorySession openSession() {
    return AdvisorySession.open(source, locks, options.name(), ticker);
  }

  // ------------------------------------------------------------------------------------------------- waiting

  private void openToWait() {
    try {
      open(List.of());
    } catch (RuntimeException e) {
      // Polling will meet it, and tell those who wait.
    }
    decide(table::serveSomebody);
  }

  /**
   * Waits in the caller's thread, which saves the way to another and back in each hand-over. A thread that reads from a socket
   * does not feel an interrupt: the watch looks for it, and ends the slice; then another thread waits on.
   */
  private void serveHere(PostgresRequest request) {
    // Again if it was granted what it waited for, and something else of what it wants was busy.
    for (AdvisorySession session = request.servedHere;
        session != null;
        session = request.servedHere) {
      request.servedHere = null;
      serve(session, request);
    }
  }

  /** Lets somebody wait in a session, slice by slice. Blocks for as long as that takes. */
  private void serve(AdvisorySession session, PostgresRequest request) {
    boolean goesOn = true;
    while (goesOn) {
      if (session.waiter == Thread.currentThread() && Thread.currentThread().isInterrupted()) {
        session.waiter = null;
        execute(waits, () -> serve(session, request));
        return;
      }
      if (request.isDone() || request.state != State.WAITING) {
        decide(decision -> table.stopServing(session, decision));
        return;
      }
      long left = Math.max(0, request.impatientAtNanos - ticker.nanos());
      // Rounded up: patience does not end early.
      long slice = Math.min(TimeUnit.NANOSECONDS.toMillis(left) + 1, session.sliceMillis());
      try {
        Attempt attempt = session.await(request.claims, request.blockedOn, slice);
        boolean isTooLate = !attempt.isGranted() && table.isImpatient(request);
        AdvisoryKey busy = request.claims.get(Math.max(0, attempt.inTheWay())).key();
        String holders = isTooLate ? session.holders(busy) : "";
        goesOn =
            decided(decision -> table.settleWait(session, request, attempt, holders, decision));
      } catch (SQLException e) {
        boolean isOver = isOver(session, e) || !isCleanedUp(session, request.claims);
        if (isOver) {
          endSession(session, LossReason.CONNECTION_LOST);
        }
        goesOn = !isOver && Failures.isCancel(e);
        if (!goesOn) {
          decide(decision -> table.waitFailed(session, request, isOver, e, decision));
        }
      } catch (RuntimeException | Error e) {
        endSession(session, LossReason.CONNECTION_LOST);
        decide(decision -> table.waitFailed(session, request, true, new SQLException(e), decision));
        if (e instanceof Error) {
          throw e;
        }
        return;
      }
    }
  }

  /** Asks for all who wait without a session of their own. Blocks. */
  private void poll() {
    boolean isSomebodyGranted = false;
    for (PostgresRequest request : decided(decision -> table.beginPoll())) {
      if (decided(decision -> table.isPolled(request))) {
        ask(request);
        isSomebodyGranted |= request.state == State.HELD;
      }
    }
    boolean isSooner = isSomebodyGranted;
    decide(decision -> table.endPoll(isSooner, decision));
  }

  // ------------------------------------------------------------------------------------------------- leaving and releasing

  /** Whoever asked has given up. */
  void leave(PostgresRequest request) {
    decide(decision -> table.leave(request, decision));
  }

  CompletableFuture<Void> release(PostgresRequest request) {
    Optional<AdvisorySession> session = decided(decision -> table.release(request));
    if (session.isEmpty()) {
      return CompletableFuture.completedFuture(null);
    }
    Errand errand = new Errand(() -> giveBack(request, session.get()), calls);
    releases.add(errand);
    if (table.isClosed()) {
      sendReleases(); // the watch has ended, and close() may have looked before
    }
    return errand;
  }

  /** Blocks. */
  private void giveBack(PostgresRequest request, AdvisorySession session) {
    try {
      giveBack(session, request.claims);
    } finally {
      decide(decision -> table.end(request, decision));
    }
  }

  /**
   * Gives back what counts as used in a session. Blocks.
   *
   * @throws UncertainOutcomeException if the server did not answer
   */
  private void giveBack(AdvisorySession session, List<Claim> claims) {
    try {
      unlock(session, claims);
    } catch (SQLException e) {
      // Whatever it was: with the session ends what it holds.
      endSession(session, LossReason.CONNECTION_LOST);
      if (table.isClosed()) {
        return; // the end of the client has given it back
      }
      throw new UncertainOutcomeException(
          "the connection broke in the release of "
              + claims.stream().map(Claim::name).toList()
              + "; the server frees them when it sees that: "
              + Failures.line(e),
          e);
    } finally {
      decide(decision -> table.gaveBack(session, claims, decision));
    }
  }

  private void unlock(AdvisorySession session, List<Claim> claims) throws SQLException {
    try {
      if (!session.unlock(claims)) {
        // Then others may have held it, too, and nothing that is counted here can be believed.
        throw new SQLException("the session did not hold it");
      }
    } catch (SQLException e) {
      // An operator's cancel was meant for something else.
      if (!Failures.isCancel(e) || !isCleanedUp(session, claims)) {
        throw e;
      }
    }
  }

  // ------------------------------------------------------------------------------------------------- the end of sessions

  private void endSession(AdvisorySession session, LossReason reason) {
    decide(decision -> table.endSession(session, reason, decision));
  }

  /** Looks after sessions that have something to lose, until the client is closed. */
  private void watch() {
    while (!table.isClosed()) {
      Round round;
      mutex.lock();
      try {
        round = table.watch();
        isWatchResting = round.isResting();
        Duration pause = isWatchResting ? Duration.ofSeconds(1) : AdvisorySession.LOOK_EVERY;
        somethingToWatch.awaitNanos(pause.toNanos());
      } catch (InterruptedException e) {
        return; // nobody interrupts it but who ends the process
      } finally {
        mutex.unlock();
      }
      sendReleases();
      for (AdvisorySession session : round.interrupted()) {
        execute(calls, session::cancelWait);
      }
      for (AdvisorySession session : round.idle()) {
        execute(waits, session::close); // takes a trip, or the time of silence
      }
      for (AdvisorySession session : round.watched()) {
        lookAfter(session);
      }
    }
  }

  /** An answer that does not come must not keep others from being asked: asking is done elsewhere. */
  private void lookAfter(AdvisorySession session) {
    try {
      if (session.look()) {
        execute(waits, () -> ping(session));
      }
    } catch (SQLException e) {
      wentWrong(session, e);
    } catch (RuntimeException | Error e) {
      // Somebody's listener perhaps. The others are looked after nevertheless.
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
    }
  }

  private void sendReleases() {
    for (Errand release = releases.poll(); release != null; release = releases.poll()) {
      release.send();
    }
  }

  private void ping(AdvisorySession session) {
    try {
      session.ping();
    } catch (SQLException e) {
      wentWrong(session, e);
    }
  }

  private void wentWrong(AdvisorySession session, SQLException e) {
    if (isOver(session, e)) {
      endSession(session, LossReason.CONNECTION_LOST);
    }
  }

  @Override
  public void close() {
    List<AdvisorySession> open = decided(table::close);
    // Threads of their own: those of the store may be waiting in these very sessions.
    List<CompletableFuture<Void>> closing = new ArrayList<>();
    for (AdvisorySession session : open) {
      CompletableFuture<Void> end = new CompletableFuture<>();
      closing.add(end);
      Threads.daemon(
              "holdfast-postgres-close",
              () -> {
                session.cancelWait();
                session.close();
                end.complete(null);
              })
          .start();
    }
    CompletableFuture.allOf(closing.toArray(CompletableFuture[]::new))
        .completeOnTimeout(null, AdvisorySession.SILENCE.toMillis(), TimeUnit.MILLISECONDS)
        .join();
    for (AdvisorySession session : open) {
      session.abort();
    }
    sendReleases(); // there is nothing left to give back, but perhaps somebody to tell
    calls.shutdown();
    waits.shutdown();
  }

  // ------------------------------------------------------------------------------------------------- deciding

  private void decide(Consumer<Decision> thought) {
    decided(
        decision -> {
          thought.accept(decision);
          return true;
        });
  }

  private <T> T decided(Function<Decision, T> thought) {
    Decision decision = new Decision();
    T answer;
    mutex.lock();
    try {
      answer = thought.apply(decision);
    } finally {
      mutex.unlock();
    }
    decision.carryOut();
    return answer;
  }

  /** After the end of the client there is nothing left to do, and nobody to do it. */
  private void execute(Executor threads, Runnable task) {
    try {
      threads.execute(task);
    } catch (RejectedExecutionException e) {
      // the client is closed
    }
  }

  /** What the table leaves to do. */
  private final class Errands implements SessionTable.Work {
    @Override
    public void decide(Consumer<Decision> thought) {
      PostgresStore.this.decide(thought);
    }

    @Override
    public void ask(PostgresRequest request) {
      execute(calls, () -> PostgresStore.this.ask(request));
    }

    @Override
    public void serve(AdvisorySession session, PostgresRequest request) {
      execute(waits, () -> PostgresStore.this.serve(session, request));
    }

    @Override
    public void cancelWait(AdvisorySession session, PostgresRequest request) {
      execute(
          calls,
          () -> {
            if (session.serves == request) {
              session.cancelWait();
            }
          });
    }

    @Override
    public void openToWait() {
      execute(waits, PostgresStore.this::openToWait);
    }

    @Override
    public void poll() {
      execute(calls, PostgresStore.this::poll);
    }

    @Override
    public void giveBack(PostgresRequest request, AdvisorySession session) {
      new Errand(() -> PostgresStore.this.giveBack(request, session), calls).send();
    }

    @Override
    public void giveBack(AdvisorySession session, List<Claim> claims) {
      new Errand(() -> PostgresStore.this.giveBack(session, claims), calls).send();
    }

    @Override
    public void abort(AdvisorySession session) {
      execute(calls, session::abort);
    }

    @Override
    public void wakeWatch() {
      if (isWatchResting) {
        somethingToWatch.signal();
      }
    }
  }
}
