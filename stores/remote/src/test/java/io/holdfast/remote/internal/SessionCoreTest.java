package io.holdfast.remote.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.protocol.v1.Alive;
import io.holdfast.protocol.v1.Busy;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.ClientMessage.MessageCase;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.LossReason;
import io.holdfast.protocol.v1.Lost;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.remote.internal.Play.Asker;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of a session, with the servers played by hand. Numbers such as R7 are those of docs/robustness.md. */
class SessionCoreTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final Duration TRUSTED = Duration.ofSeconds(9);
  private static final long SESSION = 5;

  private final Play play = new Play();
  private final SessionCore session = play.openSession(SESSION);

  // ------------------------------------------------------------------------------------------------- the lease

  @Test
  void aLeaseCountsFromWhenTheOpeningWasSentLessTheMargin() {
    SessionCore slow = play.core.openSession(Play.LEASE.toMillis(), play);
    ClientMessage opening = play.saidOne();
    play.pass(Duration.ofMillis(400));
    play.sessionOpened(6, opening.getOpenSession().getNonce(), 0);
    assertThat(slow.leaseDeadlineNanos() - play.ticker.nanos())
        .isEqualTo(TRUSTED.minusMillis(400).toNanos());
  }

  /** R9. */
  @Test
  void aLeaseCountsFromWhenTheHeartbeatThatIsAnsweredWasSent() {
    Asker asker = held();
    play.pass(Play.LEASE.dividedBy(3));
    long number = play.saidOne().getHeartbeat().getNumber();
    play.pass(Duration.ofMillis(700));
    play.alive(SESSION, number, 0);
    assertThat(asker.remaining()).isEqualTo(TRUSTED.minusMillis(700));
  }

  /** R6. */
  @Test
  void nothingIsHeldPastTheDeadlineThatTheHolderCountsForItself() {
    Asker asker = held();
    play.pass(TRUSTED.minusNanos(1));
    assertThat(asker.isHeld()).isTrue();
    assertThat(asker.told).containsExactly("granted 7");
    play.pass(Duration.ofNanos(1));
    assertThat(asker.isHeld()).isFalse();
    assertThat(asker.told).containsExactly("granted 7", "lost EXPIRED");
    assertThat(play.news).contains("ended 5 EXPIRED");
  }

  @Test
  void anAnswerThatComesAfterTheLeaseIsOverRevivesNothing() {
    Asker asker = held();
    play.pass(TRUSTED);
    play.said();
    play.alive(SESSION, 1, 0);
    play.granted(SESSION, 1, 7);
    assertThat(asker.told).containsExactly("granted 7", "lost EXPIRED");
    assertThat(session.isUsable()).isFalse();
  }

  /** R12. */
  @Test
  void heartbeatsGoOnAfterReleasesAndTimeOuts() {
    Asker first = held();
    session.release(first.request);
    play.released(SESSION, 1, 7);
    Asker second = play.ask(session, Duration.ofSeconds(1));
    play.queued(SESSION, 2);
    play.pass(Duration.ofSeconds(1));
    play.cancelled(SESSION, 2);
    play.said();
    play.passInHealth(Play.LEASE.multipliedBy(5), SESSION);
    assertThat(session.isUsable()).isTrue();
    assertThat(second.told).containsExactly("queued", "busy []");
  }

  @Test
  void oneHeartbeatUnansweredIsNoLoss() {
    Asker asker = held();
    play.pass(Duration.ofMillis(3334));
    assertThat(play.saidOne().hasHeartbeat()).isTrue();
    play.breakStream();
    play.welcome();
    ClientMessage resume = play.said().get(1);
    assertThat(resume.getResumeSession().getRequestsList()).containsExactly(1L);
    play.hear(
        ServerMessage.newBuilder()
            .setAlive(
                Alive.newBuilder()
                    .setSession(SESSION)
                    .setNumber(resume.getResumeSession().getHeartbeat())
                    .addGranted(
                        Granted.newBuilder().setSession(SESSION).setRequest(1).setToken(7))));
    assertThat(asker.remaining()).isEqualTo(TRUSTED);
    assertThat(asker.told).containsExactly("granted 7");
  }

  /** R10. */
  @Test
  void aSessionThatTheServersDoNotKnowIsOverAtOnceAndNeverMadeAgain() {
    Asker asker = held();
    Asker waiter = play.ask(session, PATIENCE);
    play.queued(SESSION, 2);
    play.breakStream();
    play.welcome();
    play.said();
    play.gone(SESSION);
    assertThat(asker.told).containsExactly("granted 7", "lost SESSION_ENDED");
    assertThat(waiter.told)
        .containsExactly("queued", "uncertain: the session ended while it waited");
    assertThat(play.news).containsExactly("opened 5", "ended 5 SESSION_ENDED");
    play.pass(Play.LEASE.multipliedBy(3));
    assertThat(play.said()).isEmpty();
  }

  /** R8. */
  @Test
  void whatWasHeldInASessionThatEndedIsNotHeldInTheNext() {
    Asker old = held();
    play.pass(TRUSTED);
    play.reconnect();
    play.said();
    SessionCore next = play.openAnother(6);
    Asker asker = play.ask(next, PATIENCE);
    assertThat(play.saidOne().getAcquire().getSession()).isEqualTo(6);
    play.granted(5, 1, 7);
    assertThat(asker.told).isEmpty();
    assertThat(old.told).containsExactly("granted 7", "lost EXPIRED");
    play.granted(6, 1, 8);
    assertThat(asker.told).containsExactly("granted 8");
  }

  @Test
  void theServersAreToldOfASessionThatIsOverWhenTheyAreThereAgain() {
    held();
    play.breakStream();
    play.pass(TRUSTED);
    play.reconnect();
    assertThat(play.said())
        .satisfiesExactly(
            hello -> assertThat(hello.hasHello()).isTrue(),
            resume -> assertThat(resume.getResumeSession().getRequestsList()).isEmpty(),
            close -> assertThat(close.getCloseSession().getSession()).isEqualTo(SESSION));
    play.gone(SESSION);
    assertThat(play.core.isQuiet()).isTrue();
  }

  // ------------------------------------------------------------------------------------------------- requests

  /** R32. */
  @Test
  void aGrantThatComesTwiceMeansNothingTheSecondTime() {
    Asker asker = held();
    play.granted(SESSION, 1, 7);
    session.release(asker.request);
    play.granted(SESSION, 1, 7);
    play.released(SESSION, 1, 7);
    play.granted(SESSION, 1, 7);
    assertThat(asker.told).containsExactly("granted 7", "released");
    assertThat(asker.isHeld()).isFalse();
  }

  /** R7. */
  @Test
  void aReleaseDuringTheLossOfTheConnectionIsRepeatedUntilItIsAnswered() {
    Asker asker = held();
    session.release(asker.request);
    assertThat(play.saidOne().getRelease().getToken()).isEqualTo(7);
    for (int i = 0; i < 3; i++) {
      play.breakStream();
      play.pass(Duration.ofMillis(500));
      play.welcome();
      assertThat(play.said())
          .filteredOn(ClientMessage::hasRelease)
          .singleElement()
          .satisfies(release -> assertThat(release.getRelease().getRequest()).isEqualTo(1));
    }
    play.released(SESSION, 1, 7);
    assertThat(asker.told).containsExactly("granted 7", "released");
  }

  @Test
  void aReleaseMadeWhileThereIsNoConnectionIsSentWhenThereIsOne() {
    Asker asker = held();
    play.breakStream();
    session.release(asker.request);
    play.welcome();
    assertThat(play.said())
        .satisfiesExactly(
            hello -> assertThat(hello.hasHello()).isTrue(),
            resume ->
                assertThat(resume.getResumeSession().getRequestsList())
                    .as("what is given back is not believed to be held")
                    .isEmpty(),
            release -> assertThat(release.hasRelease()).isTrue());
  }

  /** R33. */
  @Test
  void aReleaseIsGivenUpOnlyWhenTheLeaseIsSurelyOver() {
    Asker asker = held();
    session.release(asker.request);
    play.breakStream();
    play.pass(TRUSTED.minusNanos(1));
    assertThat(asker.told).containsExactly("granted 7");
    play.pass(Duration.ofNanos(1));
    assertThat(asker.told)
        .containsExactly("granted 7", "uncertain: the lease ended before the release was answered");
  }

  @Test
  void aReleaseThatTheServerHasNoTimeForIsRepeated() {
    Asker asker = held();
    session.release(asker.request);
    play.said();
    play.refused(SESSION, 1, ErrorCode.UNAVAILABLE, "OVERLOADED");
    assertThat(play.said()).isEmpty();
    play.pass(Duration.ofMillis(200));
    assertThat(play.saidOne().hasRelease()).isTrue();
    play.released(SESSION, 1, 7);
    assertThat(asker.told).containsExactly("granted 7", "released");
  }

  @Test
  void aReleaseOfWhatIsNotHeldAnyMoreIsDone() {
    Asker asker = held();
    session.release(asker.request);
    play.refused(SESSION, 1, ErrorCode.FAILED_PRECONDITION, "NOT_HOLDER");
    assertThat(asker.told).containsExactly("granted 7", "released");
    assertThat(session.size()).isZero();
  }

  @Test
  void aGrantThatComesAfterItsAskerHasLeftIsGivenBack() {
    Asker asker = play.ask(session, PATIENCE);
    session.cancel(asker.request);
    assertThat(play.said()).element(1).satisfies(m -> assertThat(m.hasCancel()).isTrue());
    play.granted(SESSION, 1, 7);
    assertThat(asker.isHeld()).isFalse();
    play.released(SESSION, 1, 7); // the answer to the cancellation
    assertThat(asker.told).isEmpty();
    assertThat(session.size()).isZero();
  }

  @Test
  void whoIsGrantedAndCannotTakeItGivesItBack() {
    Asker asker = held();
    session.cancel(asker.request);
    assertThat(play.saidOne().getRelease().getToken()).isEqualTo(7);
    play.released(SESSION, 1, 7);
    assertThat(asker.told).containsExactly("granted 7");
    assertThat(session.size()).isZero();
  }

  @Test
  void aCancellationIsRepeatedUntilItIsAnswered() {
    Asker asker = play.ask(session, PATIENCE);
    play.queued(SESSION, 1);
    session.cancel(asker.request);
    play.breakStream();
    play.welcome();
    assertThat(play.said()).anyMatch(ClientMessage::hasCancel);
    play.cancelled(SESSION, 1);
    assertThat(session.size()).isZero();
  }

  @Test
  void whatIsUnansweredIsAskedAgainAndWhatWaitsOrHoldsIsNamed() {
    Asker holder = held();
    Asker waiter = play.ask(session, PATIENCE);
    play.queued(SESSION, 2);
    Asker asker = play.ask(session, PATIENCE);
    play.breakStream();
    play.welcome();
    assertThat(play.said())
        .satisfiesExactly(
            hello -> assertThat(hello.getHello().getNamespace()).isEqualTo("space"),
            resume -> {
              assertThat(resume.getResumeSession().getSession()).isEqualTo(SESSION);
              assertThat(resume.getResumeSession().getRequestsList()).containsExactly(1L, 2L);
            },
            acquire -> assertThat(acquire.getAcquire().getRequest()).isEqualTo(3));
    assertThat(List.of(holder, waiter, asker)).allSatisfy(each -> assertThat(each).isNotNull());
  }

  @Test
  void resumingTellsWhatWasGrantedAndWhatHasEndedMeanwhile() {
    Asker holder = held();
    Asker waiter = play.ask(session, PATIENCE);
    play.queued(SESSION, 2);
    play.breakStream();
    play.welcome();
    long heartbeat = play.said().get(1).getResumeSession().getHeartbeat();
    play.hear(
        ServerMessage.newBuilder()
            .setAlive(
                Alive.newBuilder()
                    .setSession(SESSION)
                    .setNumber(heartbeat)
                    .addEnded(1)
                    .addGranted(
                        Granted.newBuilder().setSession(SESSION).setRequest(2).setToken(8))));
    assertThat(holder.told).containsExactly("granted 7", "lost REVOKED");
    assertThat(waiter.told).containsExactly("queued", "granted 8");
  }

  @Test
  void aWaiterThatWasGrantedAndRevokedWhileAwayLearnsBoth() {
    Asker waiter = play.ask(session, PATIENCE);
    play.queued(SESSION, 1);
    play.breakStream();
    play.welcome();
    long heartbeat = play.said().get(1).getResumeSession().getHeartbeat();
    play.hear(
        ServerMessage.newBuilder()
            .setAlive(Alive.newBuilder().setSession(SESSION).setNumber(heartbeat).addEnded(1)));
    assertThat(play.saidOne().getAcquire().getRequest()).isEqualTo(1);
    play.hear(
        ServerMessage.newBuilder()
            .setLost(
                Lost.newBuilder()
                    .setSession(SESSION)
                    .setRequest(1)
                    .setToken(9)
                    .setReason(LossReason.LOSS_REASON_REVOKED)));
    assertThat(waiter.told).containsExactly("queued", "granted 9", "lost REVOKED");
    assertThat(session.size()).isZero();
  }

  @Test
  void whatIsHeldForLongDoesNotKeepTheServerFromForgetting() {
    held();
    for (int i = 2; i < 5; i++) {
      Asker asker = play.ask(session, Duration.ZERO);
      assertThat(play.saidOne().getAcquire().getAcknowledged()).isEqualTo(i - 1);
      play.hear(
          ServerMessage.newBuilder().setBusy(Busy.newBuilder().setSession(SESSION).setRequest(i)));
      assertThat(asker.told).containsExactly("busy []");
    }
  }

  @Test
  void whatIsUnansweredIsNotAcknowledged() {
    held();
    play.ask(session, PATIENCE);
    play.said();
    play.ask(session, PATIENCE);
    assertThat(play.saidOne().getAcquire().getAcknowledged()).isEqualTo(1);
  }

  @Test
  void whoWaitsForItselfIsTold() {
    held();
    Asker waiter = play.ask(session, PATIENCE);
    play.queued(SESSION, 2, 1L);
    assertThat(waiter.told).containsExactly("queued behind own");
  }

  @Test
  void aRefusalEndsARequest() {
    Asker asker = play.ask(session, PATIENCE);
    play.refused(SESSION, 1, ErrorCode.RESOURCE_EXHAUSTED, "TOO_MANY_WAITERS");
    assertThat(asker.told).containsExactly("refused TOO_MANY_WAITERS");
    assertThat(session.size()).isZero();
  }

  @Test
  void aRequestThatTheServerHasNoTimeForIsAskedAgain() {
    Asker asker = play.ask(session, PATIENCE);
    play.said();
    play.refused(SESSION, 1, ErrorCode.UNAVAILABLE, "OVERLOADED");
    play.pass(Duration.ofMillis(200));
    assertThat(play.saidOne().getAcquire().getRequest()).isEqualTo(1);
    play.granted(SESSION, 1, 7);
    assertThat(asker.told).containsExactly("granted 7");
  }

  // ------------------------------------------------------------------------------------------------- patience

  @Test
  void whosePatienceEndsInLineIsToldWhoHoldsTheLock() {
    Asker waiter = play.ask(session, Duration.ofSeconds(2));
    play.queued(SESSION, 1);
    play.said();
    play.pass(Duration.ofSeconds(2));
    assertThat(play.saidOne().getCancel().getTellHolders()).isTrue();
    assertThat(waiter.told).containsExactly("queued");
    play.cancelled(SESSION, 1, "bob");
    assertThat(waiter.told).containsExactly("queued", "busy [bob]");
  }

  @Test
  void orNotIfTheServerTakesTooLongToTell() {
    Asker waiter = play.ask(session, Duration.ofSeconds(2));
    play.queued(SESSION, 1);
    play.pass(Duration.ofSeconds(2));
    play.breakStream();
    assertThat(waiter.told).containsExactly("queued", "busy []");
    play.cancelled(SESSION, 1, "bob");
    assertThat(waiter.told).containsExactly("queued", "busy []");
  }

  @Test
  void whoWasNeverHeardIsToldThatNoServerCouldBeAsked() {
    play.breakStream();
    Asker waiter = play.ask(session, Duration.ofSeconds(1));
    Asker tries = play.ask(session, Duration.ZERO);
    play.pass(Duration.ofSeconds(1));
    assertThat(waiter.told).containsExactly("never asked");
    assertThat(tries.told).isEmpty();
    play.pass(Duration.ofSeconds(4));
    assertThat(tries.told).containsExactly("never asked");
    assertThat(session.size()).isZero();
  }

  @Test
  void whoWasAskedForAndNotAnsweredIsToldThatItIsUncertain() {
    Asker asker = play.ask(session, Duration.ofMillis(300));
    play.breakStream();
    play.pass(Duration.ofMillis(300));
    assertThat(asker.told).containsExactly("uncertain: no answer came in time");
    play.welcome();
    assertThat(play.said()).anyMatch(ClientMessage::hasCancel);
    play.granted(SESSION, 1, 7); // the acquire was heard after all; the cancellation gives it back
    play.released(SESSION, 1, 7);
    assertThat(asker.told).hasSize(1);
    assertThat(session.size()).isZero();
  }

  @Test
  void whoHasNotBeenAskedForMayBeAskedForInTheNextSession() {
    play.breakStream();
    Asker waiter = play.ask(session, PATIENCE);
    play.pass(TRUSTED);
    assertThat(waiter.told).containsExactly("orphaned");
  }

  // ------------------------------------------------------------------------------------------------- maxHold

  @Test
  void aMaxHoldCountsFromWhenItWasAskedForLessTheMargin() {
    play.pass(Duration.ofMillis(1_500));
    Asker asker = play.ask(session, Duration.ZERO, 2_000);
    play.pass(Duration.ofMillis(100));
    play.grantedUntil(SESSION, 1, 7, Duration.ofMillis(3_550));
    assertThat(asker.remaining()).isEqualTo(Duration.ofMillis(1_700));
    play.pass(Duration.ofMillis(1_700));
    assertThat(asker.told).containsExactly("granted 7", "lost EXPIRED");
    assertThat(asker.isHeld()).isFalse();
    assertThat(play.said()).anyMatch(ClientMessage::hasRelease);
  }

  @Test
  void aWaitersMaxHoldCountsFromItsGrantByTheTimeOfTheTable() {
    Asker asker = play.ask(session, PATIENCE, 4_000);
    play.queued(SESSION, 1);
    // The time of the table runs with ours here, from zero at the opening of the session.
    for (int second = 1; second <= 3; second++) {
      play.pass(Duration.ofSeconds(1));
      for (ClientMessage message : play.said()) {
        if (message.hasHeartbeat()) {
          play.alive(
              SESSION, message.getHeartbeat().getNumber(), Duration.ofSeconds(second).toNanos());
        }
      }
    }
    play.pass(Duration.ofMillis(500));
    play.grantedUntil(SESSION, 1, 7, Duration.ofMillis(7_500));
    // 0.9 of the 4.5 s from the last reading on, of which 0.5 s have passed.
    assertThat(asker.remaining()).isEqualTo(Duration.ofMillis(3_550));
  }

  @Test
  void aHoldThatIsOverBeforeItIsHeardOfIsHadAndLost() {
    Asker asker = play.ask(session, PATIENCE, 1);
    play.pass(Duration.ofMillis(50));
    play.grantedUntil(SESSION, 1, 7, Duration.ofMillis(1));
    assertThat(asker.told).containsExactly("granted 7", "lost EXPIRED");
    assertThat(play.said()).anyMatch(ClientMessage::hasRelease);
  }

  // ------------------------------------------------------------------------------------------------- closing

  @Test
  void closingLosesHoldsAtOnceAndTellsTheServer() {
    Asker holder = held();
    Asker waiter = play.ask(session, PATIENCE);
    play.queued(SESSION, 2);
    play.said();
    play.core.close();
    assertThat(holder.isHeld()).isFalse();
    assertThat(holder.told).containsExactly("granted 7", "lost SESSION_ENDED");
    assertThat(waiter.told).containsExactly("queued", "closed");
    assertThat(play.saidOne().getCloseSession().getSession()).isEqualTo(SESSION);
    assertThat(play.core.isQuiet()).isFalse();
    play.gone(SESSION);
    assertThat(play.core.isQuiet()).isTrue();
    play.core.abandon();
    assertThat(play.isOpen()).isFalse();
    assertThat(play.ticker.pendingAlarms()).isZero();
  }

  @Test
  void aReleaseIsAnsweredByTheConfirmationThatTheSessionIsClosed() {
    Asker holder = held();
    session.release(holder.request);
    play.core.close();
    assertThat(holder.told).containsExactly("granted 7");
    play.gone(SESSION);
    assertThat(holder.told).containsExactly("granted 7", "released");
  }

  @Test
  void orIsUncertainIfThatDoesNotCome() {
    Asker holder = held();
    session.release(holder.request);
    play.core.close();
    play.core.abandon();
    assertThat(holder.told).containsExactly("granted 7", "uncertain: the client was closed");
    assertThat(play.ticker.pendingAlarms()).isZero();
  }

  private Asker held() {
    Asker asker = play.ask(session, PATIENCE);
    play.granted(SESSION, asker.request.id, 7);
    assertThat(asker.isHeld()).isTrue();
    play.said();
    return asker;
  }

  @Test
  void aSessionWhoseLeaseIsOverWhenAServerListensIsResumedToBeClosed() {
    Play play = new Play();
    play.core.start();
    play.welcome();
    Duration lease = Duration.ofSeconds(9); // less the margin
    play.ticker.schedule(
        play.ticker.nanosIn(lease), play::welcome); // before the session's own alarm
    play.openAnother(SESSION);
    play.pass(Duration.ofSeconds(3));
    play.breakStream();
    play.pass(lease.minusSeconds(3));
    assertThat(play.news).contains("ended " + SESSION + " EXPIRED");
    assertThat(play.said())
        .extracting(ClientMessage::getMessageCase)
        .containsExactly(MessageCase.HELLO, MessageCase.RESUME_SESSION, MessageCase.CLOSE_SESSION);
  }
}
