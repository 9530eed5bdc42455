package io.holdfast.remote.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Failed;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.ForceReleased;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.Listed;
import io.holdfast.protocol.v1.LockState;
import io.holdfast.protocol.v1.NotLeader;
import io.holdfast.protocol.v1.Queued;
import io.holdfast.protocol.v1.ServerBatch;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.Welcome;
import io.holdfast.remote.internal.Play.Asker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How the server that leads is found, kept and left, and what is asked outside of sessions. */
class ClientCoreTest {
  private final Play play = new Play();
  private final List<String> told = new ArrayList<>();

  @Test
  void theFirstServerIsGreetedFirst() {
    play.core.start();
    assertThat(play.opened).containsExactly("a:1");
    assertThat(play.saidOne().getHello().getNamespace()).isEqualTo("space");
  }

  @Test
  void theServerThatIsNamedAsLeaderIsNext() {
    play.core.start();
    play.notLeader("c:3");
    assertThat(play.opened).containsExactly("a:1", "c:3");
    play.welcome();
    assertThat(play.core.isConnected()).isTrue();
  }

  @Test
  void aBatchIsHeardInItsOrderAndOnlyUntilTheStreamIsLeft() {
    SessionCore session = play.openSession(5);
    Asker ann = play.ask(session, Duration.ofMinutes(1));
    Asker bob = play.ask(session, Duration.ofMinutes(1));
    play.hear(
        ServerMessage.newBuilder()
            .setBatch(
                ServerBatch.newBuilder()
                    .addMessages(
                        ServerMessage.newBuilder()
                            .setQueued(Queued.newBuilder().setSession(5).setRequest(1)))
                    .addMessages(
                        ServerMessage.newBuilder()
                            .setGranted(
                                Granted.newBuilder().setSession(5).setRequest(1).setToken(7)))
                    .addMessages(
                        ServerMessage.newBuilder()
                            .setNotLeader(NotLeader.newBuilder().setLeader("c:3")))
                    .addMessages(
                        ServerMessage.newBuilder()
                            .setGranted(
                                Granted.newBuilder().setSession(5).setRequest(2).setToken(8)))));
    assertThat(ann.told).containsExactly("queued", "granted 7");
    assertThat(bob.told).isEmpty();
    assertThat(play.opened).containsExactly("a:1", "c:3");
  }

  @Test
  void evenIfItIsNotAmongThoseKnown() {
    play.core.start();
    play.notLeader("elsewhere:9");
    assertThat(play.opened).containsExactly("a:1", "elsewhere:9");
  }

  @Test
  void serversThatSendInCirclesAreNotFollowedWithoutRest() {
    play.core.start();
    for (int i = 0; i < 10_000; i++) {
      if (play.isOpen()) {
        play.notLeader(play.opened.size() % 2 == 0 ? "a:1" : "b:2");
      } else {
        play.pass(Duration.ofMillis(1));
      }
    }
    // Ten seconds: some at once, some while the rests grow, then one in at least 250 ms.
    assertThat(play.opened).hasSizeBetween(30, 50);
  }

  @Test
  void soAreServersThatWelcomeAndBreak() {
    play.core.start();
    for (int i = 0; i < 10_000; i++) {
      if (play.isOpen()) {
        play.welcome();
        play.breakStream();
      } else {
        play.pass(Duration.ofMillis(1));
      }
    }
    assertThat(play.opened).hasSizeBetween(30, 50);
  }

  @Test
  void aServerThatSaysNothingIsLeftForTheNext() {
    play.core.start();
    play.pass(Duration.ofSeconds(3));
    assertThat(play.opened).containsExactly("a:1", "b:2");
    assertThat(play.failures).containsExactly("a:1 no answer within 3000 ms");
  }

  @Test
  void aServerThatAnswersNoMoreIsLeftWithinAnAttempt() {
    SessionCore session = play.openSession(5);
    play.pass(Duration.ofMillis(700));
    play.ask(session, Duration.ofMinutes(1));
    play.pass(Duration.ofMillis(999));
    assertThat(play.opened).containsExactly("a:1");
    play.pass(Duration.ofMillis(1));
    assertThat(play.opened).containsExactly("a:1", "b:2");
  }

  @Test
  void aSlowServerIsGivenMoreTimeThanAFastOne() {
    SessionCore session = play.openSession(5);
    for (int i = 1; i <= 20; i++) {
      play.ask(session, Duration.ofMinutes(1));
      play.pass(Duration.ofMillis(600));
      play.granted(5, i, i);
      answerHeartbeats();
    }
    play.ask(session, Duration.ofMinutes(1));
    play.pass(Duration.ofMillis(1_500));
    assertThat(play.opened).containsExactly("a:1");
    play.pass(Duration.ofMillis(300));
    assertThat(play.opened).containsExactly("a:1", "b:2");
  }

  @Test
  void whoWaitsInLineIsNotTakenForSilence() {
    SessionCore session = play.openSession(5);
    Asker waiter = play.ask(session, Duration.ofHours(1));
    play.queued(5, 1);
    play.said();
    play.passInHealth(Duration.ofMinutes(2), 5);
    assertThat(play.opened).containsExactly("a:1");
    play.granted(5, 1, 7);
    assertThat(waiter.isHeld()).isTrue();
  }

  @Test
  void whatIsHeardOfAStreamThatWasGivenUpCountsForNothing() {
    SessionCore session = play.openSession(5);
    Asker asker = play.ask(session, Duration.ofMinutes(1));
    long old = play.stream();
    play.breakStream();
    play.core.received(
        old, ServerMessage.newBuilder().setWelcome(Welcome.getDefaultInstance()).build());
    play.core.broken(old, ErrorCode.unavailable("late"), "");
    assertThat(play.core.isConnected()).isFalse();
    assertThat(play.opened).containsExactly("a:1", "b:2");
    assertThat(asker.told).isEmpty();
  }

  @Test
  void serversThatWillNotHaveTheClientFailWhomTheyHaveNotHeard() {
    play.core.start();
    SessionCore session = play.core.openSession(Play.LEASE.toMillis(), play);
    Asker asker = play.ask(session, Duration.ofMinutes(1));
    play.core.broken(
        play.stream(),
        Error.newBuilder().setCode(ErrorCode.UNAUTHENTICATED).setReason("TOKEN_EXPIRED").build(),
        "");
    assertThat(asker.told).containsExactly("refused TOKEN_EXPIRED");
  }

  @Test
  void aSessionThatIsNotOpenedFailsWhomItWasFor() {
    play.core.start();
    play.welcome();
    play.said();
    SessionCore session = play.core.openSession(Play.LEASE.toMillis(), play);
    Asker asker = play.ask(session, Duration.ofMinutes(1));
    play.hear(
        ServerMessage.newBuilder()
            .setFailed(
                Failed.newBuilder()
                    .setNonce(play.saidOne().getOpenSession().getNonce())
                    .setError(
                        Error.newBuilder()
                            .setCode(ErrorCode.RESOURCE_EXHAUSTED)
                            .setReason("TOO_MANY_SESSIONS"))));
    assertThat(asker.told).containsExactly("refused TOO_MANY_SESSIONS");
    assertThat(play.news).containsExactly("refused TOO_MANY_SESSIONS");
    assertThat(session.isUsable()).isFalse();
  }

  @Test
  void anOpeningThatWasNotAnsweredIsRepeatedWithItsNonce() {
    play.core.start();
    play.core.openSession(Play.LEASE.toMillis(), play);
    play.welcome();
    ClientMessage first = play.said().get(1);
    play.breakStream();
    play.welcome();
    assertThat(play.said()).contains(first);
  }

  // ------------------------------------------------------------------------------------------------- questions

  @Test
  void aListComesInParts() {
    connect();
    play.core.list("team/", asker());
    long number = play.saidOne().getList().getNumber();
    play.hear(listed(number, "team/1", true));
    assertThat(told).isEmpty();
    play.hear(listed(number, "team/2", false));
    assertThat(told).containsExactly("told [team/1, team/2]");
  }

  @Test
  void aListThatBrokeInTheMiddleIsAskedAgainAndHasNothingTwice() {
    connect();
    play.core.list("team/", asker());
    long number = play.saidOne().getList().getNumber();
    play.hear(listed(number, "team/1", true));
    play.breakStream();
    play.welcome();
    assertThat(play.said()).anyMatch(ClientMessage::hasList);
    play.hear(listed(number, "team/1", true));
    play.hear(listed(number, "team/2", false));
    assertThat(told).containsExactly("told [team/1, team/2]");
  }

  @Test
  void aQuestionThatNobodyAnswersEnds() {
    connect();
    play.core.describe(Key.newBuilder().setName("name").build(), asker());
    play.breakStream();
    play.pass(Duration.ofSeconds(10));
    assertThat(told).containsExactly("unanswered");
  }

  @Test
  void aLockThatWasPerhapsTakenAwayBeforeIsNotSaidToHaveBeenThereNever() {
    connect();
    play.core.forceRelease(Key.newBuilder().setName("name").build(), 7, "stuck", asker());
    long number = play.saidOne().getForceRelease().getNumber();
    play.breakStream();
    play.welcome();
    play.hear(
        ServerMessage.newBuilder()
            .setForceReleased(ForceReleased.newBuilder().setNumber(number).setReleased(false)));
    assertThat(told).containsExactly("unanswered, perhaps done");
  }

  @Test
  void aLockThatIsTakenAwayIsSaidToBe() {
    connect();
    play.core.forceRelease(Key.newBuilder().setName("name").build(), 7, "stuck", asker());
    ForceRelease asked = play.saidOne().getForceRelease();
    assertThat(asked.getReason()).isEqualTo("stuck");
    long number = asked.getNumber();
    play.hear(
        ServerMessage.newBuilder()
            .setForceReleased(ForceReleased.newBuilder().setNumber(number).setReleased(true)));
    assertThat(told).containsExactly("taken");
  }

  @Test
  void aQuestionThatIsRefusedSaysWhy() {
    connect();
    play.core.describe(Key.newBuilder().setName("name").build(), asker());
    play.hear(
        ServerMessage.newBuilder()
            .setFailed(
                Failed.newBuilder()
                    .setNumber(play.saidOne().getDescribe().getNumber())
                    .setError(
                        Error.newBuilder()
                            .setCode(ErrorCode.PERMISSION_DENIED)
                            .setReason("NOT_ALLOWED"))));
    assertThat(told).containsExactly("refused NOT_ALLOWED");
  }

  private void connect() {
    play.core.start();
    play.welcome();
    play.said();
  }

  private void answerHeartbeats() {
    for (ClientMessage message : play.said()) {
      if (message.hasHeartbeat()) {
        play.alive(5, message.getHeartbeat().getNumber(), 0);
      }
    }
  }

  private static ServerMessage.Builder listed(long number, String name, boolean more) {
    return ServerMessage.newBuilder()
        .setListed(
            Listed.newBuilder()
                .setNumber(number)
                .addLocks(LockState.newBuilder().setKey(Key.newBuilder().setName(name)))
                .setMore(more));
  }

  private Question.Asker asker() {
    return new Question.Asker() {
      @Override
      public void told(List<LockState> locks, boolean truncated) {
        told.add("told " + locks.stream().map(lock -> lock.getKey().getName()).toList());
      }

      @Override
      public void taken(boolean released) {
        told.add(released ? "taken" : "not there");
      }

      @Override
      public void refused(Error error) {
        told.add("refused " + error.getReason());
      }

      @Override
      public void unanswered(boolean wasPerhapsDone) {
        told.add(wasPerhapsDone ? "unanswered, perhaps done" : "unanswered");
      }
    };
  }
}
