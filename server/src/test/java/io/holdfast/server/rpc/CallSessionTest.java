package io.holdfast.server.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.holdfast.protocol.v1.Acquire;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.Target;
import io.holdfast.server.core.CoreEvents;
import io.holdfast.server.core.Limits;
import io.holdfast.server.core.ServerCore;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.Caller;
import io.holdfast.spi.Ticker;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The sessions of unary calls, with time turned by hand. */
class CallSessionTest {
  private static final Duration TTL = Duration.ofSeconds(5);

  private final ManualTicker ticker = new ManualTicker();
  private final SoloReplicator log = new SoloReplicator("one:1").leadingFromStart();
  private final ServerCore core =
      new ServerCore(
          "one:1",
          () -> "clients.one:1",
          log,
          ticker,
          Limits.DEFAULTS,
          CoreEvents.NONE,
          cause -> {});
  private final CallSessions sessions = new CallSessions("owners", 3, 2);
  private final Credential anybody = credential("", Optional.empty());

  @BeforeEach
  void start() {
    log.start(core);
  }

  @Test
  void anAlarmThatComesAfterTheGrantTakesNothingBack() {
    Ticker late = new DeafTicker();
    CallSession session = claim(key("ann", ""), anybody, late);
    Told told = new Told("a", OptionalLong.of(5_000));
    session.acquire(told.call, anybody);
    assertThat(told.token).isPositive();
    ticker.advance(Duration.ofSeconds(6));
    assertThat(core.figures().holds()).isEqualTo(1);
    assertThat(told.failure).isNull();
  }

  @Test
  void aCallThatWasNotServedInTimeLeavesTheLine() {
    Told holds = acquire("ann", "a", OptionalLong.empty());
    Told waits = acquire("bob", "a", OptionalLong.of(5_000));
    assertThat(core.figures().waiters()).isEqualTo(1);
    ticker.advance(Duration.ofSeconds(5));
    assertThat(waits.reason()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(core.figures().waiters()).isZero();
    assertThat(holds.failure).isNull();
  }

  @Test
  void aHoldIsSaidToEndNoLaterThanItDoes() {
    Instant asked = ticker.instant();
    log.hold();
    Told told = new Told("a", OptionalLong.empty());
    told.call.acquire.setMaxHoldMs(TTL.toMillis());
    claim(key("ann", ""), anybody, ticker).acquire(told.call, anybody);
    log.letOne(); // the session is open, and the request proposed
    ticker.advance(Duration.ofMillis(300));
    log.let();
    assertThat(told.ends).hasValue(asked.plus(TTL).toEpochMilli());
    ticker.advance(TTL.minusMillis(301));
    assertThat(core.figures().holds()).isEqualTo(1);
    ticker.advance(Duration.ofMillis(1));
    assertThat(core.figures().holds()).isZero();
  }

  @Test
  void aSessionLivesByTheCredentialThatEndsLast() {
    Credential early = credential("billing", Optional.of(ticker.instant().plusSeconds(30)));
    Credential late = credential("billing", Optional.of(ticker.instant().plusSeconds(600)));
    CallSessions.Key key = key("ann", "billing");
    Told first = new Told("a", OptionalLong.empty());
    claim(key, early, ticker).acquire(first.call, early);
    Told second = new Told("b", OptionalLong.empty());
    claim(key, late, ticker).acquire(second.call, late);
    Told third = new Told("c", OptionalLong.empty());
    claim(key, early, ticker).acquire(third.call, early);
    ticker.advance(Duration.ofSeconds(500));
    assertThat(core.figures().holds()).isEqualTo(3);
    ticker.advance(Duration.ofSeconds(120));
    assertThat(core.figures().holds()).isZero();
  }

  @Test
  void nobodyComesToASessionThatLeaves() {
    CallSession first = claim(key("ann", ""), anybody, ticker);
    Told held = new Told("a", OptionalLong.empty());
    first.acquire(held.call, anybody);
    giveBack(first, held);
    // Somebody is on the way, so it stays.
    CallSession claimed = claim(key("ann", ""), anybody, ticker);
    assertThat(claimed).isSameAs(first);
    ticker.advance(CallSession.LEASE);
    assertThat(core.figures().sessions()).isEqualTo(1);
    Told next = new Told("a", OptionalLong.empty());
    claimed.acquire(next.call, anybody);
    assertThat(next.token).isGreaterThan(held.token);
    giveBack(claimed, next);
    // Now nobody is; and while its end is on the way into the log, the next call gets another one.
    log.hold();
    ticker.advance(CallSession.LEASE.dividedBy(2));
    CallSession other = claim(key("ann", ""), anybody, ticker);
    assertThat(other).isNotSameAs(claimed);
    Told last = new Told("a", OptionalLong.empty());
    other.acquire(last.call, anybody);
    log.let();
    assertThat(last.token).isGreaterThan(next.token);
    // The end of the one has not made the other unknown.
    assertThat(claim(key("ann", ""), anybody, ticker)).isSameAs(other);
  }

  @Test
  void aSessionThatWasSentAwayIsNotKept() {
    SoloReplicator elsewhere = new SoloReplicator("two:1").leadingFromStart();
    elsewhere.start(
        new ServerCore(
            "two:1",
            () -> "clients.two:1",
            elsewhere,
            ticker,
            Limits.DEFAULTS,
            CoreEvents.NONE,
            cause -> {}));
    elsewhere.replay(core); // so it is known where that one listens
    log.follow(Optional.of("two:1"), 0);
    assertThat(acquire("ann", "a", OptionalLong.empty()).reason())
        .isEqualTo(Status.Code.UNAVAILABLE);
    log.lead();
    assertThat(acquire("ann", "a", OptionalLong.empty()).token).isPositive();
  }

  @Test
  void aSessionThatNobodyUsesIsNotKeptHoweverLongItsLease() {
    CallSessions.Key key = new CallSessions.Key("team", "ann", "", Duration.ofHours(1).toMillis());
    CallSession session = claim(key, anybody, ticker);
    Told held = new Told("a", OptionalLong.empty());
    session.acquire(held.call, anybody);
    ticker.advance(Duration.ofHours(2));
    assertThat(core.figures().holds()).isEqualTo(1);
    giveBack(session, held);
    ticker.advance(CallSession.LEASE);
    assertThat(core.figures().sessions()).isZero();
    assertThat(core.figures().connections()).isZero();
  }

  @Test
  void endedRequestsAreForgottenHoweverLongTheSessionLives() {
    acquire("ann", "held", OptionalLong.empty());
    for (int i = 0; i < 10_100; i++) {
      Told busy = acquire("ann", "held", OptionalLong.of(0));
      assertThat(busy.reason()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    }
  }

  @Test
  void callsThatWaitForTheirSessionAreAllServed() {
    log.hold();
    Told[] told = new Told[40];
    for (int i = 0; i < told.length; i++) {
      told[i] = acquire("ann", "lock " + i, OptionalLong.empty());
    }
    log.let();
    assertThat(told).allSatisfy(each -> assertThat(each.token).isPositive());
  }

  @Test
  void thereAreSoManySessionsAndNoMore() {
    acquire("ann", "a", OptionalLong.empty());
    acquire("bob", "b", OptionalLong.empty());
    assertThat(sessions.claim(key("eve", ""), () -> session(key("eve", ""), anybody, ticker)))
        .as("a third one of a subject")
        .isEmpty();
    CallSessions.Key other = key("eve", "billing");
    claim(other, credential("billing", Optional.empty()), ticker);
    CallSessions.Key another = key("eve", "storage");
    assertThat(sessions.claim(another, () -> session(another, anybody, ticker)))
        .as("a fourth one")
        .isEmpty();
    core.close(); // sends all away
    assertThat(sessions.claim(another, () -> session(another, anybody, ticker))).isPresent();
  }

  /** What a call was told. */
  private static final class Told {
    final CallSession.Call call;
    long token;
    OptionalLong ends = OptionalLong.empty();
    @Nullable RuntimeException failure;

    Told(String lock, OptionalLong timeoutMillis) {
      call =
          new CallSession.Call(
              Acquire.newBuilder()
                  .addTargets(
                      Target.newBuilder()
                          .setKey(Key.newBuilder().setName(lock))
                          .setMode(Mode.MODE_EXCLUSIVE)),
              timeoutMillis,
              (granted, until) -> {
                token = granted;
                ends = until;
              },
              status -> failure = status);
    }

    Status.Code reason() {
      assertThat(failure).isInstanceOf(StatusRuntimeException.class);
      return ((StatusRuntimeException) failure).getStatus().getCode();
    }
  }

  private Told acquire(String owner, String lock, OptionalLong timeoutMillis) {
    Told told = new Told(lock, timeoutMillis);
    claim(key(owner, ""), anybody, ticker).acquire(told.call, anybody);
    return told;
  }

  /** Calls off what was granted: the caller did not hear of it. */
  private void giveBack(CallSession session, Told held) {
    session.callOff(held.call);
    assertThat(core.figures().holds()).isZero();
  }

  private CallSession claim(CallSessions.Key key, Credential credential, Ticker by) {
    CallSession claimed = sessions.claim(key, () -> session(key, credential, by)).orElseThrow();
    claimed.open(core);
    return claimed;
  }

  private CallSession session(CallSessions.Key key, Credential credential, Ticker by) {
    return new CallSession(credential, by, sessions, key);
  }

  private static CallSessions.Key key(String owner, String subject) {
    return new CallSessions.Key("team", owner, subject, CallSession.LEASE.toMillis());
  }

  private Credential credential(String subject, Optional<Instant> end) {
    return new Credential(new Caller(subject, end, Caller.ANYBODY.allowed()), null, ticker);
  }

  /** Whose alarms are on their way already when they are cancelled. */
  private final class DeafTicker implements Ticker {
    @Override
    public long nanos() {
      return ticker.nanos();
    }

    @Override
    public Instant instant() {
      return ticker.instant();
    }

    @Override
    public Alarm schedule(long deadlineNanos, Runnable task) {
      Alarm unused = ticker.schedule(deadlineNanos, task);
      return () -> {};
    }
  }
}
