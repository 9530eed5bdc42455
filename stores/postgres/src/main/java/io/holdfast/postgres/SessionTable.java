package io.holdfast.postgres;

import io.holdfast.LockRefusedException;
import io.holdfast.LossReason;
import io.holdfast.StoreUnavailableException;
import io.holdfast.postgres.AdvisorySession.Attempt;
import io.holdfast.postgres.PostgresRequest.State;
import io.holdfast.spi.AcquireOutcome;
import io.holdfast.spi.Ticker;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who of one client holds which advisory lock in which session, who waits for what and where, and what is to be done next.
 *
 * <p>It decides and does nothing: it runs no statement and starts no thread. What follows from a decision is left in a {@link
 * Decision}, or is {@link Work} for others. Which thread decides it asks in one place: a caller that fetches its own answer may
 * be sent to wait in its own thread, and by nobody else. Not thread-safe: the store calls all of it with its mutex held.
 */
final class SessionTable {
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
   */

  /** Held, waited for and asked for at a time. */
  static final int MAX_REQUESTS = 100_000;

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
  static final Duration IDLE_SESSION = Duration.ofSeconds(30);

  /** After the server refused another session it is not asked for one for so long. */
  private static final Duration NO_SESSIONS = Duration.ofSeconds(10);

  private static final String THIS_THREAD =
      "this thread is in its own way: locks are not reentrant";

  /** What takes I/O, or a thread. Each of these returns at once, and is asked for without the mutex, but the last. */
  interface Work {
    /** Takes the mutex, and carries out what follows. */
    void decide(Consumer<Decision> thought);

    /** Asks the server for what the request wants, without waiting. */
    void ask(PostgresRequest request);

    /** Lets the request wait in the session, which serves nobody else. */
    void serve(AdvisorySession session, PostgresRequest request);

    /** Ends a wait in the session, if it still is that of the request. */
    void cancelWait(AdvisorySession session, PostgresRequest request);

    /** Opens a session that is counted as being opened, to wait in. */
    void openToWait();

    /** Asks for all who wait without a session. */
    void poll();

    /** Gives back what a request held that is lost. */
    void giveBack(PostgresRequest request, AdvisorySession session);

    /** Gives back what was granted and nobody wants any more. */
    void giveBack(AdvisorySession session, List<Claim> claims);

    /** Ends the session at once. */
    void abort(AdvisorySession session);

    /** There is something to watch over. Called with the mutex held. */
    void wakeWatch();
  }

  private final Work work;
  private final Ticker ticker;
  private final int maxSessions;
  private final String client;

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

  /** Asked for, and there is no session; will be asked for when there is one. */
  private final Set<PostgresRequest> untilOpened = new LinkedHashSet<>();

  /** Sessions that are being opened. */
  private int opening;

  private long noSessionsUntilNanos;
  private Ticker.@Nullable Alarm pollAlarm;
  private Duration pollEvery = FIRST_POLL;

  /** Also read without the mutex. */
  private volatile boolean closed;

  /**
   * An empty table.
   *
   * @param client its name in messages
   */
  SessionTable(Work work, Ticker ticker, int maxSessions, String client) {
    this.work = work;
    this.ticker = ticker;
    this.maxSessions = maxSessions;
    this.client = client;
    this.noSessionsUntilNanos = ticker.nanos();
  }

  /** May be asked without the mutex. */
  boolean isClosed() {
    return closed;
  }

  // ------------------------------------------------------------------------------------------------- asking

  /**
   * A request comes, and is admitted, or told why not.
   *
   * @param isFetched whether the caller asks the server himself if the request is the next to be asked for
   * @return whether he is to do so now
   */
  boolean arrive(PostgresRequest request, boolean isFetched, Decision decision) {
    if (!admit(request, decision)) {
      return false;
    }
    KeyLine line = lineOf(request, firstObstacle(request));
    join(request, line);
    PostgresRequest next = lookAt(line, decision);
    boolean isNext = isFetched && next == request;
    if (!isNext) {
      ask(next, decision);
    }
    limitPatience(request);
    return isNext;
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
      decision.send(() -> work.ask(request));
    }
  }

  // ------------------------------------------------------------------------------------------------- sessions to ask in

  /** A session that is there and has none of the request's claims; they count as used there from now on. */
  Optional<AdvisorySession> sessionThere(PostgresRequest request) {
    AdvisorySession there = sessionFor(request.claims);
    if (there != null) {
      there.use(request.claims);
    }
    return Optional.ofNullable(there);
  }

  /**
   * Where a request is to be asked for.
   *
   * @param session where its claims count as used from now on; null if there is none
   * @param isToBeOpened whether one is to be opened for it; it is counted already
   */
  record Place(@Nullable AdvisorySession session, boolean isToBeOpened) {}

  /**
   * Finds where a request is to be asked for. If that is nowhere it has been dealt with: it has ended, all sessions there may be
   * are in use with its claims, or it will be asked for when somebody has opened one.
   */
  Place reserve(PostgresRequest request, Decision decision) {
    if (request.state == State.ENDED) {
      return new Place(null, false);
    }
    AdvisorySession session = sessionFor(request.claims);
    if (session == null && mayOpen()) {
      opening++;
      return new Place(null, true);
    }
    if (session == null) {
      session = sessionToShare(request.claims);
    }
    if (session != null) {
      session.use(request.claims);
    } else if (!sessions.isEmpty()) {
      wasBusy(request, 0, decision);
    } else if (closed) {
      fail(request, closedClient(), decision);
    } else {
      untilOpened.add(request); // only a server says that a lock is busy
    }
    return new Place(session, false);
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
   * A session that was counted as being opened is there.
   *
   * @param uses what it was opened for, and counts as used there from the first moment
   * @return whether it may be used; else the client is closed
   */
  boolean hasOpened(AdvisorySession session, List<Claim> uses, Decision decision) {
    opening--;
    if (closed) {
      return false;
    }
    session.use(uses);
    sessions.add(session);
    for (PostgresRequest request : untilOpened) {
      ask(request, decision);
    }
    untilOpened.clear();
    serveSomebody(decision);
    return true;
  }

  /** The first session, for which nobody waits yet. */
  void begin(AdvisorySession session) {
    sessions.add(session);
  }

  /**
   * A session that was counted as being opened cannot be had.
   *
   * @return whether there is no other
   */
  boolean hasNotOpened(RuntimeException failure, Decision decision) {
    opening--;
    noSessionsUntilNanos = ticker.nanosIn(NO_SESSIONS);
    if (sessions.isEmpty() && opening == 0) {
      for (PostgresRequest request : List.copyOf(untilOpened)) {
        fail(request, failure, decision);
      }
    }
    return sessions.isEmpty();
  }

  // ------------------------------------------------------------------------------------------------- answers

  /** What came of a statement that ran in a session where the claims count as used. */
  void settle(
      PostgresRequest request, AdvisorySession session, Attempt attempt, Decision decision) {
    if (!attempt.isGranted()) {
      session.leave(request.claims);
      wasBusy(request, attempt.inTheWay(), decision);
      return;
    }
    LossReason over = session.over;
    if (request.state == State.ENDED || request.isDone() || over != null) {
      if (over == null) {
        decision.send(() -> work.giveBack(session, request.claims));
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

  /**
   * A statement that was to take the request's claims failed, and what it left was cleaned up, unless the session is over.
   *
   * @return whether it is to be asked for again, elsewhere
   */
  boolean isAskedAgain(
      PostgresRequest request,
      AdvisorySession session,
      boolean isOver,
      SQLException failure,
      Decision decision) {
    session.leave(request.claims);
    boolean again = isOver && survives(request) && !request.isDone();
    if (!again) {
      fail(request, Failures.of(failure), decision);
    }
    return again;
  }

  private boolean survives(PostgresRequest request) {
    return ++request.breaks <= maxSessions + MAX_NEW_BREAKS && !closed;
  }

  /**
   * Somebody is to give back what a failed statement may have taken. Nobody may take anything there until {@link #cleanedUp}.
   *
   * @return whether that can be. Not if others of this client share one of the claims in the session: it cannot be told whether
   *     it holds once more what they hold
   */
  boolean beginCleanUp(AdvisorySession session, List<Claim> claims) {
    boolean may = !session.isBeingCleaned && !session.sharesAny(claims);
    session.isBeingCleaned = true; // for good if it may not: then the session is ended
    return may;
  }

  void cleanedUp(AdvisorySession session) {
    session.isBeingCleaned = false;
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
                  ticker.schedule(
                      request.maxHoldDeadlineNanos,
                      () -> work.decide(then -> expire(request, then)));
            });
    watchOver(session);
    decision.tell(
        () -> {
          if (!request.complete(new AcquireOutcome.Granted(request))) {
            request.release().whenComplete((released, failed) -> {});
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

  boolean isImpatient(PostgresRequest request) {
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

  void fail(PostgresRequest request, RuntimeException failure, Decision decision) {
    if (request.state != State.ENDED) {
      end(request, decision);
      decision.tell(() -> request.completeExceptionally(failure));
    }
  }

  /** Neither held nor waited for from now on. What its session holds for it is the caller's to see to. */
  void end(PostgresRequest request, Decision decision) {
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
        ticker.schedule(
            request.impatientAtNanos, () -> work.decide(then -> timeOut(request, then)));
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
  void serveSomebody(Decision decision) {
    for (PostgresRequest request : List.copyOf(unserved)) {
      AdvisorySession session = sessionToWaitIn();
      if (session != null) {
        unserved.remove(request);
        session.serves = request;
        if (request.isFetched && request.callerThread() == Thread.currentThread().getId()) {
          // The caller itself decides: it looks for this before it goes on to anything else.
          request.servedHere = session;
          session.waiter = Thread.currentThread();
          work.wakeWatch();
        } else {
          decision.send(() -> work.serve(session, request));
        }
      } else if (opening < unserved.size() && mayOpen() && !sessions.isEmpty()) {
        opening++;
        decision.send(work::openToWait);
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

  /** Nobody waits in the session any more. */
  void stopServing(AdvisorySession session, Decision decision) {
    session.stopServing();
    session.idleSinceNanos = ticker.nanos();
    serveSomebody(decision);
  }

  /** What came of a slice of a wait; whether it goes on where it is. */
  boolean settleWait(
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

  /** A slice of a wait failed, and what it left was cleaned up, unless the session is over. */
  void waitFailed(
      AdvisorySession session,
      PostgresRequest request,
      boolean isOver,
      SQLException e,
      Decision decision) {
    session.stopServing();
    if (request.state == State.WAITING) {
      if (isOver && survives(request)) {
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
      pollAlarm = ticker.schedule(ticker.nanosIn(delay), work::poll);
    }
  }

  /** A round of asking begins for those who wait without a session of their own. */
  List<PostgresRequest> beginPoll() {
    pollAlarm = null;
    return List.copyOf(unserved);
  }

  /** Whether one of them is to be asked for now: each is, until then, whatever it was when the round began. */
  boolean isPolled(PostgresRequest request) {
    if (!unserved.contains(request) || heldHere(request) >= 0) {
      return false;
    }
    unserved.remove(request);
    request.state = State.ASKING;
    return true;
  }

  /** The round is over: the next comes later if it was in vain. */
  void endPoll(boolean isSomebodyGranted, Decision decision) {
    Duration slower = Duration.ofNanos((long) (pollEvery.toNanos() * SLOWER));
    if (isSomebodyGranted || unserved.isEmpty()) {
      pollEvery = FIRST_POLL;
    } else {
      pollEvery = slower.compareTo(SLOWEST_POLL) < 0 ? slower : SLOWEST_POLL;
    }
    serveSomebody(decision);
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
  void leave(PostgresRequest request, Decision decision) {
    switch (request.state) {
      case QUEUED -> end(request, decision);
      case WAITING -> {
        for (AdvisorySession session : sessions) {
          if (session.serves == request) {
            decision.send(() -> work.cancelWait(session, request));
          }
        }
        end(request, decision);
      }
      case ASKING, HELD, RELEASING, ENDED -> {
        // Whoever brings the answer finds the future done.
      }
    }
  }

  /** Where to give back what a request holds; empty if it holds nothing, or is giving it back already. */
  Optional<AdvisorySession> release(PostgresRequest request) {
    AdvisorySession session = request.session;
    if (request.state != State.HELD || session == null) {
      return Optional.empty();
    }
    request.state = State.RELEASING;
    cancel(request.maxHoldAlarm);
    return Optional.of(session);
  }

  /** These have been given back in the session, or went with it. */
  void gaveBack(AdvisorySession session, List<Claim> claims, Decision decision) {
    session.leave(claims);
    serveSomebody(decision);
  }

  /** {@code maxHold} is over. */
  private void expire(PostgresRequest request, Decision decision) {
    AdvisorySession session = request.session;
    if (request.state == State.HELD && session != null) {
      request.lost = LossReason.EXPIRED;
      request.state = State.RELEASING;
      decision.tell(request::tellLoss);
      decision.send(() -> work.giveBack(request, session));
    }
  }

  // ------------------------------------------------------------------------------------------------- the end of sessions

  private void watchOver(AdvisorySession session) {
    if (session.silenceAlarm == null) {
      session.silenceAlarm =
          ticker.schedule(
              session.deadlineNanos(), () -> work.decide(then -> listen(session, then)));
      work.wakeWatch();
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

  /** The session is over: what it held is lost. */
  void endSession(AdvisorySession session, LossReason reason, Decision decision) {
    if (session.over != null) {
      return;
    }
    session.over = reason;
    sessions.remove(session);
    cancel(session.silenceAlarm);
    decision.send(() -> work.abort(session));
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

  /**
   * What the watch is to do in one round.
   *
   * @param watched have something to lose
   * @param idle have had nothing to do for long; they are no more among the sessions
   * @param interrupted whose callers, who wait in them, were interrupted
   * @param isResting whether there is nothing to do until {@link Work#wakeWatch}
   */
  record Round(
      List<AdvisorySession> watched,
      List<AdvisorySession> idle,
      List<AdvisorySession> interrupted,
      boolean isResting) {}

  Round watch() {
    List<AdvisorySession> watched = new ArrayList<>();
    List<AdvisorySession> idle = new ArrayList<>();
    List<AdvisorySession> interrupted = new ArrayList<>();
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
    return new Round(watched, idle, interrupted, watched.isEmpty() && !isWaitedIn);
  }

  private boolean isIdle(AdvisorySession session) {
    return session.serves == null
        && ticker.nanos() - session.idleSinceNanos >= IDLE_SESSION.toNanos();
  }

  /** The end of the client: what it holds is lost, and who waits fails. Returns the sessions, to be closed. */
  List<AdvisorySession> close(Decision decision) {
    if (closed) {
      return List.of();
    }
    closed = true;
    work.wakeWatch();
    cancel(pollAlarm);
    List<AdvisorySession> open = List.copyOf(sessions);
    sessions.clear();
    for (AdvisorySession session : open) {
      cancel(session.silenceAlarm);
    }
    for (PostgresRequest request : List.copyOf(live)) {
      if (request.state == State.HELD) {
        lose(request, LossReason.SESSION_ENDED, decision);
      } else if (request.state != State.RELEASING) {
        fail(request, closedClient(), decision);
      }
    }
    return open;
  }

  IllegalStateException closedClient() {
    return new IllegalStateException("client " + client + " is closed");
  }
}
