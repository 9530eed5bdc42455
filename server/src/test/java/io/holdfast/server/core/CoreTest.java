package io.holdfast.server.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.holdfast.protocol.v1.Cancel;
import io.holdfast.protocol.v1.ClientBatch;
import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.CloseSession;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.Granted;
import io.holdfast.protocol.v1.Hello;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.LossReason;
import io.holdfast.protocol.v1.Release;
import io.holdfast.protocol.v1.ServerMessage;
import io.holdfast.protocol.v1.ServerMessage.MessageCase;
import io.holdfast.server.replication.Replicator;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.testkit.ManualTicker;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Leases, leaders and their changes, told by a clock that is turned by hand. */
class CoreTest {
  private static final long LEASE = 10_000;
  private static final Duration LEASE_TIME = Duration.ofMillis(LEASE);
  private static final Duration MILLI = Duration.ofMillis(1);
  private static final Instant RESTORED = Instant.parse("2026-05-01T12:00:00Z");

  // Near its end, to show who compares readings by anything but subtraction.
  private final ManualTicker ticker = new ManualTicker(Long.MAX_VALUE - 1_000_000_000);
  private final SoloReplicator log = new SoloReplicator("one:1");
  private ServerCore core = newCore("one:1");

  @BeforeEach
  void lead() {
    log.start(core);
    log.lead();
  }

  @Test
  void aLockGoesFromHandToHand() {
    TestClient ann = new TestClient().hello(core);
    TestClient bob = new TestClient().hello(core);
    assertThat(ann.next().getWelcome().getServer()).isEqualTo("one:1");
    assertThat(bob.next().hasWelcome()).isTrue();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    assertThat(second).isGreaterThan(first);

    ann.acquire(first, 1, "a");
    Granted granted = ann.next().getGranted();
    bob.acquire(second, 1, "a");
    assertThat(bob.next().getQueued().getPosition()).isEqualTo(1);
    ann.release(first, 1, granted.getToken());
    assertThat(ann.next().getReleased().getToken()).isEqualTo(granted.getToken());
    assertThat(bob.next().getGranted().getToken()).isGreaterThan(granted.getToken());
    assertThat(ann.rest()).isEmpty();
    assertThat(bob.rest()).isEmpty();
  }

  @Test
  void aBatchIsHeardLikeItsMessagesInTheirOrder() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    int proposals = log.proposals();
    ann.say(
        batch(
            TestClient.acquiring(session, 2, true, "a"),
            ClientMessage.newBuilder()
                .setRelease(Release.newBuilder().setSession(session).setRequest(1).setToken(token)),
            TestClient.acquiring(session, 3, false, "a"),
            ClientMessage.newBuilder()
                .setCancel(Cancel.newBuilder().setSession(session).setRequest(2))));
    assertThat(log.proposals()).isEqualTo(proposals + 1);
    assertThat(ann.rest())
        .containsExactly(
            MessageCase.QUEUED,
            MessageCase.GRANTED,
            MessageCase.RELEASED,
            MessageCase.BUSY,
            MessageCase.RELEASED);
  }

  @Test
  void whatComesByItselfEndsTheStreamInABatchAndIsNotDone() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    Key key = Key.newBuilder().setName("a").build();
    for (ClientMessage.Builder alone :
        List.of(
            ClientMessage.newBuilder()
                .setForceRelease(ForceRelease.newBuilder().setKey(key).setToken(token)),
            ClientMessage.newBuilder()
                .setCloseSession(CloseSession.newBuilder().setSession(session)),
            batch(TestClient.acquiring(session, 2, false, "b")),
            ClientMessage.newBuilder())) {
      TestClient bob = started();
      bob.resume(session, 1);
      bob.rest();
      bob.say(batch(alone, TestClient.acquiring(session, 3, false, "c")));
      assertThat(bob.problem).extracting(Problem::reason).isEqualTo("NOT_IN_BATCH");
      assertThat(bob.rest()).isEmpty();
    }
    assertThat(core.figures().holds()).isEqualTo(1);
  }

  @Test
  void nobodyBeginsWithABatch() {
    TestClient ann = new TestClient().connect(core);
    ann.say(batch(TestClient.acquiring(1, 1, true, "a")));
    assertThat(ann.problem).extracting(Problem::reason).isEqualTo("HELLO_MISSING");
  }

  @Test
  void aBatchHasAsManyMessagesAsTheWelcomeSaysAndNoMore() {
    TestClient ann = new TestClient().hello(core);
    int most = ann.next().getWelcome().getBatch();
    assertThat(most).isPositive();
    long session = ann.opened(LEASE);
    ClientMessage.Builder[] acquisitions = new ClientMessage.Builder[most + 1];
    for (int i = 0; i <= most; i++) {
      acquisitions[i] = TestClient.acquiring(session, i + 1, true, "a" + i);
    }
    ann.say(batch(Arrays.copyOf(acquisitions, most)));
    assertThat(ann.rest()).hasSize(most);
    ann.say(batch(acquisitions));
    assertThat(ann.problem).extracting(Problem::reason).isEqualTo("BATCH_TOO_LONG");
    assertThat(ann.rest()).isEmpty();
  }

  private static ClientMessage.Builder batch(ClientMessage.Builder... messages) {
    ClientBatch.Builder batch = ClientBatch.newBuilder();
    for (ClientMessage.Builder message : messages) {
      batch.addMessages(message);
    }
    return ClientMessage.newBuilder().setBatch(batch);
  }

  @Test
  void aSessionThatIsNotHeardOfLosesItsHoldsAtTheEndOfItsLease() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(2 * LEASE);
    ann.acquire(first, 1, "a");
    bob.acquire(second, 1, "a");
    bob.rest();
    ann.rest();

    ticker.advance(LEASE_TIME.minus(MILLI));
    assertThat(ann.rest()).isEmpty();
    assertThat(bob.rest()).isEmpty();
    ticker.advance(MILLI);
    assertThat(ann.rest()).containsExactly(MessageCase.LOST, MessageCase.SESSION_GONE);
    assertThat(bob.rest()).containsExactly(MessageCase.GRANTED);
    ann.heartbeat(first, 1);
    assertThat(ann.rest()).containsExactly(MessageCase.SESSION_GONE);
  }

  @Test
  void heartbeatsRenewAndCostNoEntry() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    for (int i = 1; i <= 20; i++) {
      ticker.advance(LEASE_TIME.dividedBy(2));
      ann.heartbeat(session, i);
      assertThat(ann.next().getAlive().getNumber()).isEqualTo(i);
    }
    assertThat(log.proposals()).isEqualTo(proposals);
    ticker.advance(LEASE_TIME);
    assertThat(ann.rest()).containsExactly(MessageCase.SESSION_GONE);
  }

  @Test
  void aHeartbeatIsAnsweredOnlyWhenAMajorityHasConfirmed() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    ann.heartbeat(session, 1);
    assertThat(ann.rest()).isEmpty();
    ticker.advance(LEASE_TIME.minus(MILLI));
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.ALIVE);
    ticker.advance(LEASE_TIME.minus(MILLI)); // counted from the confirmation
    assertThat(ann.rest()).isEmpty();
    ticker.advance(MILLI);
    assertThat(ann.rest()).containsExactly(MessageCase.SESSION_GONE);
  }

  @Test
  void manyHeartbeatsAreOneQuestionToTheMajority() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    for (int i = 1; i <= 100; i++) {
      ann.heartbeat(session, i);
    }
    assertThat(log.waiting()).isEqualTo(1);
    log.letOne();
    assertThat(ann.rest()).hasSize(1);
    assertThat(log.waiting()).as("of the others, in a moment").isZero();
    ticker.advance(Leadership.HEARTBEATS_TOGETHER);
    assertThat(log.waiting()).isEqualTo(1);
    ann.heartbeat(session, 101);
    ann.acquire(session + 1, 1, "somebody's who is not here");
    log.letOne();
    assertThat(ann.rest()).hasSize(99);
    assertThat(log.waiting()).as("who is in a hurry takes heartbeats along").isEqualTo(1);
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.ALIVE, MessageCase.SESSION_GONE);
  }

  @Test
  void aLeaderThatIsDeposedAndDoesNotKnowAnswersNoHeartbeat() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.depose();
    ann.heartbeat(session, 1);
    assertThat(ann.rest()).isEmpty();
    assertThat(core.isServing()).isTrue();
  }

  /** What was asked before the end was proposed is in the log first, and the table sees it. */
  @Test
  void aCommandOnItsWayKeepsItsSessionFromExpiring() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    ann.acquire(session, 1, "a");
    ticker.advance(LEASE_TIME);
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.GRANTED);
    ticker.advance(LEASE_TIME.minus(MILLI));
    assertThat(ann.rest()).isEmpty();
    ticker.advance(MILLI);
    assertThat(ann.rest()).containsExactly(MessageCase.LOST, MessageCase.SESSION_GONE);
  }

  @Test
  void aHeartbeatIsNotAnsweredWhileTheSessionsEndIsProposed() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ticker.advance(LEASE_TIME.minus(MILLI));
    log.hold();
    ticker.advance(MILLI); // the end is in flight, and cannot be called back
    ann.heartbeat(session, 1);
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.SESSION_GONE, MessageCase.SESSION_GONE);
  }

  @Test
  void aNewLeaderGivesEverySessionAFullLease() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    ann.acquire(first, 1, "a");
    bob.acquire(second, 1, "a");
    ticker.advance(LEASE_TIME.dividedBy(2));
    changeLeader();
    assertThat(ann.closed).isTrue();

    ticker.advance(LEASE_TIME.minus(MILLI));
    bob.hello(core).resume(second, 7, 1L);
    assertThat(bob.next().hasWelcome()).isTrue();
    assertThat(bob.next().getAlive().getNumber()).isEqualTo(7);
    assertThat(bob.rest()).isEmpty(); // it waits still
    ticker.advance(MILLI); // nobody has heard of ann
    assertThat(bob.rest()).containsExactly(MessageCase.GRANTED);
  }

  @Test
  void whoIsSilentIsGoneWithinTwoLeasesHoweverOftenTheLeaderChanges() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    ann.acquire(first, 1, "a");
    bob.acquire(second, 1, "a");
    boolean granted = false;
    for (int half = 1; half <= 4; half++) {
      assertThat(granted).as("after %d halves of a lease", half - 1).isFalse();
      ticker.advance(LEASE_TIME.dividedBy(2));
      changeLeader();
      bob.hello(core).resume(second, half, 1L);
      assertThat(bob.next().hasWelcome()).isTrue();
      granted = bob.next().getAlive().getGrantedCount() == 1;
    }
    assertThat(granted).isTrue();
  }

  @Test
  void whoIsHeardOfAfterAllHasAFullLeaseWhoeverLeads() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    ticker.advance(LEASE_TIME.minus(MILLI)); // that it was silent is in the log by now
    ann.rest();
    ann.heartbeat(session, 1);
    assertThat(ann.rest()).containsExactly(MessageCase.ALIVE);
    changeLeader();
    ticker.advance(LEASE_TIME.minus(MILLI));
    ann.hello(core).resume(session, 2, 1L);
    assertThat(ann.next().hasWelcome()).isTrue();
    assertThat(ann.next().getAlive().getGrantedCount()).isEqualTo(1);
  }

  @Test
  void whoseSilenceIsInTheLogIsAnsweredByTheLogAlone() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ticker.advance(LEASE_TIME.dividedBy(2).plus(MILLI));
    log.hold();
    ann.heartbeat(session, 1);
    log.letOne();
    assertThat(ann.rest()).as("when the majority has confirmed").isEmpty();
    log.letOne();
    assertThat(ann.rest()).as("when the log has it").containsExactly(MessageCase.ALIVE);
    log.let();
    int proposals = log.proposals();
    ann.heartbeat(session, 2);
    ticker.advance(Leadership.HEARTBEATS_TOGETHER);
    assertThat(ann.rest()).containsExactly(MessageCase.ALIVE);
    assertThat(log.proposals()).isEqualTo(proposals);
  }

  @Test
  void aSessionIsResumedWithWhatItHoldsAndWhatHasEnded() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    ann.acquire(session, 2, "b");
    long token = ann.next().getGranted().getToken();
    ann.release(session, 2, token + 1);
    ann.rest();
    changeLeader();

    ann.hello(core).resume(session, 3, 1L, 2L, 99L);
    ann.next();
    ServerMessage alive = ann.next();
    assertThat(alive.getAlive().getGrantedList())
        .containsExactly(
            Granted.newBuilder().setSession(session).setRequest(1).setToken(token).build());
    assertThat(alive.getAlive().getEndedList()).containsExactly(2L, 99L);
    ann.acquire(session, 1, "a"); // asked again: the same grant
    assertThat(ann.next().getGranted().getToken()).isEqualTo(token);
  }

  @Test
  void whoWaitsKeepsItsPlaceThroughAChangeOfLeader() {
    TestClient holder = started();
    TestClient second = started();
    TestClient third = started();
    long a = holder.opened(LEASE);
    long b = second.opened(LEASE);
    long c = third.opened(LEASE);
    holder.acquire(a, 1, "a");
    long token = holder.next().getGranted().getToken();
    second.acquire(b, 1, "a");
    third.acquire(c, 1, "a");
    changeLeader();

    third.hello(core).resume(c, 1, 1L); // the later one is back first
    second.hello(core).resume(b, 1, 1L);
    holder.hello(core).resume(a, 1, 1L);
    second.acquire(b, 1, "a");
    holder.release(a, 1, token);
    assertThat(second.rest())
        .containsExactly(
            MessageCase.WELCOME, MessageCase.ALIVE, MessageCase.QUEUED, MessageCase.GRANTED);
    assertThat(third.rest()).containsExactly(MessageCase.WELCOME, MessageCase.ALIVE);
  }

  @Test
  void holdsOutliveARestartFromSnapshotAndLog() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    log.snapshot().join();
    ann.acquire(session, 2, "b");
    restart();

    ann.hello(core).resume(session, 1, 1L, 2L);
    ann.next();
    assertThat(ann.next().getAlive().getGrantedList())
        .extracting(Granted::getToken)
        .containsExactly(token, token + 1);
    ann.release(session, 1, token);
    assertThat(ann.rest()).containsExactly(MessageCase.RELEASED);
  }

  @Test
  void whatSurvivesItsLeaderIsFoundAndTheRestNeverWas() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    ann.acquire(session, 1, "a");
    ann.acquire(session, 2, "b");
    log.follow(Optional.empty(), 1);
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.NOT_LEADER);
    log.lead();
    ann.hello(core).resume(session, 1, 1L, 2L);
    ann.next();
    ServerMessage alive = ann.next();
    assertThat(alive.getAlive().getGrantedList())
        .extracting(Granted::getRequest)
        .containsExactly(1L);
    assertThat(alive.getAlive().getEndedList()).containsExactly(2L);
  }

  @Test
  void whatTheEngineDropsIsAskedAgainByItsClient() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    log.hold();
    ann.acquire(session, 1, "a");
    log.drop(false);
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.NOT_LEADER);
    assertThat(ann.hello(core).rest()).isEmpty();
    ticker.advance(Leadership.BEGIN_AGAIN_AFTER);
    ann.resume(session, 1);
    ann.acquire(session, 1, "a");
    assertThat(ann.rest())
        .containsExactly(MessageCase.WELCOME, MessageCase.ALIVE, MessageCase.GRANTED);
  }

  @Test
  void nobodyIsServedBeforeTheLeadersFirstEntryIsApplied() {
    changeLeader();
    log.follow(Optional.empty(), 0);
    log.hold();
    log.lead();
    TestClient ann = new TestClient().hello(core);
    assertThat(ann.rest()).isEmpty();
    log.let();
    assertThat(ann.rest()).containsExactly(MessageCase.WELCOME);
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    assertThat(ann.rest()).containsExactly(MessageCase.GRANTED);
  }

  @Test
  void whoComesWhileNobodyLeadsIsToldAsSoonAsSomebodyDoes() {
    log.follow(Optional.empty(), 0);
    TestClient ann = new TestClient().hello(core);
    assertThat(ann.rest()).isEmpty();
    log.follow(Optional.of("two:1"), 0);
    assertThat(ann.rest()).isEmpty(); // where it listens is told by its first entry
    core.apply(
        log.log().size() + 1,
        ByteBuffer.wrap(
            EntryCodec.encode(
                new EntryCodec.Changes(0, List.of(new Change.Lead("two:1", "clients.two:1"))))),
        null);
    assertThat(ann.next().getNotLeader().getLeader()).isEqualTo("clients.two:1");
    assertThat(ann.closed).isTrue();
    assertThat(new TestClient().hello(core).next().getNotLeader().getLeader())
        .isEqualTo("clients.two:1");
  }

  @Test
  void whoHasFoundTheLeaderDeadIsNotSentBackToIt() {
    log.follow(Optional.empty(), 0);
    ServerCore follower = newCore("two:1");
    log.replay(follower);
    follower.follows(Optional.of("one:1"));
    TestClient ann = new TestClient().connect(follower);
    ann.say(
        ClientMessage.newBuilder()
            .setHello(
                Hello.newBuilder()
                    .setNamespace("team")
                    .setClient("ann")
                    .setUnreachable("clients.one:1")));
    assertThat(ann.rest()).isEmpty();
    follower.follows(Optional.empty());
    assertThat(ann.rest()).isEmpty();
    follower.follows(Optional.of("one:1"));
    assertThat(ann.rest()).isEmpty();
    TestClient bob = new TestClient().hello(follower);
    assertThat(bob.next().getNotLeader().getLeader()).isEqualTo("clients.one:1");
    ticker.advance(ServerCore.LEADER_PATIENCE);
    assertThat(ann.next().getNotLeader().getLeader()).isEmpty();
  }

  @Test
  void whoComesWhileNobodyLeadsIsSentAwayAfterAWhile() {
    log.follow(Optional.empty(), 0);
    TestClient ann = new TestClient().hello(core);
    ticker.advance(ServerCore.LEADER_PATIENCE.minus(MILLI));
    assertThat(ann.rest()).isEmpty();
    ticker.advance(MILLI);
    assertThat(ann.next().getNotLeader().getLeader()).isEmpty();
    assertThat(ann.closed).isTrue();
    TestClient bob = new TestClient().hello(core);
    bob.connection.gone();
    log.lead();
    assertThat(ann.rest()).isEmpty();
    assertThat(bob.rest()).isEmpty();
  }

  @Test
  void aFollowerNamesTheLeaderByItsAddressForClients() {
    log.follow(Optional.of("two:1"), 0);
    TestClient ann = new TestClient().hello(core);
    ticker.advance(ServerCore.LEADER_PATIENCE);
    assertThat(ann.next().getNotLeader().getLeader()).isEmpty(); // it has never led
    log.lead();
    ServerCore other = newCore("two:1");
    log.replay(other);
    other.follows(Optional.of("one:1"));
    ann.hello(other);
    assertThat(ann.next().getNotLeader().getLeader()).isEqualTo("clients.one:1");
    assertThat(ann.closed).isTrue();
  }

  @Test
  void aHoldEndsWhenItsMaxHoldIsOverAlsoUnderAnotherLeader() {
    TestClient ann = started();
    long session = ann.opened(3 * LEASE);
    var message = TestClient.acquiring(session, 1, true, "a");
    message.getAcquireBuilder().setMaxHoldMs(5_000);
    ann.say(message);
    assertThat(ann.next().getGranted().hasUntil()).isTrue();
    ticker.advance(Duration.ofSeconds(3));
    ann.acquire(session, 2, "b"); // table time is that of the last entry, when a leader begins
    changeLeader();
    ann.hello(core).resume(session, 1, 1L);
    ann.rest();
    ticker.advance(Duration.ofSeconds(2).minus(MILLI));
    assertThat(ann.rest()).isEmpty();
    ticker.advance(MILLI);
    assertThat(ann.next().getLost().getReason()).isEqualTo(LossReason.LOSS_REASON_EXPIRED);
  }

  @Test
  void aHoldThatWasGivenBackLeavesNoAlarm() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    for (int i = 1; i <= 1000; i++) {
      var message = TestClient.acquiring(session, i, true, "a");
      message.getAcquireBuilder().setMaxHoldMs(1_000);
      ann.say(message);
      ann.release(session, i, ann.next().getGranted().getToken());
      ann.next();
    }
    ticker.advance(Duration.ofSeconds(2));
    assertThat(log.proposals()).isEqualTo(proposals + 2000);
  }

  @Test
  void onlyTheClientWithTheNonceResumes() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    TestClient eve = started();
    eve.resume(session, 1);
    assertThat(eve.rest()).containsExactly(MessageCase.SESSION_GONE);
    eve.acquire(session, 1, "a");
    assertThat(eve.rest()).containsExactly(MessageCase.SESSION_GONE);
    ann.acquire(session, 1, "a");
    assertThat(ann.rest()).containsExactly(MessageCase.GRANTED);
  }

  @Test
  void whatComesLateFromAnOlderStreamDoesNotTakeTheSessionBackThere() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    TestClient later = new TestClient();
    System.arraycopy(ann.nonce, 0, later.nonce, 0, ann.nonce.length);
    later.hello(core).resume(session, 2);
    later.rest();
    ann.resume(session, 1);
    assertThat(ann.rest()).containsExactly(MessageCase.SESSION_GONE);
    later.acquire(session, 1, "a");
    assertThat(later.rest()).containsExactly(MessageCase.GRANTED);
  }

  @Test
  void newsGoToTheStreamOnWhichTheSessionWasResumedLast() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    ann.acquire(first, 1, "a");
    bob.acquire(second, 1, "a");
    TestClient again = new TestClient();
    System.arraycopy(bob.nonce, 0, again.nonce, 0, 16);
    again.hello(core).resume(second, 1, 1L);
    again.rest();
    bob.rest();
    ann.closeSession(first);
    assertThat(again.rest()).containsExactly(MessageCase.GRANTED);
    assertThat(bob.rest()).isEmpty();
    bob.heartbeat(second, 9);
    ticker.advance(Leadership.HEARTBEATS_TOGETHER);
    assertThat(bob.rest()).containsExactly(MessageCase.SESSION_GONE);
  }

  @Test
  void whatArrivesWhileEntriesAreOutstandingGoesAsOne() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    log.hold();
    for (int i = 1; i <= 1_000; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(log.proposals()).isEqualTo(proposals + Leadership.ENTRIES_OUTSTANDING);
    log.let();
    int more = 1 + (1_000 - Leadership.ENTRIES_OUTSTANDING) / Leadership.OPERATIONS_AN_ENTRY;
    assertThat(log.proposals()).isEqualTo(proposals + Leadership.ENTRIES_OUTSTANDING + more);
    for (int i = 1; i <= 1_000; i++) {
      assertThat(ann.next().getGranted().getRequest()).isEqualTo(i);
    }
  }

  @Test
  void whoGetsALockIsToldBeforeWhoGaveItBack() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    long token = ann.next().getGranted().getToken();
    ann.acquire(session, 2, "a");
    ann.rest();
    ann.release(session, 1, token);
    assertThat(ann.rest()).containsExactly(MessageCase.GRANTED, MessageCase.RELEASED);
  }

  @Test
  void whatAClientSaysAtOneGoGoesAsOneEntry() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    List<Runnable> afterThese = new ArrayList<>();
    ann.afterThese = afterThese;
    for (int i = 1; i <= 10; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(log.proposals()).isEqualTo(proposals);
    assertThat(afterThese).hasSize(1);
    afterThese.remove(0).run();
    assertThat(log.proposals()).isEqualTo(proposals + 1);
    assertThat(ann.rest()).hasSize(10).containsOnly(MessageCase.GRANTED);

    ann.release(session, 1, 1);
    assertThat(log.proposals()).isEqualTo(proposals + 1);
    afterThese.remove(0).run();
    assertThat(log.proposals()).isEqualTo(proposals + 2);
  }

  @Test
  void muchGoesAtOnceThoughThereIsMoreToCome() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    ann.afterThese = new ArrayList<>();
    for (int i = 1; i < Leadership.OPERATIONS_WORTH_AN_ENTRY; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(log.proposals()).isEqualTo(proposals);
    ann.acquire(session, Leadership.OPERATIONS_WORTH_AN_ENTRY, "last");
    assertThat(log.proposals()).isEqualTo(proposals + 1);
  }

  @Test
  void fewSmallEntriesAreOutstanding() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    int proposals = log.proposals();
    log.hold();
    for (int i = 1; i <= Leadership.SMALL_ENTRIES_OUTSTANDING + 10; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(log.proposals()).isEqualTo(proposals + Leadership.SMALL_ENTRIES_OUTSTANDING);
    log.letOne();
    assertThat(log.proposals()).isEqualTo(proposals + Leadership.SMALL_ENTRIES_OUTSTANDING + 1);
    log.let();
    assertThat(log.proposals()).isEqualTo(proposals + Leadership.SMALL_ENTRIES_OUTSTANDING + 1);
    assertThat(ann.rest()).hasSize(Leadership.SMALL_ENTRIES_OUTSTANDING + 10);
  }

  @Test
  void sessionsThatAreDueAtOnceEndInBatches() {
    TestClient ann = started();
    for (int i = 0; i < 100; i++) {
      ann.opened(LEASE);
    }
    TestClient bob = started();
    for (int i = 0; i < 100; i++) {
      bob.opened(LEASE);
    }
    log.hold();
    ticker.advance(LEASE_TIME);
    assertThat(log.waiting()).isLessThanOrEqualTo(Leadership.ENTRIES_OUTSTANDING);
    bob.heartbeat(core.figures().sessions(), 5); // the last one is not proposed to end yet
    log.let();
    assertThat(core.figures().sessions()).isEqualTo(1);
  }

  @Test
  void tenThousandSessionsOutliveAChangeOfLeader() {
    int clients = 100;
    int each = 100;
    TestClient[] all = new TestClient[clients];
    for (int i = 0; i < clients; i++) {
      all[i] = started();
      for (int j = 0; j < each; j++) {
        long session = all[i].opened(LEASE);
        all[i].acquire(session, 1, "name " + session);
        all[i].next();
      }
    }
    ticker.advance(LEASE_TIME.dividedBy(2));
    changeLeader();
    ticker.advance(LEASE_TIME.minus(MILLI)); // however late they come, it is in time
    assertThat(core.figures().holds()).isEqualTo(clients * each);
    long session = 0;
    for (int i = 0; i < clients; i++) {
      if (i % 2 == 0) {
        assertThat(all[i].hello(core).next().hasWelcome()).isTrue();
      }
      for (int j = 0; j < each; j++) {
        session++;
        if (i % 2 == 0) {
          all[i].resume(session, 1, 1L);
          assertThat(all[i].next().getAlive().getGrantedCount()).isEqualTo(1);
        }
      }
    }
    ticker.advance(MILLI);
    assertThat(core.figures().holds()).as("of those who came back").isEqualTo(clients * each / 2);
    assertThat(core.figures().sessions()).isEqualTo(clients * each / 2);
  }

  @Test
  void replicasThatWereFedTheSameLogAreEqual() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    for (int i = 1; i <= 50; i++) {
      ann.acquire(first, i, "a" + i % 7, "b" + i % 3);
      bob.acquire(second, i, "b" + i % 5);
      if (i % 3 == 0) {
        ann.cancel(first, i - 1);
      }
      if (i == 25) {
        log.snapshot().join();
      }
      ticker.advance(MILLI);
    }
    ServerCore follower = newCore("one:1");
    log.replay(follower);
    assertThat(follower.stateHash()).isEqualTo(core.stateHash());
    assertThat(follower.figures().waiters()).isPositive();
    bob.closeSession(second);
    assertThat(follower.stateHash()).isNotEqualTo(core.stateHash());
  }

  @Test
  void aRequestCalledOffIsToldWhoWasInItsWay() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    ann.acquire(first, 1, "a");
    bob.acquire(second, 1, "a");
    bob.rest();
    bob.cancel(second, 1);
    ServerMessage cancelled = bob.next();
    assertThat(cancelled.getCancelled().getHoldersList())
        .extracting(holder -> holder.getToken())
        .containsExactly(ann.next().getGranted().getToken());
    assertThat(cancelled.getCancelled().getHolders(0).hasExpiresUnixMs()).isTrue();
  }

  @Test
  void whoStandsBehindItselfIsTold() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    ann.acquire(session, 2, "a");
    ann.next();
    assertThat(ann.next().getQueued().getBehindOwnList()).isEqualTo(List.of(1L));
  }

  @Test
  void aStreamWithoutHelloOrUseIsClosed() {
    TestClient silent = new TestClient().connect(core);
    TestClient idle = started();
    TestClient user = started();
    long session = user.opened(3_600_000);
    ticker.advance(ServerCore.HELLO_PATIENCE);
    assertThat(silent.problem).extracting(Problem::reason).isEqualTo("NO_HELLO");
    assertThat(idle.closed).isFalse();
    ticker.advance(ServerCore.IDLE_PATIENCE);
    assertThat(idle.problem).extracting(Problem::reason).isEqualTo("IDLE");
    assertThat(user.closed).isFalse();
    user.closeSession(session);
    ticker.advance(ServerCore.IDLE_PATIENCE.multipliedBy(2));
    assertThat(user.problem).extracting(Problem::reason).isEqualTo("IDLE");
  }

  @Test
  void aLinkThatBreaksEndsWithNobodyElse() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    ann.acquire(first, 1, "a");
    ann.broken = new IllegalStateException("on purpose");
    bob.acquire(second, 1, "a");
    bob.next();
    ann.release(first, 1, 1);
    assertThat(bob.next().hasGranted()).isTrue();
    assertThat(core.figures().connections()).isEqualTo(1);
  }

  @Test
  void anEngineThatBreaksItsPromiseEndsTheServer() {
    List<Throwable> failures = new ArrayList<>();
    RuntimeException broken = new IllegalStateException("on purpose");
    Replicator throwing =
        (Replicator)
            Proxy.newProxyInstance(
                Replicator.class.getClassLoader(),
                new Class<?>[] {Replicator.class},
                (proxy, method, arguments) -> {
                  throw broken;
                });
    ServerCore unlucky =
        new ServerCore(
            "one:1",
            () -> "clients.one:1",
            throwing,
            ticker,
            Limits.DEFAULTS,
            CoreEvents.NONE,
            failures::add);
    unlucky.leads(1);
    assertThat(failures).containsExactly(broken);
    TestClient late = new TestClient().connect(unlucky);
    assertThat(late.problem).extracting(Problem::reason).isEqualTo("CLOSED");
  }

  @Test
  void aRestoredServerGivesNothingThatWasGivenSinceTheCopyWasMade() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "a");
    ann.next();
    SoloReplicator forgetful = log.copy();
    SoloReplicator copy = log.copy();
    ann.acquire(session, 2, "b");
    long lastToken = ann.next().getGranted().getToken();
    TestClient bob = inNamespace("late", core);
    long lateSession = bob.opened(LEASE);
    bob.acquire(lateSession, 1, "a");
    long lateToken = bob.next().getGranted().getToken();

    ServerCore unaware = newCore("one:1", forgetful);
    forgetful.restart(unaware);
    forgetful.lead();
    ann.hello(unaware).resume(session, 1, 1L, 2L);
    ann.acquire(session, 3, "c");
    assertThat(grants(ann)).as("what this is against").containsExactly(lastToken);

    ServerCore restored = newCore("one:1", copy);
    restored.restored(RESTORED);
    copy.restart(restored);
    copy.lead();
    assertThat(restored.figures().sessions()).isZero();
    ann.hello(restored).resume(session, 1, 1L, 2L);
    assertThat(ann.rest()).containsExactly(MessageCase.WELCOME, MessageCase.SESSION_GONE);
    long next = ann.opened(LEASE);
    assertThat(next).isGreaterThan(session + (1L << 32));
    ann.acquire(next, 1, "a");
    long token = ann.next().getGranted().getToken();
    assertThat(token).isGreaterThan(lastToken + (1L << 32));
    TestClient late = inNamespace("late", restored);
    long lateNext = late.opened(LEASE);
    assertThat(lateNext).isGreaterThan(lateSession + (1L << 32));
    late.acquire(lateNext, 1, "a");
    assertThat(late.next().getGranted().getToken()).isGreaterThan(lateToken + (1L << 32));

    ServerCore follower = newCore("two:1");
    copy.replay(follower);
    assertThat(follower.stateHash()).isEqualTo(restored.stateHash());

    copy.follow(Optional.empty(), 0);
    copy.lead();
    ann.hello(restored).resume(next, 1, 1L);
    assertThat(ann.rest()).as("once is enough").contains(MessageCase.ALIVE);
    ann.acquire(next, 2, "b");
    assertThat(ann.next().getGranted().getToken()).isEqualTo(token + 1);
  }

  private static List<Long> grants(TestClient client) {
    return client.heard.stream()
        .filter(ServerMessage::hasGranted)
        .map(message -> message.getGranted().getToken())
        .toList();
  }

  private static TestClient inNamespace(String namespace, ServerCore core) {
    TestClient client = new TestClient().connect(core);
    client.say(
        ClientMessage.newBuilder()
            .setHello(Hello.newBuilder().setNamespace(namespace).setClient("bob")));
    assertThat(client.next().hasWelcome()).isTrue();
    return client;
  }

  @Test
  void theStateIsToldWithTheIndexOfTheLastEntryInIt() throws IOException {
    TestClient ann = started();
    ann.acquire(ann.opened(LEASE), 1, "a");
    ServerCore.State state = core.state();
    assertThat(state.index()).isEqualTo(log.log().size());
    ann.acquire(1, 2, "b");
    assertThat(core.state().index()).isEqualTo(log.log().size());
    ServerCore follower = newCore("two:1");
    for (int index = 1; index <= state.index(); index++) {
      follower.apply(index, log.log().get(index - 1).duplicate(), null);
    }
    assertThat(follower.state().hash()).isEqualTo(state.hash());
    ByteArrayOutputStream snapshot = new ByteArrayOutputStream();
    state.frozen().write(snapshot);
    TestClient bob = inNamespace("late", core);
    bob.opened(LEASE);
    follower = newCore("three:1");
    log.replay(follower);
    assertThat(follower.state().index()).isEqualTo(log.log().size());
    assertThat(follower.state().hash()).isNotEqualTo(state.hash());
    assertThat(follower.figures().namespaces()).isEqualTo(2);
    follower.restore(new ByteArrayInputStream(snapshot.toByteArray()));
    assertThat(follower.state().index()).isZero();
    assertThat(follower.state().hash()).isEqualTo(state.hash());
  }

  private void changeLeader() {
    log.follow(Optional.empty(), 0);
    log.lead();
  }

  private void restart() {
    core = newCore("one:1");
    log.restart(core);
    log.lead();
  }

  /** A client that was welcomed. */
  private TestClient started() {
    TestClient client = new TestClient().hello(core);
    assertThat(client.next().hasWelcome()).isTrue();
    return client;
  }

  private ServerCore newCore(String name) {
    return newCore(name, log);
  }

  private ServerCore newCore(String name, Replicator replicator) {
    return new ServerCore(
        name,
        () -> "clients." + name,
        replicator,
        ticker,
        Limits.DEFAULTS,
        CoreEvents.NONE,
        cause -> {});
  }
}
