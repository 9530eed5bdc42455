package io.holdfast.server.rpc;

import com.google.protobuf.ByteString;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.Cancel;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.CloseSession;
import io.holdfast.protocol.v1.Heartbeat;
import io.holdfast.protocol.v1.OpenSession;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.server.core.ClientLink;
import io.holdfast.server.core.Connection;
import io.holdfast.server.core.Outbox;
import io.holdfast.server.core.Problem;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import io.holdfast.spi.Ticker;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The session that unary calls acquire in: a small client within the server, which speaks for callers that keep no session of
 * their own. It lives for as long as it waits or holds for them, and no longer than whoever made it lets it.
 *
 * <p>Thread-safe: all is done by one thread at a time, whichever comes.
 */
final class CallSession implements ClientLink {
  /*
   * The server keeps the session alive by heartbeats to itself, answered under the same condition as any other. When the
   * leadership ends, so does this: calls that wait fail, and what was granted ends with the session's lease, for the new leader
   * knows of no connection here.
   */

  /** Of a session that lives with its connection; so long after a crash its holds end. */
  static final Duration LEASE = Duration.ofSeconds(10);

  private static final int HEARTBEATS_A_LEASE = 3;
  private static final Logger LOG = LoggerFactory.getLogger(CallSession.class);
  private static final SecureRandom NONCES = new SecureRandom();

  private final Outbox<Runnable> tasks = new Outbox<>(() -> true, Runnable::run);
  private final CallSessions home;
  private final CallSessions.Key key;
  private final Ticker ticker;
  private final ByteString nonce;

  /** That which ends last of those that callers have shown. */
  private volatile Credential credential;

  /** Calls that are on their way here. */
  private final AtomicInteger coming = new AtomicInteger();

  private boolean opening;

  private @Nullable Connection connection;
  private long session;
  private long lastRequest;
  private long lastHeartbeat;
  private boolean unwanted;

  /** Why nothing can be acquired here any more; null while it can. */
  private @Nullable RuntimeException over;

  private Ticker.@Nullable Alarm alarm;

  /** By request: those that wait or hold. */
  private final Map<Long, Call> calls = new LinkedHashMap<>();

  /** Told of a grant. */
  interface Granted {
    /**
     * A call has its lock.
     *
     * @param endsUnixMillis when the hold ends by itself, no later than that; empty if it does not
     */
    void granted(long token, OptionalLong endsUnixMillis);
  }

  /** A call that acquires. */
  static final class Call {
    final Acquire.Builder acquire;
    final OptionalLong timeoutMillis;
    final Granted granted;
    final Consumer<RuntimeException> failed;
    private boolean told;
    private boolean calledOff;
    private Ticker.@Nullable Alarm patience;

    /**
     * A call to come.
     *
     * @param timeoutMillis how long to wait; 0 not at all, empty without end
     * @param granted told that it has the lock
     * @param failed told why not
     */
    Call(
        Acquire.Builder acquire,
        OptionalLong timeoutMillis,
        Granted granted,
        Consumer<RuntimeException> failed) {
      this.acquire = acquire;
      this.timeoutMillis = timeoutMillis;
      this.granted = granted;
      this.failed = failed;
    }

    private void fail(RuntimeException status) {
      stopWaiting();
      if (!told) {
        told = true;
        try {
          failed.accept(status);
        } catch (RuntimeException e) {
          LOG.debug("A call could not be answered", e); // the session has others
        }
      }
    }

    private void stopWaiting() {
      if (patience != null) {
        patience.cancel();
        patience = null;
      }
    }
  }

  CallSession(Credential credential, Ticker ticker, CallSessions home, CallSessions.Key key) {
    this.credential = credential;
    this.ticker = ticker;
    this.home = home;
    this.key = key;
    byte[] random = new byte[16];
    NONCES.nextBytes(random);
    this.nonce = ByteString.copyFrom(random);
  }

  /** Becomes a client of the core, if it is none yet. Not to be called by whoever holds a mutex. */
  void open(ServerCore core) {
    inTurn(
        () -> {
          if (!opening) {
            opening = true;
            connection = core.connect(this).orElse(null);
            say(OneCall.hello(key.namespace(), key.owner()));
          }
        });
  }

  /** Somebody is on the way here who is to {@link #acquire}. */
  void expect() {
    coming.incrementAndGet();
  }

  boolean isExpecting() {
    return coming.get() > 0;
  }

  /** Asks for a lock; the call is told when it has it, or why not. */
  void acquire(Call call, Credential shown) {
    inTurn(
        () -> {
          credential = Credential.lasting(credential, shown);
          coming.decrementAndGet();
          if (call.told) {
            return; // called off before it came
          }
          if (over != null || unwanted) {
            call.fail(over == null ? gone() : over);
            return;
          }
          long request = ++lastRequest;
          calls.put(request, call);
          call.acquire
              .setRequest(request)
              .setAcknowledged(request - 1) // nothing is asked here for a second time
              .setMayWait(call.timeoutMillis.isEmpty() || call.timeoutMillis.getAsLong() > 0);
          if (call.timeoutMillis.isPresent() && call.timeoutMillis.getAsLong() > 0) {
            long millis = Math.min(call.timeoutMillis.getAsLong(), Duration.ofDays(365).toMillis());
            call.patience =
                ticker.schedule(
                    ticker.nanosIn(Duration.ofMillis(millis)),
                    () ->
                        inTurn(
                            () -> {
                              if (!call.told) { // else it was granted while this was on its way
                                call.fail(notInTime());
                                giveBack(request, call);
                              }
                            }));
          }
          if (session != 0) {
            send(call);
          }
        });
  }

  /** The caller does not want it any more, or is gone. */
  void callOff(Call call) {
    inTurn(
        () -> {
          call.told = true;
          call.stopWaiting();
          giveBack(call.acquire.getRequest(), call);
        });
  }

  /** The callers' connection is gone. */
  void leave() {
    inTurn(
        () -> {
          unwanted = true;
          if (session != 0) {
            say(
                ClientMessage.newBuilder()
                    .setCloseSession(CloseSession.newBuilder().setSession(session))
                    .build());
          }
        });
  }

  private void inTurn(Runnable task) {
    tasks.add(task);
    tasks.drain();
  }

  private void say(ClientMessage message) {
    if (connection != null) {
      connection.receive(message);
    }
  }

  private void send(Call call) {
    call.acquire.setSession(session);
    if (call.calledOff) {
      calls.remove(call.acquire.getRequest());
    } else {
      say(ClientMessage.newBuilder().setAcquire(call.acquire).build());
    }
  }

  private void giveBack(long request, Call call) {
    if (calls.get(request) == call && !call.calledOff) {
      call.calledOff = true;
      if (session != 0) {
        say(
            ClientMessage.newBuilder()
                .setCancel(Cancel.newBuilder().setSession(session).setRequest(request))
                .build());
      }
    }
  }

  private void heard(ServerMessage message) {
    switch (message.getMessageCase()) {
      case WELCOME ->
          say(
              ClientMessage.newBuilder()
                  .setOpenSession(
                      OpenSession.newBuilder().setNonce(nonce).setLeaseMs(key.leaseMillis()))
                  .build());
      case SESSION_OPENED -> opened(message.getSessionOpened().getSession());
      case GRANTED -> granted(message.getGranted());
      case BUSY -> ended(message.getBusy().getRequest(), notInTime());
      case REFUSED ->
          ended(
              message.getRefused().getRequest(),
              Statuses.of(Problem.of(message.getRefused().getError())));
      case RELEASED -> ended(message.getReleased().getRequest(), gone());
      case CANCELLED -> ended(message.getCancelled().getRequest(), gone());
      case LOST -> ended(message.getLost().getRequest(), gone());
      case FAILED -> end(Statuses.of(Problem.of(message.getFailed().getError())));
      case NOT_LEADER -> end(Statuses.notLeader(message.getNotLeader().getLeader()));
      case SESSION_GONE -> end(gone());
      default -> {}
    }
  }

  private void opened(long id) {
    session = id;
    if (unwanted) {
      leave();
      return;
    }
    List.copyOf(calls.values()).forEach(this::send);
    liveOn();
  }

  private void granted(io.holdfast.protocol.v1.Granted grant) {
    Call call = calls.get(grant.getRequest());
    if (call != null && !call.calledOff && connection != null) {
      call.stopWaiting();
      if (!call.told) {
        call.told = true;
        OptionalLong ends =
            grant.hasUntil()
                ? OptionalLong.of(connection.unixMillis(grant.getUntil()))
                : OptionalLong.empty();
        try {
          call.granted.granted(grant.getToken(), ends);
        } catch (RuntimeException e) {
          LOG.debug("A call could not be answered", e);
          giveBack(grant.getRequest(), call);
        }
      }
    }
  }

  private void ended(long request, RuntimeException why) {
    Call call = calls.remove(request);
    if (call != null) {
      call.fail(why);
    }
  }

  private void end(RuntimeException why) {
    if (over == null) {
      over = why;
      if (alarm != null) {
        alarm.cancel();
      }
      if (connection != null) {
        connection.gone();
      }
      calls.values().forEach(call -> call.fail(why));
      calls.clear();
      home.forget(key, this);
    }
  }

  private void liveOn() {
    // However long its lease: a session that nobody uses is not to be kept for long.
    long lease = Math.min(key.leaseMillis(), LEASE.toMillis());
    alarm =
        ticker.schedule(
            ticker.nanosIn(Duration.ofMillis(lease / HEARTBEATS_A_LEASE)),
            () -> inTurn(this::beat));
  }

  private void beat() {
    if (over != null) {
      return;
    }
    if (calls.isEmpty() && home.retire(key, this)) {
      leave(); // nobody uses it; the next call gets another one
    } else {
      say(
          ClientMessage.newBuilder()
              .setHeartbeat(Heartbeat.newBuilder().setSession(session).setNumber(++lastHeartbeat))
              .build());
    }
    liveOn();
  }

  private static RuntimeException gone() {
    return Statuses.of(
        new Problem(
            Problem.Code.UNAVAILABLE,
            "SESSION_ENDED",
            "the server no longer speaks for this call"));
  }

  private static RuntimeException notInTime() {
    return Statuses.of(
        new Problem(
            Problem.Code.DEADLINE_EXCEEDED, "NOT_ACQUIRED", "the lock was not acquired in time"));
  }

  @Override
  public String subject() {
    return key.subject();
  }

  @Override
  public boolean may(Action action, String namespace) {
    return credential.may(action, namespace);
  }

  @Override
  public Optional<AuthReason> lapse() {
    return credential.lapse();
  }

  @Override
  public boolean isReady() {
    return true;
  }

  @Override
  public void send(ServerMessage message) {
    inTurn(() -> heard(message));
  }

  @Override
  public void close() {
    inTurn(() -> end(gone()));
  }

  @Override
  public void close(Problem problem) {
    inTurn(() -> end(Statuses.of(problem)));
  }

  @Override
  public void resume() {}
}
