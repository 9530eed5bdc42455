package io.holdfast.remote.internal;

import com.google.protobuf.ByteString;
import io.holdfast.LossReason;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.Alive;
import io.holdfast.protocol.v1.Busy;
import io.holdfast.protocol.v1.Cancel;
import io.holdfast.protocol.v1.Cancelled;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.CloseSession;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Heartbeat;
import io.holdfast.protocol.v1.Holder;
import io.holdfast.protocol.v1.Lost;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.Queued;
import io.holdfast.protocol.v1.Refused;
import io.holdfast.protocol.v1.Release;
import io.holdfast.protocol.v1.Released;
import io.holdfast.protocol.v1.ResumeSession;
import io.holdfast.protocol.v1.SessionOpened;
import io.holdfast.remote.internal.ClientRequest.Farewell;
import io.holdfast.remote.internal.ClientRequest.State;
import io.holdfast.spi.Lease;
import io.holdfast.spi.Ticker;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One session with the lock servers: asks until it is answered, renews the lease, and knows at each moment what it surely
 * holds. When the session is over, so is this; it never begins another.
 *
 * <p>Event-driven and not thread-safe: it acts when it is called and when an alarm of its ticker goes off, and whoever owns
 * it sees to it that this is one at a time. Only {@link #leaseDeadlineNanos} may be read by anybody.
 */
public final class SessionCore {
  /*
   * A stream delivers what it delivers in order, and breaks. On each new one the session is resumed first: it names what
   * it believes to wait or to hold, and is told which of these hold and which have ended; then all that is unanswered is
   * said again. The table answers what is said twice like the first time. An answer counts once: the state of its request
   * tells whether it still means something. A grant, above all, means nothing to a request that is being given back.
   *
   * Leases. A heartbeat that is answered renews the lease from the moment at which it was *sent*, less a margin for clocks
   * that run apart. Resuming is a heartbeat, too. Other answers renew nothing here, though the server is glad to hear of
   * us: they do not tell of losses.
   *
   * maxHold ends at a moment of table time, and this clock cannot be compared with that one. But each heartbeat's answer
   * tells how late it was there *after* it was sent: so `until` comes no sooner than (until - tableNow) after that. And no
   * hold was granted before it was asked for: so its end comes no sooner than maxHold after that. The later of the two
   * counts, each less the margin.
   *
   * Acknowledged is each request up to the first that is unanswered. What is held or waited for is answered; its end may be
   * told late, and then is told by resuming, not by asking again.
   */

  /** The share of a lease that a holder does not count on: clocks may run apart by about half of it. */
  private static final double MARGIN = 0.10;

  /** A connection that is silently dead must not go unnoticed for a third of a long lease. */
  private static final long LONGEST_BETWEEN_HEARTBEATS = seconds(5);

  /** However short the maxHold of a waiter, heartbeats are not closer than this. */
  private static final long SHORTEST_BETWEEN_HEARTBEATS = millis(250);

  /** How long the server may take to name the holders to somebody who is out of patience. */
  private static final long FAREWELL_NANOS = seconds(1);

  /** How long a request that does not wait for others waits for an answer. */
  public static final long TRY_PATIENCE_NANOS = seconds(5);

  /** How long a release waits for an answer; it is repeated for as long as the lease may last. */
  private static final long RELEASE_PATIENCE_NANOS = seconds(10);

  /** Impatience sooner than this is timed from the asking; later, from when an answer shows that there is something to wait for. */
  private static final long SOON_NANOS = seconds(6);

  /** Between a refusal that says "not now" and the next time. */
  private static final long REST_NANOS = millis(200);

  private enum Phase {
    /** Wishes for a session. */
    OPENING,
    /** Has one. */
    OPEN,
    /** Tells the server that it is over, until the server says that it knows. */
    CLOSING,
    /** Over. */
    OVER
  }

  /** Its owner. Called for each thing once; must not call the session in return. */
  public interface Listener {
    void opened(SessionCore session);

    /** It is over, against the client's will. Its requests have been told. */
    void ended(SessionCore session, LossReason reason);

    /** The servers will not open it. Its requests have been told. */
    void refused(SessionCore session, Error error);
  }

  /** The way to the server that leads. */
  interface Voice {
    boolean isConnected();

    /** Says something on the stream there is. */
    void say(ClientMessage message);

    /** An answer is awaited since now. */
    void awaits();

    /** Something said then has been answered. */
    void answered(long sentAtNanos);
  }

  /** Something was sent, and was not answered if the request still awaits an answer to what was sent then. */
  private record Sent(ClientRequest request, long atNanos) {
    boolean isAwaited() {
      return request.isAwaited && request.sentAtNanos == atNanos;
    }
  }

  private final ByteString nonce;
  private final Ticker ticker;
  private final Voice voice;
  private final Listener listener;
  private final long leaseMillis;
  private final long leaseNanos;

  private Phase phase = Phase.OPENING;
  private boolean closedAtWill;
  private long id;

  private volatile long leaseDeadlineNanos;

  /** When the lease would be over on the server too, and there is no use in going on closing. */
  private long abandonedAtNanos;

  /** The opening, heartbeat, resumption or closing said last, on the stream there is, was not answered. */
  private boolean isAwaited;

  private long saidAtNanos;
  private long heartbeat;
  private long heartbeatEveryNanos;
  private int limitedRequests;

  /** Table time was not later than this after the moment on this clock. */
  private long tableTime;

  private long tableTimeAtNanos;

  private Ticker.@Nullable Alarm leaseAlarm;
  private Ticker.@Nullable Alarm heartbeatAlarm;

  private long lastRequest;
  private final Map<Long, ClientRequest> requests = new LinkedHashMap<>();
  private final TreeMap<Long, ClientRequest> unanswered = new TreeMap<>();
  private final Deque<Sent> sent = new ArrayDeque<>();

  SessionCore(ByteString nonce, long leaseMillis, Ticker ticker, Voice voice, Listener listener) {
    this.nonce = nonce;
    this.leaseMillis = leaseMillis;
    this.leaseNanos = millis(leaseMillis);
    this.ticker = ticker;
    this.voice = voice;
    this.listener = listener;
    this.leaseDeadlineNanos = ticker.nanos();
    this.heartbeatEveryNanos = Math.min(leaseNanos / 3, LONGEST_BETWEEN_HEARTBEATS);
    if (voice.isConnected()) {
      connected();
    }
  }

  /** Until when the client surely has its session; in the past while it has none. */
  public long leaseDeadlineNanos() {
    return leaseDeadlineNanos;
  }

  /** How long the server keeps the session without hearing of it. */
  public long leaseMillis() {
    return leaseMillis;
  }

  /** Whether it can still be asked for something. */
  public boolean isUsable() {
    checkLease();
    return phase == Phase.OPENING || phase == Phase.OPEN;
  }

  /** Asked for or held: so many requests are alive. */
  public int size() {
    return requests.size();
  }

  /** Its number on the servers; 0 while there is none. */
  public long id() {
    return id;
  }

  ByteString nonce() {
    return nonce;
  }

  boolean isOpening() {
    return phase == Phase.OPENING;
  }

  /** There is something to lose. */
  boolean isOpen() {
    return phase == Phase.OPEN;
  }

  /** Will do nothing more. */
  boolean isOver() {
    return phase == Phase.OVER;
  }

  /** Asks for something. The session must be {@linkplain #isUsable usable}. */
  public ClientRequest acquire(Wish wish, ClientRequest.Listener asker) {
    if (phase != Phase.OPENING && phase != Phase.OPEN) {
      throw new IllegalStateException(this + " is over");
    }
    ClientRequest request = new ClientRequest(++lastRequest, wish, asker, this);
    requests.put(request.id, request);
    unanswered.put(request.id, request);
    if (wish.isLimited()) {
      limitedRequests++;
      if (wish.mayWait()) {
        knowTheTimeFor(wish.maxHoldMillis());
      }
    }
    send(request);
    if (!request.wasSent || wish.impatientAtNanos() - ticker.nanos() < SOON_NANOS) {
      timePatience(request);
    }
    return request;
  }

  /** Its asker has left: leaves the line, or gives back what was granted. Harmless when it is over. */
  public void cancel(ClientRequest request) {
    checkLease();
    if (request.state == State.ASKED || request.state == State.WAITING) {
      leave(request, Farewell.SAID);
    } else if (request.state == State.HELD) {
      giveBack(request);
    } else {
      request.farewell = Farewell.SAID;
    }
  }

  /**
   * Gives back what is held.
   *
   * @return false if it is not held any more
   */
  public boolean release(ClientRequest request) {
    checkLease();
    if (request.state != State.HELD) {
      return false;
    }
    change(request, State.RELEASING);
    send(request);
    if (!request.isAwaited) {
      timeRelease(request);
    }
    return true;
  }

  /** Ends the session. Holds are lost at once; what is being given back is told when the server has confirmed it. */
  public void close() {
    if (phase == Phase.OPENING || phase == Phase.OPEN) {
      closedAtWill = true;
      end(LossReason.SESSION_ENDED, false);
    }
  }

  /** The server has had its time to confirm. */
  public void abandon() {
    for (ClientRequest request : new ArrayList<>(requests.values())) {
      forget(request);
      if (request.state == State.RELEASING && !request.isSilent) {
        ended(request);
        request.listener.uncertain("the client was closed");
      } else {
        ended(request);
      }
    }
    over();
  }

  // ------------------------------------------------------------------------------------------------- the stream

  /** A server that leads listens. */
  void connected() {
    isAwaited = false;
    switch (phase) {
      case OPENING -> sayOpen();
      case OPEN -> {
        sayResume(); // also if the lease is over: no stream can close what it has not resumed
        checkLease();
        unanswered.values().forEach(this::send);
      }
      case CLOSING -> {
        if (ticker.nanos() - abandonedAtNanos < 0) {
          sayResume();
          sayClose();
        } else {
          over();
        }
      }
      case OVER -> {}
    }
  }

  /** The stream is gone; what was not answered on it never will be. */
  void disconnected() {
    isAwaited = false;
    sent.clear();
    for (ClientRequest request : new ArrayList<>(unanswered.values())) {
      request.isAwaited = false;
      if (request.state == State.ASKED) {
        timePatience(request);
      } else if (request.state == State.RELEASING && !request.isSilent) {
        timeRelease(request);
      } else if (request.farewell != Farewell.SAID) {
        sayFarewell(request, List.of());
      }
    }
    if (phase == Phase.CLOSING && ticker.nanos() - abandonedAtNanos >= 0) {
      over();
    }
  }

  /** No server will ever listen, for this reason: whoever has not been heard by one is told. */
  void refusedByAll(Error error) {
    for (ClientRequest request : new ArrayList<>(unanswered.values())) {
      if (request.state == State.ASKED && !request.wasSent) {
        forget(request);
        ended(request);
        request.listener.refused(error);
      }
    }
  }

  /** Since when the oldest answer is awaited that has not come. */
  OptionalLong awaitedSince() {
    Sent oldest = oldestAwaited();
    if (oldest == null) {
      return isAwaited ? OptionalLong.of(saidAtNanos) : OptionalLong.empty();
    }
    return OptionalLong.of(
        isAwaited && saidAtNanos - oldest.atNanos < 0 ? saidAtNanos : oldest.atNanos);
  }

  private @Nullable Sent oldestAwaited() {
    Sent oldest = sent.peekFirst();
    while (oldest != null && !oldest.isAwaited()) {
      sent.removeFirst();
      oldest = sent.peekFirst();
    }
    return oldest;
  }

  // ------------------------------------------------------------------------------------------------- what the server says

  void opened(SessionOpened opened) {
    if (phase != Phase.OPENING) {
      return;
    }
    answered();
    phase = Phase.OPEN;
    id = opened.getSession();
    leaseDeadlineNanos = saidAtNanos + trusted(leaseNanos);
    tableTime = opened.getTableNow();
    tableTimeAtNanos = saidAtNanos;
    endLeaseInTime();
    beatInTime(saidAtNanos + heartbeatEveryNanos);
    listener.opened(this);
    checkLease();
    unanswered.values().forEach(this::send);
  }

  void notOpened(Error error) {
    if (phase == Phase.OPENING) {
      answered();
      for (ClientRequest request : new ArrayList<>(requests.values())) {
        forget(request);
        ended(request);
        request.listener.refused(error);
      }
      over();
      listener.refused(this, error);
    }
  }

  /** There is no such session, and never will be. */
  void gone() {
    if (phase == Phase.OPEN) {
      end(LossReason.SESSION_ENDED, true);
      listener.ended(this, LossReason.SESSION_ENDED);
    } else if (phase == Phase.CLOSING) {
      answered();
      for (ClientRequest request : new ArrayList<>(requests.values())) {
        State state = request.state;
        forget(request);
        ended(request);
        if (state == State.RELEASING && !request.isSilent) {
          request.listener.released();
        }
      }
      over();
    }
  }

  void alive(Alive alive) {
    checkLease();
    if (phase != Phase.OPEN || !isAwaited || alive.getNumber() != heartbeat) {
      return;
    }
    answered();
    long deadline = saidAtNanos + trusted(leaseNanos);
    if (deadline - leaseDeadlineNanos > 0) {
      leaseDeadlineNanos = deadline;
    }
    tableTime = alive.getTableNow();
    tableTimeAtNanos = saidAtNanos;
    if (limitedRequests > 0) {
      requests.values().forEach(this::limitByTableTime);
    }
    for (long number : alive.getEndedList()) {
      ClientRequest request = requests.get(number);
      if (request != null && request.state == State.HELD) {
        // What ends a hold while the session lives, and is not known here by the clock, is an
        // operator.
        lost(request, LossReason.REVOKED);
      } else if (request != null && request.state == State.WAITING) {
        // It was granted meanwhile, and that has ended already; or the server would know it.
        change(request, State.ASKED);
        send(request);
      }
    }
    for (Granted granted : alive.getGrantedList()) {
      granted(granted);
    }
  }

  void granted(Granted granted) {
    ClientRequest request = heard(granted.getRequest());
    if (request == null || (request.state != State.ASKED && request.state != State.WAITING)) {
      return;
    }
    hold(request, granted.getToken(), granted.hasUntil() ? granted.getUntil() : Lease.NO_DEADLINE);
    request.listener.granted(request);
    if (request.until != Lease.NO_DEADLINE) {
      endLimitInTime(request);
    }
  }

  void queued(Queued queued) {
    ClientRequest request = heard(queued.getRequest());
    if (request == null || request.state != State.ASKED) {
      return;
    }
    answered(request);
    change(request, State.WAITING);
    timePatience(request);
    List<ClientRequest.Listener> behind = new ArrayList<>();
    for (long own : queued.getBehindOwnList()) {
      ClientRequest before = requests.get(own);
      if (before != null && before.state == State.HELD) {
        behind.add(before.listener);
      }
    }
    request.listener.queued(behind);
  }

  void busy(Busy busy) {
    ClientRequest request = heard(busy.getRequest());
    if (request != null) {
      answered(request);
      if (request.state == State.ASKED || request.farewell != Farewell.SAID) {
        forget(request);
        ended(request);
        request.listener.busy(busy.getHoldersList());
      } else if (request.state == State.CANCELLING) {
        forget(request);
        ended(request);
      }
    }
  }

  void cancelled(Cancelled cancelled) {
    over(cancelled.getRequest(), cancelled.getHoldersList());
  }

  void released(Released released) {
    over(released.getRequest(), List.of());
  }

  void lost(Lost lost) {
    ClientRequest request = heard(lost.getRequest());
    if (request == null) {
      return;
    }
    if (request.state == State.ASKED || request.state == State.WAITING) {
      // Granted, and lost before that was heard of. Its asker gets the hold, and finds it lost.
      hold(request, lost.getToken(), Lease.NO_DEADLINE);
      request.listener.granted(request);
    }
    if (request.state == State.HELD) {
      lost(request, reason(lost));
    } else {
      over(lost.getRequest(), List.of());
    }
  }

  void refused(Refused refused) {
    ClientRequest request = heard(refused.getRequest());
    if (request == null || !request.isUnanswered()) {
      return;
    }
    answered(request);
    Error error = refused.getError();
    boolean isNotNow = !ErrorCode.isVerdict(error);
    if (request.state == State.ASKED && !isNotNow) {
      boolean isForgotten = error.getReason().equals("FORGOTTEN_REQUEST");
      forget(request);
      ended(request);
      if (isForgotten) {
        request.listener.uncertain("what became of it was forgotten by the server");
      } else {
        request.listener.refused(error);
      }
    } else if (request.state != State.ASKED && ErrorCode.isNothingThere(error)) {
      over(request.id, List.of());
    } else {
      rest(request);
    }
  }

  private @Nullable ClientRequest heard(long number) {
    checkLease();
    return requests.get(number);
  }

  /** Released, cancelled, lost, or refused for there is nothing to release: no matter which, it is over. */
  private void over(long number, List<Holder> holders) {
    ClientRequest request = heard(number);
    if (request == null) {
      return;
    }
    State state = request.state;
    if (state == State.CANCELLING || state == State.RELEASING) {
      answered(request);
      forget(request);
      ended(request);
      if (state == State.RELEASING && !request.isSilent) {
        request.listener.released();
      } else if (request.farewell != Farewell.SAID) {
        request.listener.busy(holders);
      }
    } else if (state == State.ASKED || state == State.WAITING) {
      forget(request);
      ended(request);
      request.listener.uncertain("the server has ended it");
    }
  }

  // ------------------------------------------------------------------------------------------------- holds

  private void hold(ClientRequest request, long token, long until) {
    answered(request);
    stopTimer(request);
    request.granted(token);
    request.until = until;
    change(request, State.HELD);
    if (until != Lease.NO_DEADLINE) {
      request.limitAt(request.firstSentAtNanos + trusted(millis(request.wish.maxHoldMillis())));
      limitByTableTime(request);
    }
  }

  private void lost(ClientRequest request, LossReason reason) {
    forget(request);
    ended(request);
    request.listener.lost(reason);
  }

  private void limitByTableTime(ClientRequest request) {
    if (request.until != Lease.NO_DEADLINE) {
      long limit = tableTimeAtNanos + trusted(request.until - tableTime);
      if (limit - request.limitNanos() > 0) {
        request.limitAt(limit);
      }
    }
  }

  private void endLimitInTime(ClientRequest request) {
    if (ticker.nanos() - request.limitNanos() >= 0) {
      giveBack(request);
      request.listener.lost(LossReason.EXPIRED);
    } else {
      request.limit =
          ticker.schedule(
              request.limitNanos(),
              () -> {
                checkLease();
                if (request.state == State.HELD) {
                  endLimitInTime(request);
                }
              });
    }
  }

  /** Releases what nobody is to use any more. */
  private void giveBack(ClientRequest request) {
    request.isSilent = true;
    change(request, State.RELEASING);
    send(request);
  }

  private void leave(ClientRequest request, Farewell farewell) {
    stopTimer(request);
    if (!request.wasSent) {
      forget(request);
      ended(request);
      return;
    }
    request.farewell = farewell;
    change(request, State.CANCELLING);
    send(request);
  }

  private void timePatience(ClientRequest request) {
    if (request.patience == null) {
      request.patience =
          ticker.schedule(request.wish.impatientAtNanos(), () -> outOfPatience(request));
    }
  }

  private void outOfPatience(ClientRequest request) {
    checkLease();
    if (request.state != State.ASKED && request.state != State.WAITING) {
      return;
    }
    if (!request.wasSent) {
      forget(request);
      ended(request);
      request.listener.neverAsked();
      return;
    }
    leave(request, request.state == State.WAITING ? Farewell.TIMED_OUT : Farewell.UNANSWERED);
    if (request.isAwaited) {
      request.patience =
          ticker.schedule(
              ticker.nanos() + FAREWELL_NANOS,
              () -> {
                checkLease();
                if (request.state == State.CANCELLING) {
                  sayFarewell(request, List.of());
                }
              });
    } else {
      sayFarewell(request, List.of());
    }
  }

  private void sayFarewell(ClientRequest request, List<Holder> holders) {
    Farewell farewell = request.farewell;
    request.farewell = Farewell.SAID;
    stopTimer(request);
    if (farewell == Farewell.TIMED_OUT) {
      request.listener.busy(holders);
    } else if (farewell == Farewell.UNANSWERED) {
      request.listener.uncertain("no answer came in time");
    }
  }

  private void timeRelease(ClientRequest request) {
    if (request.patience == null) {
      request.patience =
          ticker.schedule(
              ticker.nanos() + RELEASE_PATIENCE_NANOS,
              () -> {
                checkLease();
                if (request.state == State.RELEASING && !request.isSilent) {
                  request.isSilent = true;
                  request.listener.uncertain("the release was not answered");
                }
              });
    }
  }

  /** Not now, says the server. */
  private void rest(ClientRequest request) {
    request.isResting = true;
    if (request.state == State.ASKED) {
      timePatience(request);
    } else if (request.state == State.RELEASING && !request.isSilent) {
      timeRelease(request);
    }
    ticker.schedule(
        ticker.nanos() + REST_NANOS,
        () -> {
          checkLease();
          request.isResting = false;
          if (request.isUnanswered() && !request.isAwaited) {
            send(request);
          }
        });
  }

  private static void stopTimer(ClientRequest request) {
    if (request.patience != null) {
      request.patience.cancel();
      request.patience = null;
    }
  }

  private void change(ClientRequest request, State state) {
    request.state = state;
    if (request.isUnanswered()) {
      unanswered.put(request.id, request);
    } else {
      unanswered.remove(request.id);
    }
  }

  /** Nothing more is to be said to the server about it. */
  private void forget(ClientRequest request) {
    request.cancelAlarms();
    requests.remove(request.id);
    unanswered.remove(request.id);
    request.isAwaited = false;
    if (request.wish.isLimited() && --limitedRequests == 0) {
      heartbeatEveryNanos = Math.min(leaseNanos / 3, LONGEST_BETWEEN_HEARTBEATS);
    }
  }

  private static void ended(ClientRequest request) {
    request.state = State.ENDED;
  }

  // ------------------------------------------------------------------------------------------------- the lease

  private void endLeaseInTime() {
    leaseAlarm =
        ticker.schedule(
            leaseDeadlineNanos,
            () -> {
              checkLease();
              if (phase == Phase.OPEN) {
                endLeaseInTime();
              }
            });
  }

  /** An answer that comes after the lease is over comes too late. */
  private void checkLease() {
    if (phase == Phase.OPEN && ticker.nanos() - leaseDeadlineNanos >= 0) {
      end(LossReason.EXPIRED, false);
      listener.ended(this, LossReason.EXPIRED);
    }
  }

  /** Nothing is held or waited for any more; the server is told, if there is anything to tell. */
  private void end(LossReason reason, boolean serverKnows) {
    boolean wasOpen = phase == Phase.OPEN;
    phase = wasOpen && !serverKnows ? Phase.CLOSING : Phase.OVER;
    leaseDeadlineNanos = ticker.nanos();
    abandonedAtNanos = ticker.nanos() + 2 * leaseNanos;
    stopAlarms();
    List<ClientRequest> all = new ArrayList<>(requests.values());
    for (ClientRequest request : all) {
      State state = request.state;
      if (state == State.RELEASING && phase == Phase.CLOSING && closedAtWill) {
        continue; // the server's last word will tell
      }
      forget(request);
      ended(request);
      if (state == State.HELD) {
        request.listener.lost(reason);
      } else if (state == State.RELEASING && !request.isSilent) {
        if (serverKnows) {
          request.listener.released();
        } else {
          request.listener.uncertain("the lease ended before the release was answered");
        }
      } else if (state == State.CANCELLING) {
        sayFarewell(request, List.of());
      } else if (state == State.ASKED || state == State.WAITING) {
        if (closedAtWill) {
          request.listener.closed();
        } else if (!request.wasSent) {
          request.listener.orphaned();
        } else {
          request.listener.uncertain("the session ended while it waited");
        }
      }
    }
    sent.clear();
    isAwaited = false;
    if (phase == Phase.CLOSING && voice.isConnected()) {
      sayClose();
    }
  }

  private void over() {
    phase = Phase.OVER;
    isAwaited = false;
    stopAlarms();
  }

  private void stopAlarms() {
    if (leaseAlarm != null) {
      leaseAlarm.cancel();
    }
    if (heartbeatAlarm != null) {
      heartbeatAlarm.cancel();
    }
  }

  /** A waiter's hold will be limited: the nearer the last reading of table time, the less of it is lost to the margin. */
  private void knowTheTimeFor(long maxHoldMillis) {
    long every = Math.max(SHORTEST_BETWEEN_HEARTBEATS, millis(maxHoldMillis) / 4);
    if (every < heartbeatEveryNanos) {
      heartbeatEveryNanos = every;
      if (phase == Phase.OPEN) {
        beatInTime(saidAtNanos + every);
      }
    }
  }

  private void beatInTime(long atNanos) {
    if (heartbeatAlarm != null) {
      heartbeatAlarm.cancel();
    }
    heartbeatAlarm =
        ticker.schedule(
            atNanos,
            () -> {
              checkLease();
              if (phase == Phase.OPEN) {
                if (voice.isConnected() && !isAwaited) {
                  sayHeartbeat();
                }
                beatInTime(ticker.nanos() + heartbeatEveryNanos);
              }
            });
  }

  // ------------------------------------------------------------------------------------------------- what is said

  private void sayOpen() {
    say(
        ClientMessage.newBuilder()
            .setOpenSession(OpenSession.newBuilder().setNonce(nonce).setLeaseMs(leaseMillis))
            .build());
  }

  private void sayHeartbeat() {
    say(
        ClientMessage.newBuilder()
            .setHeartbeat(Heartbeat.newBuilder().setSession(id).setNumber(++heartbeat))
            .build());
  }

  private void sayResume() {
    ResumeSession.Builder resume =
        ResumeSession.newBuilder().setSession(id).setNonce(nonce).setHeartbeat(++heartbeat);
    for (ClientRequest request : requests.values()) {
      if (request.state == State.HELD || request.state == State.WAITING) {
        resume.addRequests(request.id);
      }
    }
    say(ClientMessage.newBuilder().setResumeSession(resume).build());
  }

  private void sayClose() {
    say(
        ClientMessage.newBuilder()
            .setCloseSession(CloseSession.newBuilder().setSession(id))
            .build());
  }

  private void say(ClientMessage message) {
    isAwaited = true;
    saidAtNanos = ticker.nanos();
    voice.say(message);
    voice.awaits();
  }

  private void send(ClientRequest request) {
    if (phase != Phase.OPEN || !voice.isConnected() || request.isResting) {
      return;
    }
    request.isAwaited = true;
    request.sentAtNanos = ticker.nanos();
    if (!request.wasSent) {
      request.wasSent = true;
      request.firstSentAtNanos = request.sentAtNanos;
    }
    oldestAwaited(); // drops those before it
    sent.addLast(new Sent(request, request.sentAtNanos));
    voice.say(toMessage(request));
    voice.awaits();
  }

  private ClientMessage toMessage(ClientRequest request) {
    ClientMessage.Builder message = ClientMessage.newBuilder();
    switch (request.state) {
      case CANCELLING ->
          message.setCancel(
              Cancel.newBuilder()
                  .setSession(id)
                  .setRequest(request.id)
                  .setTellHolders(request.farewell != Farewell.SAID));
      case RELEASING ->
          message.setRelease(
              Release.newBuilder().setSession(id).setRequest(request.id).setToken(request.token()));
      default -> {
        Wish wish = request.wish;
        Acquire.Builder acquire =
            Acquire.newBuilder()
                .setSession(id)
                .setRequest(request.id)
                .setAcknowledged(unanswered.firstKey() - 1)
                .addAllTargets(wish.targets())
                .setMayWait(wish.mayWait())
                .setData(wish.data());
        if (wish.isLimited()) {
          acquire.setMaxHoldMs(wish.maxHoldMillis());
        }
        message.setAcquire(acquire);
      }
    }
    return message.build();
  }

  private void answered() {
    if (isAwaited) {
      isAwaited = false;
      voice.answered(saidAtNanos);
    }
  }

  private void answered(ClientRequest request) {
    if (request.isAwaited) {
      request.isAwaited = false;
      voice.answered(request.sentAtNanos);
    }
  }

  private static LossReason reason(Lost lost) {
    return switch (lost.getReason()) {
      case LOSS_REASON_EXPIRED -> LossReason.EXPIRED;
      case LOSS_REASON_REVOKED -> LossReason.REVOKED;
      default -> LossReason.SESSION_ENDED;
    };
  }

  private static long trusted(long nanos) {
    return nanos - (long) (nanos * MARGIN);
  }

  static long seconds(long seconds) {
    return seconds * 1_000_000_000;
  }

  static long millis(long millis) {
    return millis * 1_000_000;
  }

  @Override
  public String toString() {
    return "session " + id + " " + phase;
  }
}
