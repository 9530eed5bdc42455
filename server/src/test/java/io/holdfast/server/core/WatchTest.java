package io.holdfast.server.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.holdfast.protocol.v1.ClientMessage;
import io.holdfast.protocol.v1.ForceRelease;
import io.holdfast.protocol.v1.Key;
import io.holdfast.protocol.v1.LockEvent;
import io.holdfast.protocol.v1.LossReason;
import io.holdfast.protocol.v1.Mode;
import io.holdfast.protocol.v1.ServerMessage.MessageCase;
import io.holdfast.protocol.v1.Target;
import io.holdfast.protocol.v1.WatchLocksResponse;
import io.holdfast.server.replication.SoloReplicator;
import io.holdfast.server.security.Action;
import io.holdfast.server.security.AuthReason;
import io.holdfast.server.security.Caller;
import io.holdfast.testkit.ManualTicker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What onlookers are told of the locks of others. */
class WatchTest {
  private static final long LEASE = 10_000;
  private static final int UNSENT = 20;
  private static final int WATCHES = 3;

  private final ManualTicker ticker = new ManualTicker();
  private final SoloReplicator log = new SoloReplicator("one:1");
  private final ServerCore core =
      new ServerCore(
          "one:1",
          () -> "clients.one:1",
          log,
          ticker,
          Limits.DEFAULTS.with(Map.of("watches", WATCHES, "unsent-messages", UNSENT)),
          CoreEvents.NONE,
          cause -> {});

  @BeforeEach
  void lead() {
    log.start(core);
    log.lead();
  }

  @Test
  void anOnlookerIsToldThePresentAndThenWhatHappens() {
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    ann.acquire(first, 1, "job/a");
    long token = ann.next().getGranted().getToken();

    Onlooker eve = new Onlooker().watch("job/");
    assertThat(eve.told).hasSize(1);
    assertThat(eve.told.get(0).getPresent().getMore()).isFalse();
    assertThat(eve.told.get(0).getPresent().getLocksList())
        .singleElement()
        .satisfies(
            lock -> {
              assertThat(lock.getKey().getName()).isEqualTo("job/a");
              assertThat(lock.getHolders(0).getToken()).isEqualTo(token);
            });
    eve.told.clear();

    bob.acquire(second, 1, "job/a");
    ann.release(first, 1, token);
    bob.release(second, 1, token + 1);
    assertThat(eve.lines())
        .containsExactly(
            "QUEUED job/a",
            "RELEASED job/a token=" + token,
            "GRANTED job/a token=" + (token + 1) + " waited",
            "RELEASED job/a token=" + (token + 1));
  }

  @Test
  void whatIsAskedOrSaidTwiceHappenedOnce() {
    Onlooker eve = new Onlooker().watch("");
    TestClient ann = started();
    TestClient bob = started();
    long first = ann.opened(LEASE);
    long second = bob.opened(LEASE);
    for (int i = 0; i < 2; i++) {
      ann.acquire(first, 1, "a");
      bob.acquire(second, 1, "a");
    }
    for (int i = 0; i < 2; i++) {
      bob.cancel(second, 1);
      ann.release(first, 1, 1);
    }
    bob.cancel(second, 7); // never asked for
    bob.say(TestClient.acquiring(second, 8, false, "b"));
    ann.say(TestClient.acquiring(first, 9, false, "b")); // busy is nothing that happens to a lock
    assertThat(eve.lines())
        .containsExactly(
            "GRANTED a token=1",
            "QUEUED a",
            "CANCELLED a",
            "RELEASED a token=1",
            "GRANTED b token=2");
  }

  @Test
  void otherNamesAndTreesAreNotTold() {
    Onlooker names = new Onlooker().watch("a");
    Onlooker tree = new Onlooker();
    tree.connection.watch(true, "a", "", tree.told::add);
    tree.told.clear();
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ann.acquire(session, 1, "b", "ab");
    ann.acquire(session, 2, "b2");
    ClientMessage.Builder node = TestClient.acquiring(session, 3, true);
    node.getAcquireBuilder()
        .addTargets(
            Target.newBuilder()
                .setKey(Key.newBuilder().setName("a").setPath("/x"))
                .setMode(Mode.MODE_SHARED));
    ann.say(node);
    assertThat(names.lines()).containsExactly("GRANTED b ab token=1");
    assertThat(tree.lines()).containsExactly("GRANTED a/x token=3");
  }

  @Test
  void lossesAreToldWithTheirReasons() {
    Onlooker eve = new Onlooker().watch("");
    TestClient ann = started();
    long session = ann.opened(LEASE);
    ClientMessage.Builder brief = TestClient.acquiring(session, 1, true, "a");
    brief.getAcquireBuilder().setMaxHoldMs(LEASE / 2);
    ann.say(brief);
    ann.acquire(session, 2, "b");
    ann.acquire(session, 3, "c");
    ann.say(
        ClientMessage.newBuilder()
            .setForceRelease(
                ForceRelease.newBuilder().setKey(Key.newBuilder().setName("b")).setToken(2)));
    assertThat(eve.events())
        .extracting(LockEvent::getKind, LockEvent::getReason)
        .endsWith(tuple(LockEvent.Kind.KIND_LOST, LossReason.LOSS_REASON_REVOKED));
    ticker.advance(Duration.ofMillis(LEASE));
    assertThat(eve.events())
        .filteredOn(event -> event.getKind() == LockEvent.Kind.KIND_LOST)
        .extracting(event -> event.getHolder().getToken() + " " + event.getReason())
        .containsExactly(
            "2 LOSS_REASON_REVOKED", "1 LOSS_REASON_EXPIRED", "3 LOSS_REASON_SESSION_ENDED");
  }

  @Test
  void watchingBeginsOnlyWhenAMajorityHasConfirmed() {
    TestClient ann = started();
    long session = ann.opened(LEASE);
    Onlooker eve = new Onlooker();
    log.hold();
    eve.watch("");
    assertThat(eve.told).isEmpty();
    log.let();
    assertThat(eve.told).singleElement().matches(WatchLocksResponse::hasPresent);
    ann.acquire(session, 1, "a");
    assertThat(eve.lines()).containsExactly("GRANTED a token=1");
  }

  @Test
  void watchingEndsWithTheLeadership() {
    Onlooker eve = new Onlooker().watch("");
    log.follow(Optional.empty(), 0);
    assertThat(eve.client.rest()).containsExactly(MessageCase.NOT_LEADER);
    assertThat(eve.client.closed).isTrue();
  }

  @Test
  void whoDoesNotKeepUpIsSentAwayAndNobodyElse() {
    Onlooker eve = new Onlooker().watch("");
    Onlooker mallory = new Onlooker().watch("");
    mallory.client.ready = false;
    TestClient ann = started();
    long session = ann.opened(LEASE);
    for (int i = 1; i <= UNSENT; i++) {
      ann.acquire(session, i, "a" + i);
    }
    assertThat(mallory.client.closed).isFalse();
    ann.acquire(session, UNSENT + 1, "b");
    assertThat(mallory.client.problem.reason()).isEqualTo("SLOW_READER");
    assertThat(mallory.client.problem.code()).isEqualTo(Problem.Code.RESOURCE_EXHAUSTED);
    ann.acquire(session, UNSENT + 2, "c");
    assertThat(eve.lines()).hasSize(UNSENT + 2);
  }

  @Test
  void watchesAreLimitedAndCountedWhileTheyLast() {
    List<Onlooker> all = new ArrayList<>();
    for (int i = 0; i < WATCHES; i++) {
      all.add(new Onlooker().watch(""));
    }
    Onlooker more = new Onlooker().watch("");
    assertThat(more.client.next().getFailed().getError().getReason()).isEqualTo("TOO_MANY_WATCHES");
    all.get(0).connection.gone();
    assertThat(new Onlooker().watch("").told).hasSize(1);
  }

  @Test
  void anOnlookerWhoseCredentialLapsesIsSentAwayWithinSeconds() {
    Onlooker eve = new Onlooker().watch("");
    ticker.advance(ServerCore.IDLE_PATIENCE.multipliedBy(2));
    assertThat(eve.client.closed).isFalse();
    eve.client.lapse = AuthReason.DENIED;
    ticker.advance(Connection.LISTENER_CHECK);
    assertThat(eve.client.problem.reason()).isEqualTo("DENIED");
    assertThat(eve.client.problem.code()).isEqualTo(Problem.Code.UNAUTHENTICATED);
  }

  @Test
  void watchingNeedsToBeAllowedToRead() {
    Onlooker eve =
        new Onlooker(new Caller("eve", Optional.empty(), Map.of("team", Set.of(Action.ACQUIRE))))
            .watch("");
    assertThat(eve.client.next().getFailed().getError().getReason()).isEqualTo("NOT_ALLOWED");
    assertThat(eve.told).isEmpty();
  }

  @Test
  void timesOfDayAreToldAlikeForAsLongAsNobodySetsTheClock() {
    TestClient ann = started();
    long session = ann.opened(1_000_000);
    ann.acquire(session, 1, "a");
    long since =
        new Onlooker()
            .watch("")
            .told
            .get(0)
            .getPresent()
            .getLocks(0)
            .getHolders(0)
            .getSinceUnixMs();
    for (int i = 0; i < 20; i++) {
      ticker.advance(Duration.ofNanos(1_234_567));
      Onlooker eve = new Onlooker().watch("");
      assertThat(eve.told.get(0).getPresent().getLocks(0).getHolders(0).getSinceUnixMs())
          .isEqualTo(since);
      eve.connection.gone();
    }
  }

  private TestClient started() {
    TestClient client = new TestClient().hello(core);
    assertThat(client.next().hasWelcome()).isTrue();
    return client;
  }

  /** Somebody who watches and does nothing else. */
  private final class Onlooker {
    final TestClient client;
    final Connection connection;
    final List<WatchLocksResponse> told = new ArrayList<>();

    Onlooker() {
      this(Caller.ANYBODY);
    }

    Onlooker(Caller caller) {
      client = new TestClient(caller).hello(core);
      assertThat(client.next().hasWelcome()).isTrue();
      connection = client.connection;
    }

    Onlooker watch(String prefix) {
      connection.watch(false, "", prefix, told::add);
      return this;
    }

    List<LockEvent> events() {
      return told.stream()
          .filter(WatchLocksResponse::hasEvent)
          .map(WatchLocksResponse::getEvent)
          .toList();
    }

    List<String> lines() {
      return events().stream().map(Onlooker::line).toList();
    }

    private static String line(LockEvent event) {
      List<Target> targets =
          event.hasHolder()
              ? event.getHolder().getTargetsList()
              : event.getWaiter().getTargetsList();
      StringBuilder line = new StringBuilder(event.getKind().name().substring("KIND_".length()));
      for (Target target : targets) {
        line.append(' ').append(target.getKey().getName()).append(target.getKey().getPath());
      }
      if (event.hasHolder()) {
        line.append(" token=").append(event.getHolder().getToken());
      }
      return line.append(event.getWaited() ? " waited" : "").toString();
    }
  }
}
