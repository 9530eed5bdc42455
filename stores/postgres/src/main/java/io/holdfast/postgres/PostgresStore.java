package io.holdfast.postgres;

import io.holdfast.Capability;
import io.holdfast.ClientOptions;
import io.holdfast.LockDescription;
import io.holdfast.LockException;
import io.holdfast.LockKey;
import io.holdfast.LockList;
import io.holdfast.LockRefusedException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.UncertainOutcomeException;
import io.holdfast.postgres.AdvisorySession.Attempt;
import io.holdfast.postgres.PostgresRequest.State;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.AcquireRequest;
import io.holdfast.spi.LockStore;
import io.holdfast.spi.Ticker;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One client's locks in PostgreSQL: advisory locks of a few sessions of its own.
 *
 * <p>A caller that waits for its answer runs its own short statement; everything else that blocks runs on threads of the
 * store: {@link #CALL_THREADS} for short statements, up to two for each session for waits and pings, one that watches.
 */
final class PostgresStore implements LockStore {
  /*
   * Sessions. PostgreSQL counts the locks of a session, so one can hold any number of them, but grants a session what it
   * holds already: it must never be asked twice for one key (but for sharing, see below). The first session carries
   * whatever is had without waiting. A wait blocks its session, so it gets one to itself, that holds nothing meanwhile and
   * keeps the lock that it was granted. When all sessions have something to do, who waits is asked for again and again on
   * the first one.
   *
   * Lines. Of one key only the first in this client's line is asked for at the server; the others need no session. When the
   * first has its lock, the next is asked for: it competes with other processes, and no process passes its lock on to
   * itself.
   *
   * Who may wait and wants a key that was busy lately does not try first: it queues at the server, if a session is there for
   * it. That saves a trip between a release and the place in the server's line for the next time. Every so often it tries
   * nevertheless, to see whether the key still is busy.
   *
   * A request for several keys is granted all or none, by one statement. It stands in the line of the key that was busy, waits
   * for that one alone, and holds nothing meanwhile.
   *
   * Several of this client may share a key. Each is asked for in a session that does not hold it, so that it waits behind a
   * writer that came first. Only if all sessions hold the key it is shared within one of them.
   *
   * All decisions are made under one mutex, and never with I/O; what follows from them is carried out after (Decision).
   */

  /** Beside the first session. So many waits at a time need no polling. */
  static final int DEFAULT_SESSIONS = 4;

  static final int MOST_SESSIONS = 64;

  /** Held, waited for and asked for at a time. */
  static final int MAX_REQUESTS = 100_000;

  private static final int CALL_THREADS = 2;

  /** So many times in a row who wants a key that was busy queues without trying. */
  private static final int BUSY_TIMES = 16;

  /** Keys that are known to have been busy; the others are forgotten. */
  private static final int MAX_BUSY_KEYS = 256;

  /** A request survives that all sessions there were are broken, and so many new ones; with the next it fails. */
  private static final int MAX_NEW_BREAKS = 2;

  private static final Duration FIRST_POLL = Duration.ofMillis(10);
  private static final Duration SLOWEST_POLL = Duration.ofMillis(100);
  private static final double SLOWER = 1.5;
  private static final double JITTER = 0.25;

  /** A session but the first that has had nothing to do for so long is closed. */
  private static final Duration IDLE_SESSION = Duration.ofSeconds(30);

  /** A session that is not open by then is not waited for. */
  static final Duration OPENING_TAKES = Duration.ofSeconds(10);

  /** After the server refused another session it is not asked for one for so long. */
  private static final Duration NO_SESSIONS = Duration.ofSeconds(10);

  private static final String THIS_THREAD =
      "this thread is in its own way: locks are not reentrant";

  private final ConnectionSource source;
  private final String where;
  private final PostgresKeys keys;
  private final PostgresTokens tokens;
  private final int maxSessions;
  private final ClientOptions options;
  private final Ticker ticker;
  private final Set<Capability> capabilities;
  private final ThreadPoolExecutor calls = Threads.pool("holdfast-postgres-call", CALL_THREADS);
  private final ThreadPoolExecutor waits;

  private final ReentrantLock mutex = new ReentrantLock();
  private final Condition somethingToWatch = mutex.newCondition();

  // Guarded by the mutex.
  private final List<AdvisorySession> sessions = new ArrayList<>();
  private final Map<AdvisoryKey, KeyLine> lines = new HashMap<>();
  private final Set<PostgresRequest> live = new LinkedHashSet<>();

  /** Wait, and no session is there for them; who was asked for longest ago first. */
  private final Set<PostgresRequest> unserved = new LinkedHashSet<>();

  /** Keys that were busy lately, and how many times they still count as such. */
  private final Map<AdvisoryKey, Integer> busyLately =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<AdvisoryKey, Integer> eldest) {
          return size() > MAX_BUSY_KEYS;
        }
      };

  /** Under way, and perhaps nobody waits for them: then the watch sends them. */
  private final Queue<Errand> releases = new ConcurrentLinkedQueue<>();

  /** Asked for, and there is no session; will be asked for when there is one. */
  private final Set<PostgresRequest> untilOpened = new LinkedHashSet<>();

  /** Sessions that are being opened; and those among them that nobody waits for any more. */
  private int opening;

  private int openingTooLong;

  /** There is nothing to watch over: who brings something wakes the watch. */
  private boolean isWatchResting;

  private long noSessionsUntilNanos;
  private Ticker.@Nullable Alarm pollAlarm;
  private Duration pollEvery = FIRST_POLL;
  private volatile boolean closed;

  private PostgresStore(PostgresLocks locks, ClientOptions options) {
    this.source = locks.source();
    this.where = locks.where();
    this.keys = locks.keys();
    this.tokens = locks.tokens();
    this.maxSessions = locks.maxSessions();
    this.options = options;
    this.ticker = options.ticker();
    this.noSessionsUntilNanos = ticker.nanos();
    this.waits = Threads.pool("holdfast-postgres-wait", 2 * maxSessions);
    EnumSet<Capability> can = EnumSet.of(Capability.SHARED, Capability.ALL);
    if (tokens != PostgresTokens.NONE) {
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
    store.sessions.add(store.openSession());
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

  @Override
  public LockDescription describe(LockKey key) {
    throw Capability.DESCRIBE.missingIn(name());
  }

  @Override
  public LockList list(String prefix) {
    throw Capability.LIST.missingIn(name());
  }

  @Override
  public LockList listTree(String tree) {
    throw Capability.LIST.missingIn(name());
  }

  @Override
  public boolean forceRelease(LockKey key, long token) {
    throw Capability.FORCE_RELEASE.missingIn(name());
  }

  Ticker ticker() {
    return ticker;
  }

  long tokenOf(PostgresRequest request) {
    if (tokens == PostgresTokens.NONE) {
      throw Capability.FENCING.missingIn(name());
    }
    return request.token;
  }

  // ------------------------------------------------------------------------------------------------- asking

  @Override
  public CompletableFuture<AcquireOutcome> acquire(AcquireRequest asked) {
    List<Claim> claims;
    try {
      claims = Claim.of(asked.targets(), keys);
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
    boolean[] isNext = new boolean[1];
    decide(
        decision -> {
          if (admit(request, decision)) {
            KeyLine line = lineOf(request, firstObstacle(request));
            join(request, line);
            PostgresRequest next = lookAt(line, decision);
            if (next == request && fetches) {
              isNext[0] = true;
            } else {
              ask(next, decision);
            }
            limitPatience(request);
          }
        });
    if (isNext[0]) {
      askHere(request);
    }
    serveHere(request);
    request.isFetched = false;
    return request;
  }

  private boolean admit(PostgresRequest request, Decision decision) {
    if (closed) {
      decision.tell(() -> request.completeExceptionally(closedClient()));
      return false;
    }
    if (live.size() >= MAX_REQUESTS) {
      LockRefusedException refused =
          new LockRefusedException(
              "TOO_MANY_REQUESTS",
              "held and waited for are " + live.size() + ", at most " + MAX_REQUESTS);
      decision.tell(() -> request.completeExceptionally(refused));
      return false;
    }
    for (Claim claim : request.claims) {
      KeyLine line = lines.get(claim.key());
      if (line != null && !line.name.equals(claim.name())) {
        decision.tell(
            () -> {
              try {
                Failures.requireSameName(claim.key(), line.name, claim.name());
              } catch (LockRefusedException e) {
                request.completeExceptionally(e);
              }
            });
        return false;
      }
    }
    for (Claim claim : request.claims) {
      lines.computeIfAbsent(claim.key(), key -> new KeyLine(key, claim.name())).interested++;
    }
    live.add(request);
    return true;
  }

  /** The claim in whose line the request has to stand: one that is held or waited for here, else any. */
  private int firstObstacle(PostgresRequest request) {
    int held = heldHere(request);
    if (held >= 0) {
      return held;
    }
    for (int i = 0; i < request.claims.size(); i++) {
      if (!lineOf(request, i).waiters.isEmpty()) {
        return i;
      }
    }
    return 0;
  }

  /** A claim of the request's that somebody of this client excludes, or -1. */
  private int heldHere(PostgresRequest request) {
    for (int i = 0; i < request.claims.size(); i++) {
      if (lineOf(request, i).excludes(request.claims.get(i))) {
        return i;
      }
    }
    return -1;
  }

  private KeyLine lineOf(PostgresRequest request, int claim) {
    return Objects.requireNonNull(lines.get(request.claims.get(claim).key()));
  }

  private void join(PostgresRequest request, KeyLine line) {
    request.line = line;
    line.waiters.addLast(request);
  }

  /**
   * Sees to the first of a line, after it or those before it have changed.
   *
   * @return who is to be asked for now; null if nobody
   */
  private @Nullable PostgresRequest lookAt(KeyLine line, Decision decision) {
    for (PostgresRequest first = line.waiters.peekFirst();
        first != null;
        first = line.waiters.peekFirst()) {
      if (first.state == State.QUEUED) {
        int held = heldHere(first);
        if (held < 0 && !queuesAtOnce(first)) {
          first.state = State.ASKING;
          return first;
        }
        if (held < 0) {
          first.blockedOn = 0;
          limitPatience(first);
          startWaiting(first, decision);
          continue;
        }
        if (!first.mayWait()) {
          busy(first, decision);
          continue;
        }
        if (lineOf(first, held) != line) {
          moveTo(first, held, decision);
          continue;
        }
        first.blockedOn = held;
        startWaiting(first, decision);
        continue; // for it may be its own obstacle, and gone
      }
      if (first.state == State.WAITING) {
        for (PostgresRequest behind : List.copyOf(line.waiters)) {
          if (behind != first && !behind.mayWait()) {
            busy(behind, decision);
          }
        }
      }
      return null;
    }
    return null;
  }

  private boolean queuesAtOnce(PostgresRequest request) {
    if (!request.mayWait() || request.claims.size() > 1 || sessionToWaitIn() == null) {
      return false;
    }
    Integer times =
        busyLately.computeIfPresent(
            request.claims.get(0).key(), (key, left) -> left > 1 ? left - 1 : null);
    return times != null;
  }

  private void lookAtAndAsk(KeyLine line, Decision decision) {
    ask(lookAt(line, decision), decision);
  }

  private void ask(@Nullable PostgresRequest request, Decision decision) {
    if (request != null) {
      decision.send(() -> execute(calls, () -> ask(request)));
    }
  }

  /**
   * Asks once in the caller's thread, on a session that is there. Whatever takes longer than an answer does, such as opening
   * a session, is for others: the caller may be interrupted, or run out of patience.
   */
  private void askHere(PostgresRequest request) {
    AdvisorySession[] there = new AdvisorySession[1];
    decide(
        decision -> {
          there[0] = sessionFor(request.claims);
          if (there[0] != null) {
            there[0].use(request.claims);
          }
        });
    if (there[0] == null || !isAnswered(request, there[0])) {
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
      decide(decision -> fail(request, e, decision));
    } catch (Error e) {
      decide(decision -> fail(request, new IllegalStateException(e), decision));
      throw e;
    }
  }

  /** Asks once; whether that settled it. If not, it is to be asked for again. */
  private boolean isAnswered(PostgresRequest request, AdvisorySession session) {
    try {
      Attempt attempt = session.attempt(request.claims);
      decide(decision -> settle(request, session, attempt, decision));
      return true;
    } catch (SQLException e) {
      return !isToBeRepeated(request, session, e);
    } catch (RuntimeException e) {
      endSession(session, LossReason.CONNECTION_LOST);
      decide(decision -> fail(request, e, decision));
      return true;
    }
  }

  /** Sorts out what a failed statement has left. Blocks. */
  private boolean isToBeRepeated(PostgresRequest request, AdvisorySession session, SQLException e) {
    boolean isOver = isOver(session, e) || !isCleanedUp(session, request.claims);
    if (isOver) {
      endSession(session, LossReason.CONNECTION_LOST);
    }
    boolean[] again = new boolean[1];
    decide(
        decision -> {
          session.leave(request.claims);
          again[0] =
              isOver
                  && ++request.breaks <= maxSessions + MAX_NEW_BREAKS
                  && !request.isDone()
                  && !closed;
          if (!again[0]) {
            fail(request, Failures.of(e), decision);
          }
        });
    return again[0];
  }

  private static boolean isOver(AdvisorySession session, SQLException e) {
    return session.over != null || Failures.endsSession(e);
  }

  /**
   * Gives back what a failed statement may have taken. Not if others of this client share one of the claims in the session: it
   * cannot be told whether it holds once more what they hold.
   */
  private boolean isCleanedUp(AdvisorySession session, List<Claim> claims) {
    boolean[] isShared = new boolean[1];
    decide(
        decision -> {
          isShared[0] = session.isCleaned || session.sharesAny(claims);
          session.isCleaned = true; // for good if it is shared: then the session is ended
        });
    if (isShared[0]) {
      return false;
    }
    try {
      session.cleanUp(claims);
      decide(decision -> session.isCleaned = false);
      return true;
    } catch (SQLException e) {
      return false;
    }
  }

  /**
   * A session for a statement that takes the request's claims, which are counted as used there from now on. May open one, and
   * blocks then.
   *
   * @return null if the request has been dealt with: all the sessions there may be are in use with its claims, or it will be
   *     asked for when somebody has opened one
   */
  private @Nullable AdvisorySession reserve(PostgresRequest request) {
    while (true) {
      AdvisorySession[] found = new AdvisorySession[1];
      boolean[] mayOpen = new boolean[1];
      decide(
          decision -> {
            found[0] = sessionFor(request.claims);
            mayOpen[0] = found[0] == null && mayOpen();
            if (mayOpen[0]) {
              opening++;
            } else if (found[0] == null) {
              found[0] = sessionToShare(request.claims);
            }
            if (found[0] != null) {
              found[0].use(request.claims);
            } else if (!mayOpen[0] && sessions.isEmpty()) {
              askWhenOpened(request, decision); // only a server says that a lock is busy
            } else if (!mayOpen[0]) {
              wasBusy(request, 0, decision);
            }
          });
      if (!mayOpen[0]) {
        return found[0];
      }
      AdvisorySession opened = open(request.claims);
      if (opened != null) {
        return opened;
      }
    }
  }

  private void askWhenOpened(PostgresRequest request, Decision decision) {
    if (opening > openingTooLong) {
      untilOpened.add(request);
    } else {
      fail(request, closed ? closedClient() : openingTakesTooLong(), decision);
    }
  }

  private @Nullable AdvisorySession sessionFor(List<Claim> claims) {
    return sessions.stream()
        .filter(session -> session.serves == null && session.hasNone(claims))
        .findFirst()
        .orElse(null);
  }

  private @Nullable AdvisorySession sessionToShare(List<Claim> claims) {
    return sessions.stream()
        .filter(session -> session.serves == null && session.canShare(claims))
        .findFirst()
        .orElse(null);
  }

  private boolean mayOpen() {
    return !closed
        && sessions.size() + opening < maxSessions
        && (sessions.isEmpty() || ticker.nanos() - noSessionsUntilNanos >= 0);
  }

  /**
   * Opens a session that {@code opening} was counted up for. Blocks for at most {@link #OPENING_TAKES}.
   *
   * @param uses what it is opened for, and counts as used there from the first moment
   * @return null if none could be had, but there are others
   * @throws RuntimeException if there are no others
   */
  private @Nullable AdvisorySession open(List<Claim> uses) {
    Opening attempt = new Opening(uses);
    // A thread of its own: what opens connections is not our code, and may never return. Until it
    // does it counts, so that
    // there are never more of them than there may be sessions.
    Threads.daemon("holdfast-postgres-open", () -> open(attempt)).start();
    attempt.over.completeOnTimeout(null, OPENING_TAKES.toNanos(), TimeUnit.NANOSECONDS).join();
    decide(
        decision -> {
          if (attempt.session == null && attempt.failure == null) {
            attempt.isLate = true;
            openingTooLong++;
            couldNotOpen(attempt, openingTakesTooLong(), decision);
          }
        });
    if (attempt.session == null && attempt.isAlone) {
      throw Objects.requireNonNull(attempt.failure);
    }
    return attempt.session;
  }

  private void open(Opening attempt) {
    try {
      AdvisorySession session = openSession();
      decide(decision -> hasOpened(attempt, session, decision));
    } catch (RuntimeException e) {
      decide(decision -> hasNotOpened(attempt, e, decision));
    } catch (Error e) {
      decide(decision -> hasNotOpened(attempt, new IllegalStateException(e), decision));
      throw e;
    } finally {
      attempt.over.complete(null);
    }
  }

  private void hasOpened(Opening attempt, AdvisorySession session, Decision decision) {
    isBack(attempt);
    if (closed) {
      decision.send(session::abort);
      couldNotOpen(attempt, new StoreUnavailableException("closed", closedClient()), decision);
      return;
    }
    if (!attempt.isLate) {
      attempt.session = session;
      session.use(attempt.uses);
    }
    sessions.add(session);
    for (PostgresRequest request : List.copyOf(untilOpened)) {
      ask(request, decision);
    }
    untilOpened.clear();
    serveSomebody(decision);
  }

  private void hasNotOpened(Opening attempt, RuntimeException failure, Decision decision) {
    isBack(attempt);
    if (!attempt.isLate) {
      couldNotOpen(attempt, failure, decision);
    }
  }

  private void isBack(Opening attempt) {
    opening--;
    if (attempt.isLate) {
      openingTooLong--;
    }
  }

  private void couldNotOpen(Opening attempt, RuntimeException failure, Decision decision) {
    attempt.failure = failure;
    attempt.isAlone = sessions.isEmpty();
    noSessionsUntilNanos = ticker.nanosIn(NO_SESSIONS);
    if (attempt.isAlone && opening == openingTooLong) {
      for (PostgresRequest request : List.copyOf(untilOpened)) {
        fail(request, failure, decision);
      }
    }
  }

  private StoreUnavailableException openingTakesTooLong() {
    String line = "no session with " + where + " within " + OPENING_TAKES;
    return new StoreUnavailableException(line, new TimeoutException(line));
  }

  /** The opening of a session. What can change is guarded by the store's mutex, and does not change any more once it is over. */
  private static final class Opening {
    final List<Claim> uses;
    final CompletableFuture<Void> over = new CompletableFuture<>();

    @Nullable AdvisorySession session;
    @Nullable RuntimeException failure;

    /** Whether there was no other session when it failed. */
    boolean isAlone;

    /** Whoever wanted it waits no more. */
    boolean isLate;

    Opening(List<Claim> uses) {
      this.uses = uses;
    }
  }

  private AdvisorySession openSession() {
    return AdvisorySession.open(source, where, options.name(), tokens, ticker);
  }

  // ------------------------------------------------------------------------------------------------- answers

  /** What came of a statement that ran in a session where the claims count as used. */
  private void settle(
      PostgresRequest request, AdvisorySession session, Attempt attempt, Decision decision) {
    if (!attempt.isGranted()) {
      session.leave(request.claims);
      wasBusy(request, attempt.inTheWay(), decision);
      return;
    }
    LossReason over = session.over;
    if (request.state == State.ENDED || request.isDone() || over != null) {
      if (over == null) {
        decision.send(new Errand(() -> giveBack(session, request.claims), calls)::send);
      }
      if (request.state != State.ENDED && request.isDone()) {
        end(request, decision);
      } else if (over != null && request.state != State.ENDED) {
        fail(
            request,
            new StoreUnavailableException("the session ended", new SQLException("session ended")),
            decision);
      }
      return;
    }
    grant(request, session, attempt.token(), decision);
  }

  private void grant(
      PostgresRequest request, AdvisorySession session, long token, Decision decision) {
    KeyLine line = request.line;
    leaveLine(request);
    request.session = session;
    request.token = token;
    request.state = State.HELD;
    for (int i = 0; i < request.claims.size(); i++) {
      lineOf(request, i).holders.add(request);
    }
    request
        .maxHold()
        .ifPresent(
            maxHold -> {
              request.maxHoldDeadlineNanos = ticker.nanosIn(maxHold);
              request.maxHoldAlarm =
                  ticker.schedule(request.maxHoldDeadlineNanos, () -> expire(request));
            });
    watchOver(session);
    decision.tell(
        () -> {
          if (!request.complete(new AcquireOutcome.Granted(request))) {
            release(request).whenComplete((released, failed) -> {});
          }
        });
    if (line != null) {
      lookAtAndAsk(line, decision);
    }
  }

  private void wasBusy(PostgresRequest request, int inTheWay, Decision decision) {
    if (request.state == State.ENDED) {
      return;
    }
    if (request.isDone()) {
      end(request, decision);
      return;
    }
    if (!request.mayWait()) {
      busy(request, decision);
      return;
    }
    request.blockedOn = inTheWay;
    busyLately.put(request.claims.get(inTheWay).key(), BUSY_TIMES);
    if (request.line != lineOf(request, inTheWay)) {
      moveTo(request, inTheWay, decision);
      return;
    }
    KeyLine line = request.line;
    limitPatience(request);
    startWaiting(request, decision);
    if (line != null) {
      lookAtAndAsk(line, decision);
    }
  }

  /** Stands at the end of another line from now on, that of the claim that was busy. */
  private void moveTo(PostgresRequest request, int claim, Decision decision) {
    KeyLine old = request.line;
    leaveLine(request);
    KeyLine line = lineOf(request, claim);
    join(request, line);
    limitPatience(request);
    if (line.waiters.peekFirst() == request) {
      request.blockedOn = claim;
      startWaiting(request, decision);
    } else {
      request.state = State.QUEUED;
      failIfInItsOwnWay(request, decision);
    }
    if (old != null) {
      lookAtAndAsk(old, decision);
    }
  }

  private void startWaiting(PostgresRequest request, Decision decision) {
    request.state = State.WAITING;
    if (!failIfInItsOwnWay(request, decision)) {
      unserved.add(request);
      serveSomebody(decision);
    }
  }

  private boolean failIfInItsOwnWay(PostgresRequest request, Decision decision) {
    if (request.waitsWithoutBound() && isInItsOwnWay(request)) {
      end(request, decision);
      decision.tell(
          () ->
              request.completeExceptionally(
                  new IllegalStateException(THIS_THREAD + ", " + request)));
      return true;
    }
    return false;
  }

  private boolean isInItsOwnWay(PostgresRequest request) {
    long thread = request.callerThread();
    if (thread == 0) {
      return false;
    }
    for (int i = 0; i < request.claims.size(); i++) {
      if (lineOf(request, i).isHeldByThread(thread)) {
        return true;
      }
    }
    return false;
  }

  private boolean isImpatient(PostgresRequest request) {
    return !request.waitsWithoutBound() && ticker.nanos() - request.impatientAtNanos >= 0;
  }

  private void busy(PostgresRequest request, Decision decision) {
    busy(request, "", decision);
  }

  private void busy(PostgresRequest request, String holders, Decision decision) {
    String hint = isInItsOwnWay(request) ? THIS_THREAD : holders;
    end(request, decision);
    decision.tell(() -> request.complete(new AcquireOutcome.Busy(List.of(), hint)));
  }

  private void fail(PostgresRequest request, RuntimeException failure, Decision decision) {
    if (request.state != State.ENDED) {
      end(request, decision);
      decision.tell(() -> request.completeExceptionally(failure));
    }
  }

  /** Neither held nor waited for from now on. What its session holds for it is the caller's to see to. */
  private void end(PostgresRequest request, Decision decision) {
    if (request.state == State.ENDED) {
      return;
    }
    KeyLine line = request.line;
    leaveLine(request);
    request.state = State.ENDED;
    live.remove(request);
    cancel(request.maxHoldAlarm);
    for (int i = 0; i < request.claims.size(); i++) {
      KeyLine of = lineOf(request, i);
      boolean wasHeld = of.holders.remove(request);
      if (--of.interested == 0) {
        lines.remove(of.key);
      } else if (wasHeld && of != line) {
        lookAtAndAsk(of, decision);
        askAgain(of, decision);
      }
    }
    if (line != null && line.interested > 0) {
      lookAtAndAsk(line, decision);
    }
  }

  private void leaveLine(PostgresRequest request) {
    if (request.line != null) {
      request.line.waiters.remove(request);
      request.line = null;
    }
    unserved.remove(request);
    untilOpened.remove(request);
    cancel(request.patienceAlarm);
    request.patienceAlarm = null;
  }

  private static void cancel(Ticker.@Nullable Alarm alarm) {
    if (alarm != null) {
      alarm.cancel();
    }
  }

  // ------------------------------------------------------------------------------------------------- waiting

  private void limitPatience(PostgresRequest request) {
    if (request.state == State.ENDED
        || request.waitsWithoutBound()
        || !request.mayWait()
        || request.patienceAlarm != null) {
      return;
    }
    request.patienceAlarm =
        ticker.schedule(request.impatientAtNanos, () -> decide(then -> timeOut(request, then)));
  }

  /**
   * Who waits at the server is told by the end of its slice, for then it waits there no more. Who is being asked for is told
   * now: what is granted nevertheless is given back.
   */
  private void timeOut(PostgresRequest request, Decision decision) {
    request.patienceAlarm = null;
    if (request.state == State.QUEUED
        || request.state == State.ASKING
        || (request.state == State.WAITING && unserved.contains(request))) {
      busy(request, decision);
    }
  }

  /** Finds sessions for those who wait without one; sees that the others are asked for again. */
  private void serveSomebody(Decision decision) {
    for (PostgresRequest request : List.copyOf(unserved)) {
      AdvisorySession session = sessionToWaitIn();
      if (session != null) {
        unserved.remove(request);
        session.serves = request;
        if (request.isFetched && request.callerThread() == Thread.currentThread().getId()) {
          request.servedHere = session;
          session.waiter = Thread.currentThread();
          if (isWatchResting) {
            somethingToWatch.signal();
          }
        } else {
          decision.send(() -> execute(waits, () -> serve(session, request)));
        }
      } else if (opening < unserved.size() && mayOpen() && !sessions.isEmpty()) {
        opening++;
        decision.send(() -> execute(waits, this::openToWait));
        break;
      } else {
        break;
      }
    }
    pollSoon();
  }

  /** Not the first one: that is for what does not wait. */
  private @Nullable AdvisorySession sessionToWaitIn() {
    return sessions.stream()
        .skip(1)
        .filter(session -> session.serves == null && session.uses.isEmpty())
        .findFirst()
        .orElse(null);
  }

  private void openToWait() {
    try {
      open(List.of());
    } catch (RuntimeException e) {
      // Polling will meet it, and tell those who wait.
    }
    decide(this::serveSomebody);
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
    boolean[] goesOn = {true};
    while (goesOn[0]) {
      if (session.waiter == Thread.currentThread() && Thread.currentThread().isInterrupted()) {
        session.waiter = null;
        execute(waits, () -> serve(session, request));
        return;
      }
      if (request.isDone() || request.state != State.WAITING) {
        decide(decision -> stopServing(session, decision));
        return;
      }
      long left = Math.max(0, request.impatientAtNanos - ticker.nanos());
      // Rounded up: patience does not end early.
      long slice = Math.min(TimeUnit.NANOSECONDS.toMillis(left) + 1, session.sliceMillis());
      try {
        Attempt attempt = session.await(request.claims, request.blockedOn, slice);
        boolean isTooLate = !attempt.isGranted() && isImpatient(request);
        AdvisoryKey busy = request.claims.get(Math.max(0, attempt.inTheWay())).key();
        String holders = isTooLate ? session.holders(busy) : "";
        decide(decision -> goesOn[0] = settleWait(session, request, attempt, holders, decision));
      } catch (SQLException e) {
        boolean isOver = isOver(session, e) || !isCleanedUp(session, request.claims);
        if (isOver) {
          endSession(session, LossReason.CONNECTION_LOST);
        }
        goesOn[0] = !isOver && Failures.isCancel(e);
        if (!goesOn[0]) {
          decide(decision -> waitFailed(session, request, isOver, e, decision));
        }
      } catch (RuntimeException | Error e) {
        endSession(session, LossReason.CONNECTION_LOST);
        decide(decision -> waitFailed(session, request, true, new SQLException(e), decision));
        if (e instanceof Error) {
          throw e;
        }
        return;
      }
    }
  }

  private void stopServing(AdvisorySession session, Decision decision) {
    session.stopServing();
    session.idleSinceNanos = ticker.nanos();
    serveSomebody(decision);
  }

  /** Returns whether the wait goes on where it is. */
  private boolean settleWait(
      AdvisorySession session,
      PostgresRequest request,
      Attempt attempt,
      String holders,
      Decision decision) {
    if (attempt.isGranted()) {
      session.use(request.claims);
      session.stopServing();
      settle(request, session, attempt, decision);
      serveSomebody(decision);
      return false;
    }
    boolean isImpatient = isImpatient(request);
    if (request.state == State.WAITING && !isImpatient && attempt.inTheWay() == request.blockedOn) {
      return true;
    }
    stopServing(session, decision);
    if (request.state == State.WAITING) {
      if (isImpatient) {
        busy(request, holders.isEmpty() ? "" : "the server names " + holders, decision);
      } else {
        moveTo(request, attempt.inTheWay(), decision);
      }
    }
    return false;
  }

  private void waitFailed(
      AdvisorySession session,
      PostgresRequest request,
      boolean isOver,
      SQLException e,
      Decision decision) {
    session.stopServing();
    if (request.state == State.WAITING) {
      if (isOver && ++request.breaks <= maxSessions + MAX_NEW_BREAKS && !closed) {
        unserved.add(request);
        limitPatience(request);
      } else {
        fail(request, Failures.of(e), decision);
      }
    }
    serveSomebody(decision);
  }

  private void pollSoon() {
    if (pollAlarm == null && !unserved.isEmpty() && !closed) {
      double jitter = 1 - JITTER + 2 * JITTER * ThreadLocalRandom.current().nextDouble();
      Duration delay = Duration.ofNanos((long) (pollEvery.toNanos() * jitter));
      pollAlarm = ticker.schedule(ticker.nanosIn(delay), () -> execute(calls, this::poll));
    }
  }

  /** Asks for all who wait without a session of their own. Blocks. */
  private void poll() {
    List<PostgresRequest> all = new ArrayList<>();
    decide(
        decision -> {
          pollAlarm = null;
          all.addAll(unserved);
        });
    boolean isSomebodyGranted = false;
    for (PostgresRequest request : all) {
      boolean[] isAsked = new boolean[1];
      decide(
          decision -> {
            isAsked[0] = unserved.contains(request) && heldHere(request) < 0;
            if (isAsked[0]) {
              unserved.remove(request);
              request.state = State.ASKING;
            }
          });
      if (isAsked[0]) {
        ask(request);
        isSomebodyGranted |= request.state == State.HELD;
      }
    }
    boolean isFaster = isSomebodyGranted;
    decide(
        decision -> {
          Duration slower = Duration.ofNanos((long) (pollEvery.toNanos() * SLOWER));
          pollEvery =
              isFaster || unserved.isEmpty()
                  ? FIRST_POLL
                  : slower.compareTo(SLOWEST_POLL) < 0 ? slower : SLOWEST_POLL;
          serveSomebody(decision);
        });
  }

  /** The first in line, if it waits without a session: what kept it from being asked for may be gone. */
  private void askAgain(KeyLine line, Decision decision) {
    PostgresRequest first = line.waiters.peekFirst();
    if (first != null && unserved.contains(first) && heldHere(first) < 0) {
      unserved.remove(first);
      first.state = State.ASKING;
      ask(first, decision);
    }
  }

  // ------------------------------------------------------------------------------------------------- leaving and releasing

  /** Whoever asked has given up. */
  void leave(PostgresRequest request) {
    decide(
        decision -> {
          switch (request.state) {
            case QUEUED -> end(request, decision);
            case WAITING -> {
              for (AdvisorySession session : sessions) {
                if (session.serves == request) {
                  decision.send(() -> execute(calls, () -> cancelWait(session, request)));
                }
              }
              end(request, decision);
            }
            case ASKING, HELD, RELEASING, ENDED -> {
              // Whoever brings the answer finds the future done.
            }
          }
        });
  }

  private static void cancelWait(AdvisorySession session, PostgresRequest request) {
    if (session.serves == request) {
      session.cancelWait();
    }
  }

  CompletableFuture<Void> release(PostgresRequest request) {
    Errand[] errand = new Errand[1];
    decide(
        decision -> {
          AdvisorySession session = request.session;
          if (request.state == State.HELD && session != null) {
            request.state = State.RELEASING;
            cancel(request.maxHoldAlarm);
            errand[0] = new Errand(() -> giveBack(request, session), calls);
          }
        });
    if (errand[0] == null) {
      return CompletableFuture.completedFuture(null);
    }
    releases.add(errand[0]);
    return errand[0];
  }

  /** Blocks. */
  private void giveBack(PostgresRequest request, AdvisorySession session) {
    try {
      giveBack(session, request.claims);
    } finally {
      decide(decision -> end(request, decision));
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
      if (closed) {
        return; // the end of the client has given it back
      }
      throw new UncertainOutcomeException(
          "the connection broke in the release of "
              + claims.stream().map(Claim::name).toList()
              + "; the server frees them when it sees that: "
              + Failures.line(e),
          e);
    } finally {
      decide(
          decision -> {
            session.leave(claims);
            serveSomebody(decision);
          });
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

  /** {@code maxHold} is over. */
  private void expire(PostgresRequest request) {
    decide(
        decision -> {
          AdvisorySession session = request.session;
          if (request.state == State.HELD && session != null) {
            request.lost = LossReason.EXPIRED;
            request.state = State.RELEASING;
            decision.tell(request::tellLoss);
            decision.send(new Errand(() -> giveBack(request, session), calls)::send);
          }
        });
  }

  // ------------------------------------------------------------------------------------------------- the end of sessions

  private void watchOver(AdvisorySession session) {
    if (session.silenceAlarm == null) {
      session.silenceAlarm =
          ticker.schedule(session.deadlineNanos(), () -> decide(then -> listen(session, then)));
      somethingToWatch.signal();
    }
  }

  /** A session has not been heard of for too long, if nothing has been heard of it since the alarm was set. */
  private void listen(AdvisorySession session, Decision decision) {
    session.silenceAlarm = null;
    if (session.over != null || session.uses.isEmpty()) {
      return;
    }
    if (session.deadlineNanos() - ticker.nanos() > 0) {
      watchOver(session);
    } else {
      endSession(session, LossReason.EXPIRED, decision);
    }
  }

  private void endSession(AdvisorySession session, LossReason reason) {
    decide(decision -> endSession(session, reason, decision));
  }

  /** The session is over: what it held is lost. */
  private void endSession(AdvisorySession session, LossReason reason, Decision decision) {
    if (session.over != null) {
      return;
    }
    session.over = reason;
    sessions.remove(session);
    cancel(session.silenceAlarm);
    decision.send(() -> execute(calls, session::abort));
    for (PostgresRequest request : List.copyOf(live)) {
      if (request.session == session && request.state == State.HELD) {
        lose(request, reason, decision);
      }
    }
    serveSomebody(decision);
  }

  private void lose(PostgresRequest request, LossReason reason, Decision decision) {
    request.lost = reason;
    end(request, decision);
    decision.tell(request::tellLoss);
  }

  /** Looks after sessions that have something to lose, until the client is closed. */
  private void watch() {
    while (!closed) {
      List<AdvisorySession> watched = new ArrayList<>();
      List<AdvisorySession> idle = new ArrayList<>();
      List<AdvisorySession> interrupted = new ArrayList<>();
      mutex.lock();
      try {
        boolean isWaitedIn = false;
        for (AdvisorySession session : sessions) {
          Thread waiter = session.waiter;
          isWaitedIn |= waiter != null;
          if (waiter != null && waiter.isInterrupted()) {
            interrupted.add(session);
          }
          if (!session.uses.isEmpty()) {
            watched.add(session);
          } else if (session != sessions.get(0) && isIdle(session)) {
            idle.add(session);
          }
        }
        sessions.removeAll(idle);
        isWatchResting = watched.isEmpty() && !isWaitedIn;
        Duration pause = isWatchResting ? Duration.ofSeconds(1) : AdvisorySession.LOOK_EVERY;
        somethingToWatch.awaitNanos(pause.toNanos());
      } catch (InterruptedException e) {
        return; // nobody interrupts it but who ends the process
      } finally {
        mutex.unlock();
      }
      sendReleases();
      for (AdvisorySession session : interrupted) {
        execute(calls, session::cancelWait);
      }
      for (AdvisorySession session : idle) {
        execute(waits, session::close); // takes a trip, or the time of silence
      }
      for (AdvisorySession session : watched) {
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

  private boolean isIdle(AdvisorySession session) {
    return session.serves == null
        && ticker.nanos() - session.idleSinceNanos >= IDLE_SESSION.toNanos();
  }

  @Override
  public void close() {
    List<AdvisorySession> open = new ArrayList<>();
    decide(
        decision -> {
          if (closed) {
            return;
          }
          closed = true;
          somethingToWatch.signal();
          cancel(pollAlarm);
          open.addAll(sessions);
          sessions.clear();
          for (PostgresRequest request : List.copyOf(live)) {
            if (request.state == State.HELD) {
              lose(request, LossReason.SESSION_ENDED, decision);
            } else if (request.state != State.RELEASING) {
              fail(request, closedClient(), decision);
            }
          }
        });
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
      cancel(session.silenceAlarm);
      session.abort();
    }
    sendReleases(); // there is nothing left to give back, but perhaps somebody to tell
    calls.shutdown();
    waits.shutdown();
  }

  private IllegalStateException closedClient() {
    return new IllegalStateException("client " + options.name() + " is closed");
  }

  // ------------------------------------------------------------------------------------------------- deciding

  private void decide(Consumer<Decision> thought) {
    Decision decision = new Decision();
    mutex.lock();
    try {
      thought.accept(decision);
    } finally {
      mutex.unlock();
    }
    decision.carryOut();
  }

  /** After the end of the client there is nothing left to do, and nobody to do it. */
  private void execute(Executor threads, Runnable task) {
    try {
      threads.execute(task);
    } catch (RejectedExecutionException e) {
      // the client is closed
    }
  }
}
