package io.holdfast.simulation;

import io.holdfast.LockTarget;
import io.holdfast.LossReason;
import io.holdfast.simulation.ClientRequest.Ending;
import io.holdfast.simulation.ClientRequest.State;
import io.holdfast.spi.Ticker;
import io.holdfast.table.Command;
import io.holdfast.table.Event;
import io.holdfast.table.Refusal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One session of a client with the lock servers: asks until it is answered, renews the lease, and knows at each moment
 * what it surely holds. When the session is over, so is this; it never begins another.
 *
 * <p>Event-driven: it acts when it is called, when a message is {@linkplain #receive received}, and when an alarm of
 * its ticker goes off, and all of that in one thread. The client that users get takes its place here, over the same
 * three.
 */
final class ClientCore {
  /*
   * Messages may be lost, doubled and reordered, so each is sent until it is answered: first to the server that
   * answered last, after a while to the next. An answer counts once: the state of its request tells whether it still
   * means something. A grant, above all, means nothing to a request that is being given back: it may be the copy of an
   * old one.
   *
   * Leases. A heartbeat that is answered renews the lease from the moment at which it was *sent*. Answers also tell
   * which of the requests named by the heartbeat are granted or gone, so a client whose lease goes on has been told of
   * its losses. Commands renew nothing here, though the server is glad to hear them: their answers do not tell of
   * losses.
   *
   * maxHold is a moment of table time, and this clock cannot be compared with that one. But each heartbeat's answer
   * tells how late it was there *after* the heartbeat was sent: so `until` comes no sooner than (until - tableNow)
   * after that.
   */
  private static final long ATTEMPT_NANOS = 500 * Nanos.MILLI;
  private static final long TICK_NANOS = ATTEMPT_NANOS / 2;
  private static final long TRY_PATIENCE_NANOS = 3 * Nanos.SECOND;
  private static final long LEAST_BETWEEN_MOVES_NANOS = 50 * Nanos.MILLI;
  private static final long NEVER = Long.MAX_VALUE;
  private static final int HEARTBEATS_IN_FLIGHT = 32;

  /** The share of a lease that a holder does not count on: clocks may run apart by about half of it. */
  private static final double MARGIN = 0.10;

  /** Sends a message to one of the servers. It may or may not arrive. */
  interface Wire {
    void send(int server, ToServer message);
  }

  /** The application. Called once for each thing. */
  interface Listener {
    void opened(ClientCore client);

    /** The lease counts from there now; a reading of the ticker. */
    void renewed(ClientCore client, long sentAtNanos);

    /** The session is over, against the application's will. Its requests have been told before. */
    void ended(ClientCore client, LossReason reason);

    /** The session was closed, and the server knows. */
    void closed(ClientCore client);
  }

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

  private final String name;
  private final long nonce;
  private final Ticker ticker;
  private final Wire wire;
  private final Listener listener;
  private final long leaseNanos;
  private final int servers;

  private Phase phase = Phase.OPENING;

  /** The end was the application's wish. */
  private boolean closedAtWill;

  private long session;
  private long leaseDeadlineNanos;

  /** When the lease would be over on the server too, and there is no use in going on asking. */
  private long abandonedAtNanos;

  private int server;
  private long movedAtNanos;
  private long heardAtNanos;

  private final long openedAtNanos;
  private long lastSentAtNanos;

  private long lastHeartbeat;
  private long heartbeatSentAtNanos;
  private boolean heartbeatAnswered = true;
  private final Map<Long, Long> heartbeatsSentAtNanos = new LinkedHashMap<>();

  /** Table time was not later than this after the moment on this clock. */
  private long tableTime;

  private long tableTimeAtNanos;

  private long lastRequest;
  private final TreeMap<Long, ClientRequest> requests = new TreeMap<>();

  ClientCore(
      String name,
      long nonce,
      Ticker ticker,
      Wire wire,
      Listener listener,
      long leaseNanos,
      int servers) {
    this.name = name;
    this.nonce = nonce;
    this.ticker = ticker;
    this.wire = wire;
    this.listener = listener;
    this.leaseNanos = leaseNanos;
    this.servers = servers;
    this.server = (int) (nonce % servers);
    this.openedAtNanos = ticker.nanos();
    this.leaseDeadlineNanos = openedAtNanos + trusted(leaseNanos);
    this.movedAtNanos = openedAtNanos;
    this.heardAtNanos = openedAtNanos;
    sendOpen();
    tickLater();
    endLeaseInTime();
  }

  String name() {
    return name;
  }

  /** 0 while there is none. */
  long session() {
    return session;
  }

  boolean isOpen() {
    return phase == Phase.OPEN && ticker.nanos() - leaseDeadlineNanos < 0;
  }

  /** Will do nothing more. */
  boolean isOver() {
    return phase == Phase.OVER;
  }

  /** Nothing is left to be said about anything asked of it. */
  boolean isIdle() {
    return requests.isEmpty();
  }

  /** Whether a request surely holds what it asked for, at this moment. */
  boolean isHeld(ClientRequest request) {
    return request.state == State.HELD && isOpen() && isBefore(request.deadlineNanos);
  }

  /**
   * Asks for targets as one.
   *
   * @param maxWaitNanos 0 not to wait at all
   */
  ClientRequest acquire(
      List<LockTarget> targets,
      long maxWaitNanos,
      long maxHoldNanos,
      ClientRequest.Listener requestListener) {
    if (!isOpen()) {
      throw new IllegalStateException(name + " is not open");
    }
    boolean mayWait = maxWaitNanos > 0;
    ClientRequest request =
        new ClientRequest(++lastRequest, targets, mayWait, maxHoldNanos, requestListener);
    requests.put(request.id(), request);
    send(request);
    request.patience =
        ticker.schedule(
            ticker.nanos() + (mayWait ? maxWaitNanos : TRY_PATIENCE_NANOS),
            () -> giveUp(request, mayWait ? Ending.TIMED_OUT : Ending.REFUSED));
    return request;
  }

  /** Leaves the line; harmless for a request that has left it. */
  void cancel(ClientRequest request) {
    giveUp(request, Ending.CANCELLED);
  }

  /** Gives back what is held; harmless if nothing is. */
  void release(ClientRequest request) {
    checkLease();
    if (request.state == State.HELD) {
      request.state = State.RELEASING;
      send(request);
    }
  }

  /** Ends the session. */
  void close() {
    if (phase == Phase.OPENING) {
      phase = Phase.OVER;
      listener.closed(this); // if there comes to be a session, it ends for lack of heartbeats
    } else if (phase == Phase.OPEN) {
      closedAtWill = true;
      end(LossReason.SESSION_ENDED, false);
    }
  }

  /** A message has arrived. */
  void receive(int from, ToClient message) {
    if (phase == Phase.OVER) {
      return;
    }
    checkLease();
    heardAtNanos = ticker.nanos();
    if (message instanceof ToClient.Opened opened) {
      opened(opened);
    } else if (message instanceof ToClient.NotLeader notLeader) {
      if (from == server) {
        move(notLeader.leader());
      }
    } else if (message instanceof ToClient.Gone gone && gone.session() == session) {
      gone();
    } else if (phase == Phase.OPEN
        && message instanceof ToClient.Alive alive
        && alive.session() == session) {
      alive(alive);
    } else if (phase == Phase.OPEN
        && message instanceof ToClient.Told told
        && told.event().session() == session) {
      ClientRequest request = requests.get(told.event().request());
      if (request != null) {
        told(request, told.event());
      }
    }
  }

  private void opened(ToClient.Opened opened) {
    if (phase == Phase.OPENING && opened.nonce() == nonce) {
      phase = Phase.OPEN;
      session = opened.session();
      tableTime = opened.tableNow();
      tableTimeAtNanos = openedAtNanos;
      heartbeatSentAtNanos = openedAtNanos;
      listener.renewed(this, openedAtNanos);
      listener.opened(this);
    }
  }

  private void alive(ToClient.Alive alive) {
    Long sentAt = heartbeatsSentAtNanos.remove(alive.number());
    if (sentAt == null) {
      return; // a copy
    }
    heartbeatAnswered |= alive.number() == lastHeartbeat;
    long deadline = sentAt + trusted(leaseNanos);
    if (deadline - leaseDeadlineNanos > 0) {
      leaseDeadlineNanos = deadline;
      listener.renewed(this, sentAt);
    }
    tableTime = alive.tableNow();
    tableTimeAtNanos = sentAt;
    requests.values().forEach(this::limitByMaxHold);
    for (long ended : alive.ended()) {
      ClientRequest request = requests.get(ended);
      if (request != null && (request.state == State.HELD || request.state == State.WAITING)) {
        // What ends a hold while the session lives, and is not known here by the clock, is an
        // operator.
        ended(request, LossReason.REVOKED);
      }
    }
    for (Event.Granted granted : alive.granted()) {
      ClientRequest request = requests.get(granted.request());
      if (request != null) {
        told(request, granted);
      }
    }
  }

  private void told(ClientRequest request, Event event) {
    if (event instanceof Event.Granted granted) {
      granted(request, granted);
    } else if (event instanceof Event.Queued) {
      if (request.state == State.ASKED) {
        request.state = State.WAITING;
        request.listener.queued();
      }
    } else if (event instanceof Event.Busy) {
      if (request.state == State.ASKED) {
        forget(request);
        request.listener.gaveUp(Ending.BUSY);
      } else if (request.state == State.CANCELLING) {
        forget(request);
      }
    } else if (event instanceof Event.Lost lost) {
      ended(request, lost.reason());
    } else if (event instanceof Event.Refused refused
        && refused.reason() == Refusal.UNKNOWN_SESSION) {
      gone();
    } else if (request.state == State.CANCELLING || request.state == State.RELEASING) {
      // Released, cancelled, or refused for there is nothing to release: no matter which, it is
      // over.
      ended(request, LossReason.REVOKED);
    }
  }

  private void granted(ClientRequest request, Event.Granted granted) {
    if (request.state != State.ASKED && request.state != State.WAITING) {
      return;
    }
    stopWaiting(request);
    request.state = State.HELD;
    request.token = granted.token();
    request.until = granted.until();
    request.deadlineNanos = NEVER;
    limitByMaxHold(request);
    if (!isBefore(request.deadlineNanos)) { // its maxHold was over before it was known
      giveBack(request);
      request.listener.gaveUp(Ending.REFUSED);
      return;
    }
    request.listener.granted();
    if (request.until != Command.FOREVER) {
      endMaxHoldInTime(request);
    }
  }

  /** The server has ended it, or says that it was over already. */
  private void ended(ClientRequest request, LossReason reason) {
    State state = request.state;
    forget(request);
    if (state == State.HELD) {
      request.listener.lost(reason);
    } else if (state == State.RELEASING && !request.lost) {
      request.listener.released();
    } else if (state == State.ASKED || state == State.WAITING) {
      request.listener.gaveUp(Ending.REFUSED);
    }
  }

  private void giveUp(ClientRequest request, Ending ending) {
    checkLease();
    if (request.state == State.ASKED || request.state == State.WAITING) {
      stopWaiting(request);
      request.state = State.CANCELLING;
      send(request);
      request.listener.gaveUp(ending);
    }
  }

  private static void stopWaiting(ClientRequest request) {
    if (request.patience != null) {
      request.patience.cancel();
    }
  }

  private void forget(ClientRequest request) {
    stopWaiting(request);
    request.state = State.ENDED;
    requests.remove(request.id());
  }

  private void limitByMaxHold(ClientRequest request) {
    if (request.until != Command.FOREVER) {
      long deadline = tableTimeAtNanos + trusted(request.until - tableTime);
      if (request.deadlineNanos == NEVER || deadline - request.deadlineNanos > 0) {
        request.deadlineNanos = deadline;
      }
    }
  }

  private void endMaxHoldInTime(ClientRequest request) {
    ticker.schedule(
        request.deadlineNanos,
        () -> {
          if (request.state == State.HELD) {
            if (isBefore(request.deadlineNanos)) {
              endMaxHoldInTime(request);
            } else {
              giveBack(request);
              request.listener.lost(LossReason.EXPIRED);
            }
          }
        });
  }

  /** Releases what the application is not to use any more. */
  private void giveBack(ClientRequest request) {
    request.state = State.RELEASING;
    request.lost = true;
    send(request);
  }

  private void endLeaseInTime() {
    ticker.schedule(
        leaseDeadlineNanos,
        () -> {
          checkLease();
          if (phase == Phase.OPENING || phase == Phase.OPEN) {
            endLeaseInTime();
          }
        });
  }

  /** An answer that comes after the lease is over comes too late. */
  private void checkLease() {
    if ((phase == Phase.OPENING || phase == Phase.OPEN)
        && ticker.nanos() - leaseDeadlineNanos >= 0) {
      end(LossReason.EXPIRED, false);
      listener.ended(this, LossReason.EXPIRED);
    }
  }

  /** The server says that there is no such session. */
  private void gone() {
    if (phase == Phase.OPEN) {
      end(LossReason.SESSION_ENDED, true);
      phase = Phase.OVER;
      listener.ended(this, LossReason.SESSION_ENDED);
    } else if (phase == Phase.CLOSING) {
      phase = Phase.OVER;
      if (closedAtWill) {
        listener.closed(this);
      }
    }
  }

  /** Nothing is held or waited for any more; the server is told, if there is anything to tell. */
  private void end(LossReason reason, boolean serverKnows) {
    phase = session == 0 ? Phase.OVER : Phase.CLOSING;
    abandonedAtNanos = ticker.nanos() + 2 * leaseNanos;
    for (ClientRequest request : new ArrayList<>(requests.values())) {
      State state = request.state;
      forget(request);
      if (state == State.HELD) {
        request.listener.lost(reason);
      } else if (state == State.RELEASING && !request.lost) {
        if (serverKnows) {
          request.listener.released();
        } else {
          request.listener.unknown();
        }
      } else if (state == State.ASKED || state == State.WAITING) {
        if (closedAtWill) {
          request.listener.gaveUp(Ending.CLOSED);
        } else if (serverKnows) {
          request.listener.gaveUp(Ending.REFUSED);
        } else {
          request.listener.unknown();
        }
      }
    }
    if (phase == Phase.CLOSING && !serverKnows) {
      sendClose();
    }
  }

  private void tickLater() {
    ticker.schedule(
        ticker.nanos() + TICK_NANOS,
        () -> {
          checkLease();
          if (phase != Phase.OVER) {
            tick(ticker.nanos());
            tickLater();
          }
        });
  }

  /** Sends again what was not answered in time, and the next heartbeat. */
  private void tick(long now) {
    boolean heartbeatDue =
        phase == Phase.OPEN
            && now - heartbeatSentAtNanos >= (heartbeatAnswered ? leaseNanos / 3 : ATTEMPT_NANOS);
    boolean isLate = isLate(now) || (heartbeatDue && !heartbeatAnswered);
    if (isLate && now - heardAtNanos >= ATTEMPT_NANOS) {
      server = (server + 1) % servers;
      movedAtNanos = now;
    }
    if (isLate) {
      sendAgain(now, ATTEMPT_NANOS);
    }
    if (heartbeatDue) {
      sendHeartbeat();
    }
  }

  private boolean isLate(long now) {
    if (phase == Phase.OPENING || phase == Phase.CLOSING) {
      return now - lastSentAtNanos >= ATTEMPT_NANOS;
    }
    for (ClientRequest request : requests.values()) {
      if (isUnanswered(request) && now - request.sentAtNanos >= ATTEMPT_NANOS) {
        return true;
      }
    }
    return false;
  }

  private static boolean isUnanswered(ClientRequest request) {
    return request.state == State.ASKED
        || request.state == State.CANCELLING
        || request.state == State.RELEASING;
  }

  /** Goes to another server, and asks it all that is unanswered; but not in circles without a rest. */
  private void move(int hint) {
    long now = ticker.nanos();
    server = hint >= 0 && hint != server ? hint : (server + 1) % servers;
    if (now - movedAtNanos >= LEAST_BETWEEN_MOVES_NANOS) {
      movedAtNanos = now;
      sendAgain(now, 0);
      if (phase == Phase.OPEN && !heartbeatAnswered) {
        sendHeartbeat();
      }
    }
  }

  private void sendAgain(long now, long after) {
    if (phase == Phase.OPENING) {
      sendOpen();
    } else if (phase == Phase.CLOSING) {
      if (now - abandonedAtNanos < 0) {
        sendClose();
      } else {
        phase = Phase.OVER;
      }
    } else {
      for (ClientRequest request : requests.values()) {
        if (isUnanswered(request) && now - request.sentAtNanos >= after) {
          send(request);
        }
      }
    }
  }

  private void sendOpen() {
    lastSentAtNanos = ticker.nanos();
    wire.send(server, new ToServer.Open(name, nonce));
  }

  private void sendClose() {
    lastSentAtNanos = ticker.nanos();
    wire.send(server, new ToServer.Close(session));
  }

  private void sendHeartbeat() {
    List<ToServer.Named> named = new ArrayList<>();
    for (ClientRequest request : requests.values()) {
      if (request.state == State.HELD || request.state == State.WAITING) {
        named.add(new ToServer.Named(request.id(), request.targets().get(0).key()));
      }
    }
    heartbeatSentAtNanos = ticker.nanos();
    heartbeatAnswered = false;
    heartbeatsSentAtNanos.put(++lastHeartbeat, heartbeatSentAtNanos);
    heartbeatsSentAtNanos.remove(lastHeartbeat - HEARTBEATS_IN_FLIGHT);
    wire.send(server, new ToServer.Heartbeat(session, lastHeartbeat, named));
  }

  private void send(ClientRequest request) {
    request.sentAtNanos = ticker.nanos();
    ToServer message;
    if (request.state == State.CANCELLING) {
      message = new ToServer.Cancel(session, request.id());
    } else if (request.state == State.RELEASING) {
      message = new ToServer.Release(session, request.id(), request.token);
    } else {
      message =
          new ToServer.Acquire(
              session,
              request.id(),
              requests.firstKey() - 1, // all before have ended here too, and will not be sent again
              request.mayWait,
              request.targets(),
              request.maxHoldNanos);
    }
    wire.send(server, message);
  }

  private boolean isBefore(long deadlineNanos) {
    return deadlineNanos == NEVER || ticker.nanos() - deadlineNanos < 0;
  }

  private static long trusted(long nanos) {
    return nanos - (long) (nanos * MARGIN);
  }

  @Override
  public String toString() {
    return name + " " + phase;
  }
}
